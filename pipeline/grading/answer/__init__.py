"""From an output to its answer: which part it is, and one spelling for it."""
