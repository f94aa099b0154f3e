"""The one error of the container layer, so that callers need only one `except`."""


class FatError(ValueError):
    """A fat file is corrupt, or its parts cannot form one; the message names what and where."""
