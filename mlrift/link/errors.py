"""What the linker raises for input it cannot link; the text says what, where and why.

The two subclasses are mistakes that a program can make; anything else is the compiler's.
"""


class LinkError(Exception):
    """Objects or options that cannot become an image; the message names symbol and section."""


class DuplicateSymbolsError(LinkError):
    """Two objects define a symbol, or one defines what the linker does."""

    def __init__(self, places: dict[str, str]) -> None:
        rows = "\n  ".join(f"`{name}` {where}" for name, where in places.items())
        super().__init__(f"symbols defined more than once:\n  {rows}")
        self.names = tuple(places)


class ImageTooLargeError(LinkError):
    """More memory than code can reach by a relative address."""

    def __init__(self, section: str, size_bytes: int) -> None:
        super().__init__(f"section {section}: the image exceeds 2 GiB")
        self.size_bytes = size_bytes
