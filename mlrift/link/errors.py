"""The one error the linker raises for input it cannot link; its text says what, where and why."""


class LinkError(Exception):
    """Objects or options that cannot become an image; the message names symbol and section."""
