"""What cannot be compiled for a chip, with the place and the limit; a diagnostic is made of it."""

from mlrift.source import Span


class KernelError(Exception):
    """A kernel that the back end refuses: `reason` is for the user, `span` the place if known."""

    def __init__(self, reason: str, span: Span | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span
