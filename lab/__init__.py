"""The laboratory's graphs: every arm at five seeds, the recall loop, rival corpora."""

from pipeline.errors import require_environment

require_environment()
