"""What a launcher is given, and the error it raises."""

from mlrift.values import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@record
class Program:
    """What to start: the image, its argument list beginning with its name, its environment."""

    image: bytes
    arguments: "Sequence[str]"
    environment: "Mapping[str, str]"
    file_suffix: str


class LaunchError(OSError):
    """The system would not start the program; `str()` is what the user reads."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(number, message)
        self.message = message

    def __str__(self) -> str:
        return self.message


def exec_failed(error: OSError) -> LaunchError:
    """Return the error that reports a refused execution."""
    number = error.errno or 0
    return LaunchError(f"exec failed (errno={number}): {error.strerror}", number)
