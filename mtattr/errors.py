"""The one exception that a user can cause and mend."""


class InputError(Exception):
    """Bad input: one line that names the file or value and what was expected.

    The command line prints the line and leaves with exit code 2; a library user catches it as any other exception.
    """
