"""Writing results: a failure never destroys an older file and never leaves half a new one."""

import os
import stat
from enum import Enum, unique
from pathlib import Path


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


def write_file(path: Path, data: bytes, permission: Permission) -> None:
    """Write `data` to a temporary name beside `path`, then rename; raises OSError.

    Something that is not a regular file (a device, a pipe) is written in place.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "is a directory", str(path))
    if not stat.S_ISREG(mode):
        with open(path, "wb") as device:
            device.write(data)
        return
    _replace(Path(os.path.realpath(path)), data, permission.value & ~_umask())


def replace_content(path: Path, data: bytes) -> None:
    """Give an existing file other content, all at once; its mode stays. Raises OSError."""
    final = Path(os.path.realpath(path))
    _replace(final, data, stat.S_IMODE(os.stat(final).st_mode))


def _replace(final: Path, data: bytes, mode: int) -> None:
    """Write a new file beside `final`, then rename it; importing tempfile would cost 6 ms."""
    temporary = final.parent / f".{final.name[:80]}.{os.urandom(6).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, final)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
