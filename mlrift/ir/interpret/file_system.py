"""Files and folders in memory, as an interpreted program sees them.

Paths and numbers in, numbers and bytes out; failures are negative errno values. A path is kept in
its normal form, so `a/../b` is `b`; the working folder is the empty path.
"""

import posixpath
import time
from collections.abc import Mapping

_ENOENT, _EBADF, _EEXIST, _ENOTDIR, _EISDIR, _EINVAL = 2, 9, 17, 20, 21, 22
_ENAMETOOLONG, _ENOTEMPTY = 36, 39
_LONGEST_PATH = 4095
_FIRST_FILE = 3
_FILE, _FOLDER = 1, 2
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_START, _CURRENT, _END = 0, 1, 2
_READ, _APPEND, _UPDATE, _NEW = 0, 2, 3, 4
_LARGEST_BYTES = 1 << 31


class FileInfo:
    """What `os.file_info` gives: kind, size, time of change, permission bits."""

    __slots__ = ("kind", "mode", "modified_ns", "size_bytes")

    def __init__(self, kind: int, size_bytes: int, modified_ns: int, mode: int) -> None:
        self.kind = kind
        self.size_bytes = size_bytes
        self.modified_ns = modified_ns
        self.mode = mode

    def words(self) -> bytes:
        """Return the four words as they lie in memory."""
        rows = (self.kind, self.size_bytes, self.modified_ns, self.mode)
        return b"".join(row.to_bytes(8, "little") for row in rows)


class _OpenFile:
    __slots__ = ("content", "mode", "position")

    def __init__(self, content: bytearray, mode: int) -> None:
        self.content = content
        self.mode = mode
        self.position = 0


