"""The one exception that a user's mistake raises."""


class UserError(Exception):
    """A mistake that the user can mend. Its message is one line: the file, record or key, and what to do.

    `pipeline.wiring.stage` and the console scripts print it without a stack trace and exit with status 1.
    """
