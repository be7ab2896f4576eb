"""One short entry point per DVC stage: `python -m stages.<name>`."""

from pipeline.errors import require_environment

require_environment()
