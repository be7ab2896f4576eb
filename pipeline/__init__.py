"""The library of the reproduction; docs/contracts.md says what each part promises the others."""
