"""The one exception that a user's mistake raises, and the first mistake of all: no environment."""

import sys
from importlib.util import find_spec


class UserError(Exception):
    """A mistake that the user can fix. Its message is one line: the file, record or key, and what to do.

    Stages and console commands print it without a stack trace and exit with status 1.
    """


class ProcessLost(UserError):
    """Another process of a job that runs in several has died, or does not answer."""

    @classmethod
    def told_by(cls, error: BaseException) -> "ProcessLost":
        """The error of a connection between processes as one line."""
        reason = " ".join(str(error).split()).split(". ")[0]
        return cls(
            "another process of this job ended or does not answer; its own message says why. Start "
            f"the job again: it resumes from its last checkpoint ({reason})"
        )


def require_environment(package: str = "hydra") -> None:
    """Exit with one line when the packages of requirements/ cannot be imported by this Python."""
    if find_spec(package) is None:
        sys.exit(
            f"{sys.executable} has no package {package!r}: enter the project's environment with "
            "`. .venv/bin/activate` (`make setup` makes it), then run it again"
        )
