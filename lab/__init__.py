"""The laboratory's graphs: every arm on twelve chains, the recall loop, rival corpora."""

from pipeline.errors import require_environment

require_environment()
