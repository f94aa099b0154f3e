"""Writing results: a failure never destroys an older file and never leaves half a new one."""

import os
import stat
from enum import Enum, unique
from pathlib import Path

from mlrift.static_types import TYPE_CHECKING
from mlrift.values import value

if TYPE_CHECKING:
    from collections.abc import Sequence


@unique
class Permission(Enum):
    """The mode of a written file before the umask."""

    PLAIN = 0o666
    EXECUTABLE = 0o777


def is_same_file(source: Path, output: Path) -> bool:
    """Return whether writing `output` would overwrite the file `source`."""
    try:
        return os.path.samefile(source, output) and os.path.isfile(source)
    except OSError:
        return False


@value
class NewFile:
    """A file to write."""

    path: Path
    data: bytes
    permission: Permission


def write_file(path: Path, data: bytes, permission: Permission) -> None:
    """Write one file as `write_files` does."""
    write_files([NewFile(path, data, permission)])


def write_files(files: "Sequence[NewFile]") -> None:
    """Write files to temporary names beside their own, then rename them all.

    Raises OSError, with the path of the file that cannot be written, before the first is renamed.
    Something that is not a regular file (a device, a pipe) is written in place.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for file in files:
            staged += _stage_or_write(file)
        for temporary, final in staged:
            os.replace(temporary, final)
    except BaseException:
        for temporary, _ in staged:
            if temporary.exists():
                os.unlink(temporary)
        raise


def _stage_or_write(file: NewFile) -> list[tuple[Path, Path]]:
    """Return the temporary name and the final one, none for what is written in place."""
    path = file.path
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "is a directory", str(path))
    try:
        if not stat.S_ISREG(mode):
            with open(path, "wb") as device:
                device.write(file.data)
            return []
        final = Path(os.path.realpath(path))
        return [(_stage(final, file.data, file.permission.value & ~_umask()), final)]
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error


def replace_content(path: Path, data: bytes) -> None:
    """Give an existing file other content, all at once; its mode stays. Raises OSError."""
    final = Path(os.path.realpath(path))
    os.replace(_stage(final, data, stat.S_IMODE(os.stat(final).st_mode)), final)


def _stage(final: Path, data: bytes, mode: int) -> Path:
    """Write a new file beside `final`; importing tempfile would cost 6 ms."""
    temporary = final.parent / f".{final.name[:80]}.{os.urandom(6).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
