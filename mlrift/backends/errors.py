"""What a back end raises: our own mistake or a stated limit, with its place in the program."""


class BackendError(Exception):
    """Code generation failed: what, in which function or module, and what to do about it."""
