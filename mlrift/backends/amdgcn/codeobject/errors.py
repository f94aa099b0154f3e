"""The one way in which reading a code object fails."""


class CodeObjectError(Exception):
    """A file that is no code object we can use: what is wrong with it, and where."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{where}: {what}")
        self.what = what
        self.where = where
