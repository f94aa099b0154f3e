"""The files of the OS layer for interpreted programs: `os.*` over words and a `FileSystem`."""

from collections.abc import Callable

from mlrift.ir.interpret.file_system import FileInfo, FileSystem
from mlrift.ir.interpret.memory import Memory, MemoryFault
from mlrift.ir.numbers import WORD_MASK, signed

_EFAULT, _EINVAL, _EBADF, _ENAMETOOLONG, _ERANGE, _ENOMEM = 14, 22, 9, 36, 34, 12
_MAP_TO_CHANGE = 1


def bind_file_functions(memory: Memory, files: FileSystem) -> dict[str, Callable[..., int]]:
    """Return the functions by symbol."""
    bound = _FileFunctions(memory, files)
    return {f"os.{name}": _guarded(getattr(bound, name)) for name in _NAMES}


_NAMES = (
    "file_seek",
    "file_truncate",
    "file_sync",
    "file_info",
    "file_info_open",
    "is_terminal",
    "file_remove",
    "file_rename",
    "file_map",
    "file_unmap",
    "folder_make",
    "folder_remove",
    "folder_open",
    "folder_next",
    "folder_close",
    "folder_current",
)


def _guarded(function: Callable[..., int]) -> Callable[..., int]:
    """Make bad addresses -EFAULT and all results words."""

    def call(*arguments: int) -> int:
        try:
            return function(*arguments) & WORD_MASK
        except MemoryFault:
            return -_EFAULT & WORD_MASK

    return call


class _FileFunctions:
    def __init__(self, memory: Memory, files: FileSystem) -> None:
        self._memory = memory
        self._files = files
        self._written_back: dict[int, tuple[bytearray, int, int]] = {}

    def file_seek(self, descriptor: int, offset: int, whence: int) -> int:
        return self._files.seek(descriptor, signed(offset), whence)

    def file_truncate(self, descriptor: int, size_bytes: int) -> int:
        return self._files.truncate(descriptor, size_bytes)

    def file_sync(self, descriptor: int) -> int:
        return 0 if self._files.content(descriptor) is not None else -_EBADF

    def file_info(self, path: int, result: int) -> int:
        return self._store(self._files.describe(self._memory.text(path)), result)

    def file_info_open(self, descriptor: int, result: int) -> int:
        return self._store(self._files.describe_open(descriptor), result)

    def is_terminal(self, descriptor: int) -> int:
        """Say no: what a program writes is kept."""
        return 0

    def file_remove(self, path: int) -> int:
        return self._files.remove(self._memory.text(path))

    def file_rename(self, old: int, new: int) -> int:
        return self._files.rename(self._memory.text(old), self._memory.text(new))

    def file_map(self, descriptor: int, offset: int, size_bytes: int, mode: int) -> int:
        """Map a copy; one that is to be changed is written back when it is unmapped."""
        content = self._files.content(descriptor)
        if content is None:
            return -_EBADF
        if not size_bytes or offset % 0x10000:
            return -_EINVAL
        address = self._memory.map(size_bytes)
        if not address:
            return -_ENOMEM
        self._memory.write(address, bytes(content[offset : offset + size_bytes]))
        if mode == _MAP_TO_CHANGE:
            self._written_back[address] = (content, offset, size_bytes)
        return address

    def file_unmap(self, address: int, size_bytes: int) -> int:
        target = self._written_back.pop(address, None)
        if target is not None:
            content, offset, size_bytes = target
            kept = min(size_bytes, max(0, len(content) - offset))
            content[offset : offset + kept] = self._memory.read(address, kept)
        return 0 if self._memory.unmap(address) else -_EINVAL

    def folder_make(self, path: int) -> int:
        return self._files.make_folder(self._memory.text(path))

    def folder_remove(self, path: int) -> int:
        return self._files.remove_folder(self._memory.text(path))

    def folder_open(self, path: int) -> int:
        return self._files.open_folder(self._memory.text(path))

    def folder_next(self, handle: int, buffer: int, size_bytes: int) -> int:
        found = self._files.next_entry(handle)
        if isinstance(found, int):
            return found
        name, kind = found
        if len(name) >= size_bytes:
            return -_ENAMETOOLONG
        self._memory.write(buffer, name + b"\0")
        return kind

    def folder_close(self, handle: int) -> int:
        return self._files.close_folder(handle)

    def folder_current(self, buffer: int, size_bytes: int) -> int:
        path = self._files.working_folder()
        if len(path) >= size_bytes:
            return -_ERANGE
        self._memory.write(buffer, path + b"\0")
        return 0

    def _store(self, info: FileInfo | int, result: int) -> int:
        if isinstance(info, int):
            return info
        self._memory.write(result, info.words())
        return 0
