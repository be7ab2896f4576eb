"""Mine mathematics from the web (section 2.1): pages in, a decontaminated math corpus out. See
docs/corpus.md.
"""
