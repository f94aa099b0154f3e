"""What a kernel may not contain, found by a pass: the front end refuses most of it before."""

from mlrift.source import Span


class DeviceError(Exception):
    """A kernel that cannot be compiled: `reason` is for the user, `span` the place if known."""

    def __init__(self, reason: str, span: Span | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span
