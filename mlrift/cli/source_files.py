"""Source files named on the command line: a path in, its text out, or one readable error."""

from pathlib import Path


class UnreadableSource(Exception):
    """A file that cannot be read; the message says which, and why."""


def read_source(path: Path) -> str:
    """Return the text of a file; bytes that are not UTF-8 become lone surrogates."""
    try:
        return decode_source(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        if isinstance(error, FileNotFoundError):
            reason = "file not found"
        raise UnreadableSource(f"cannot open '{path}': {reason}") from error


def decode_source(data: bytes) -> str:
    """Return the text of a source's bytes."""
    return data.decode("utf-8", "surrogateescape")


def encode_source(text: str) -> bytes:
    """Return the bytes that `decode_source` turned into this text."""
    return text.encode("utf-8", "surrogateescape")
