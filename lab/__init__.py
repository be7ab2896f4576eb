"""The laboratory's graphs: every arm at five seeds, the recall loop, rival corpora."""
