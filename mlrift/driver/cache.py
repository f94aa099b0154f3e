"""A content-addressed cache in the user's cache folder.

Safe when several compilers run at once (write to a temporary name, then rename), safe to delete,
bounded in size, and never needed: any failure to read or write it is the same as a miss.
"""

import os
from pathlib import Path

from mlrift.digests import sha256

LIMIT_BYTES = 256 * 1024 * 1024
_PRUNE_EVERY = 32
_CHECK_BYTES = 32


class Cache:
    """Blobs by key in `folder`; a None folder makes a cache that keeps nothing."""

    def __init__(self, folder: Path | None, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def get(self, key: str) -> bytes | None:
        """Return the blob stored under `key`, or None (also when the file was damaged)."""
        if self._folder is None:
            return None
        try:
            stored = (self._folder / key).read_bytes()
        except OSError:
            return None
        blob = stored[_CHECK_BYTES:]
        return blob if sha256(blob).digest() == stored[:_CHECK_BYTES] else None

    def put(self, key: str, blob: bytes) -> None:
        """Store a blob; losing it is harmless, so failures to write are ignored."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = self._folder / f".new-{os.getpid()}-{key[:16]}"
            temporary.write_bytes(sha256(blob).digest() + blob)
            os.replace(temporary, self._folder / key)
            if int(key[:4], 16) % _PRUNE_EVERY == 0:
                self._prune(self._folder)
        except OSError:
            return

    def _prune(self, folder: Path) -> None:
        rows = [(entry.stat(), entry.path) for entry in os.scandir(folder) if entry.is_file()]
        total = sum(row.st_size for row, _ in rows)
        for row, path in sorted(rows, key=lambda pair: pair[0].st_mtime_ns):
            if total <= self._limit_bytes:
                return
            os.unlink(path)
            total -= row.st_size


def digest(*parts: str | bytes) -> str:
    """Return the key for a list of parts; their boundaries count."""
    state = sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()
