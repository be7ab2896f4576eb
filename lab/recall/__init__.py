"""The recall loop at laboratory size (claim C3)."""