class FileSystem:
    """`files` maps paths to contents; the folders of all of them are there from the start."""

    def __init__(self, stdin: bytes, files: Mapping[bytes, bytes]) -> None:
        self.files = {normal_path(path): bytearray(content) for path, content in files.items()}
        self._folders = {b"", b"/", b"/tmp"}
        for path in self.files:
            while (path := posixpath.dirname(path)) not in self._folders:
                self._folders.add(path)
        self._working_folder = b"/work"
        self._modified_ns: dict[bytes, int] = {}
        self._open: dict[int, _OpenFile] = {0: _OpenFile(bytearray(stdin), _READ)}
        self._listings: dict[int, list[tuple[bytes, int]]] = {}

    # Descriptors.

    def open(self, path: bytes, mode: int) -> int:
        """Open to read (0), to write anew (1), to append (2), to change (3), as a new file (4)."""
        name = normal_path(path)
        error = self._cannot_open(path, name, mode)
        if error:
            return -error
        if mode not in (_READ, _APPEND, _UPDATE) or name not in self.files:
            self.files[name] = bytearray()
            self._touch(name)
        descriptor = next(n for n in range(_FIRST_FILE, 1 << 20) if n not in self._open)
        self._open[descriptor] = _OpenFile(self.files[name], mode)
        return descriptor

    def _cannot_open(self, path: bytes, name: bytes, mode: int) -> int:
        if not path:
            return _ENOENT
        if len(path) > _LONGEST_PATH:
            return _ENAMETOOLONG
        if name in self._folders:
            return _EEXIST if mode == _NEW else _EISDIR
        if posixpath.dirname(name) not in self._folders:
            return _ENOENT
        if name in self.files:
            return _EEXIST if mode == _NEW else 0
        return _ENOENT if mode == _READ else 0

    def close(self, descriptor: int) -> int:
        """Forget a descriptor."""
        return 0 if self._open.pop(descriptor, None) is not None else -_EBADF

    def read(self, descriptor: int, size_bytes: int) -> bytes | int:
        """Read on from the position."""
        file = self._open.get(descriptor)
        if file is None or file.mode not in (_READ, _UPDATE, _NEW):
            return -_EBADF
        data = bytes(file.content[file.position : file.position + size_bytes])
        file.position += len(data)
        return data

    def write(self, descriptor: int, data: bytes) -> int:
        """Write at the position, or at the end of a file opened to append."""
        file = self._open.get(descriptor)
        if file is None or file.mode == _READ:
            return -_EBADF
        if file.mode == _APPEND:
            file.position = len(file.content)
        file.content.extend(bytes(max(0, file.position - len(file.content))))
        file.content[file.position : file.position + len(data)] = data
        file.position += len(data)
        return len(data)

    def size(self, descriptor: int) -> int:
        """Return the size and rewind."""
        file = self._open.get(descriptor)
        if file is None:
            return -_EBADF
        file.position = 0
        return len(file.content)

    def seek(self, descriptor: int, offset: int, whence: int) -> int:
        """Move the position; return it."""
        file = self._open.get(descriptor)
        if file is None:
            return -_EBADF
        bases = {_START: 0, _CURRENT: file.position, _END: len(file.content)}
        base = bases.get(whence)
        if base is None or base + offset < 0:
            return -_EINVAL
        file.position = base + offset
        return file.position

    def truncate(self, descriptor: int, size_bytes: int) -> int:
        """Cut or extend with zeros."""
        file = self._open.get(descriptor)
        if file is None:
            return -_EBADF
        if file.mode == _READ or size_bytes > _LARGEST_BYTES:
            return -_EINVAL
        file.content.extend(bytes(max(0, size_bytes - len(file.content))))
        del file.content[size_bytes:]
        return 0

    def content(self, descriptor: int) -> bytearray | None:
        """Return the bytes of an open file, for a mapping."""
        file = self._open.get(descriptor)
        return file.content if file is not None else None

    def describe_open(self, descriptor: int) -> FileInfo | int:
        """Describe an open file."""
        file = self._open.get(descriptor)
        if file is None:
            return -_EBADF
        return FileInfo(_FILE, len(file.content), time.time_ns(), _FILE_MODE)

    # Paths.

    def describe(self, path: bytes) -> FileInfo | int:
        """Describe a file or folder."""
        name = normal_path(path)
        if path and name in self._folders:
            return FileInfo(_FOLDER, 0, self._modified_ns.get(name, 0), _FOLDER_MODE)
        if name not in self.files:
            return -self._why_missing(name)
        changed = self._modified_ns.get(name, 0)
        return FileInfo(_FILE, len(self.files[name]), changed, _FILE_MODE)

    def remove(self, path: bytes) -> int:
        """Remove a file."""
        name = normal_path(path)
        if path and name in self._folders:
            return -_EISDIR
        if self.files.pop(name, None) is None:
            return -self._why_missing(name)
        return 0

    def rename(self, old_path: bytes, new_path: bytes) -> int:
        """Rename a file or folder, over a file that has the new name."""
        old, new = normal_path(old_path), normal_path(new_path)
        if len(old_path) > _LONGEST_PATH or len(new_path) > _LONGEST_PATH:
            return -_ENAMETOOLONG
        if not old_path or not new_path or posixpath.dirname(new) not in self._folders:
            return -_ENOENT
        if old in self.files:
            if new in self._folders:
                return -_EISDIR
            self.files[new] = self.files.pop(old)
            return 0
        if old not in self._folders:
            return -self._why_missing(old)
        if new in self.files:
            return -_ENOTDIR
        return self._rename_folder(old, new)

    def _rename_folder(self, old: bytes, new: bytes) -> int:
        inside = old + b"/"
        if (new + b"/").startswith(inside) and new != old:
            return -_EINVAL
        if self._entries(new) and new != old:
            return -_ENOTEMPTY
        moved = {name: new + name[len(old) :] for name in self.files if name.startswith(inside)}
        for name, target in moved.items():
            self.files[target] = self.files.pop(name)
        self._folders = {
            new + name[len(old) :] if name == old or name.startswith(inside) else name
            for name in self._folders
        }
        return 0

    def make_folder(self, path: bytes) -> int:
        """Make a folder in one that is there."""
        name = normal_path(path)
        if not path or posixpath.dirname(name) not in self._folders:
            return -self._why_missing(name)
        if name in self._folders or name in self.files:
            return -_EEXIST
        self._folders.add(name)
        self._touch(name)
        return 0

    def remove_folder(self, path: bytes) -> int:
        """Remove an empty folder."""
        name = normal_path(path)
        if not path or name not in self._folders:
            return -(_ENOTDIR if name in self.files else self._why_missing(name))
        if self._entries(name):
            return -_ENOTEMPTY
        self._folders.discard(name)
        return 0

    def open_folder(self, path: bytes) -> int:
        """Start a listing; return its handle."""
        name = normal_path(path)
        if not path or name not in self._folders:
            return -(_ENOTDIR if name in self.files else self._why_missing(name))
        handle = len(self._listings) + 1
        self._listings[handle] = self._entries(name)
        return handle

    def next_entry(self, handle: int) -> tuple[bytes, int] | int:
        """Return the next name and its kind, or 0 at the end."""
        listing = self._listings.get(handle)
        if listing is None:
            return -_EBADF
        return listing.pop() if listing else 0

    def close_folder(self, handle: int) -> int:
        """End a listing."""
        return 0 if self._listings.pop(handle, None) is not None else -_EBADF

    def working_folder(self) -> bytes:
        """Return the path of the working folder."""
        return self._working_folder

    def _touch(self, name: bytes) -> None:
        self._modified_ns[name] = time.time_ns()

    def _why_missing(self, name: bytes) -> int:
        if len(name) > _LONGEST_PATH:
            return _ENAMETOOLONG
        return _ENOTDIR if posixpath.dirname(name) in self.files else _ENOENT

    def _entries(self, name: bytes) -> list[tuple[bytes, int]]:
        rows = [(path, _FILE) for path in self.files]
        rows += [(path, _FOLDER) for path in self._folders if path not in (b"", b"/")]
        inside = [row for row in rows if posixpath.dirname(row[0]) == name]
        return [(posixpath.basename(path), kind) for path, kind in inside]


def normal_path(path: bytes) -> bytes:
    """Return the path without `.`, `..` and doubled slashes; the working folder is empty."""
    normal = posixpath.normpath(path)
    return b"" if normal == b"." else normal
