"""From HTML to text with its formulas as LaTeX."""
