"""From an answer to its value: tokens, trees, forms, and whether two of them are equal."""
