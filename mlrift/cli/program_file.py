"""Files named on `mlr`'s command line: a path in, checked content out, or one readable error."""

from mlrift.container.errors import FatError
from mlrift.container.reading import is_fat, read_fat
from mlrift.targets import TARGETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mlrift.container.fatfile import FatFile

_HEAD_BYTES = 16
_EXECUTABLE_MAGICS = (
    b"\x7fELF",
    b"MZ",
    b"#!",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
)


class CommandError(Exception):
    """What the user asked for cannot be done; the message says what, and what to do."""


def read_program(path: str) -> bytes:
    """Return the content of a fat file or of an executable; anything else is refused."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
            if is_fat(head) or head.startswith(_EXECUTABLE_MAGICS):
                return head + file.read()
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or "it does not fit into memory"
        raise CommandError(f"cannot open '{path}': {reason}") from error
    reason = "" if head else " (the file is empty)"
    raise CommandError(f"'{path}' is not an MLRift program{reason}")


def parse_fat(path: str, data: bytes) -> "FatFile":
    """Return the tables of the fat file `data` that was read from `path`."""
    try:
        return read_fat(data)
    except FatError as error:
        raise damaged(path, error) from error


def damaged(path: str, error: FatError) -> CommandError:
    """Return the error that reports a damaged fat file."""
    return CommandError(f"cannot open '{path}': {error}")


def slice_name(slice_id: int) -> str:
    """Return the target name that belongs to a slice id."""
    for target in TARGETS:
        if target.slice_id == slice_id:
            return target.name
    return f"id-{slice_id}"
