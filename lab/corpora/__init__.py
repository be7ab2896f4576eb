"""Rival corpora at equal token budgets (claims C1, C2, C4 and C5)."""
