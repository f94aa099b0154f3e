"""Answering an unchanged compilation from the cache.

A result is stored with a manifest of every file that was read or looked for in vain, each with the
digest of its content. The next run reads the same files and compares: only the digests decide.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mlrift.driver.cache import Cache, digest
from mlrift.driver.options import CompileOptions


@dataclass(slots=True)
class Stored:
    """The outcome of a compilation; `report` has `{output}` where the output's name belongs."""

    status: int
    data: bytes
    messages: str
    report: str


class ResultCache:
    """Finds and keeps the outcome of one set of options."""

    def __init__(self, cache: Cache, options: CompileOptions, fingerprint: str) -> None:
        self._cache = cache
        where = f"{Path.cwd()}\n{options.source}"
        self._key = digest("result", fingerprint, options.cache_text(), where)

    def find(self) -> Stored | None:
        """Return the stored outcome when every file it depends on is as it was."""
        manifest = self._cache.get(self._key)
        if manifest is None:
            return None
        try:
            row = json.loads(manifest)
            if any(_file_digest(path) != known for path, known in row["files"].items()):
                return None
            data = self._cache.get(row["data"])
            if data is None:
                return None
            return Stored(row["status"], data, row["messages"], row["report"])
        except (ValueError, KeyError, TypeError):
            return None

    def keep(self, stored: Stored, files: list[str]) -> None:
        """Store an outcome together with the files it came from."""
        data_key = digest(stored.data)
        row = asdict(stored)
        row["data"] = data_key
        row["files"] = {path: _file_digest(path) for path in files}
        self._cache.put(data_key, stored.data)
        self._cache.put(self._key, json.dumps(row).encode())


def _file_digest(path: str) -> str | None:
    """Return the digest of a file's content, or None when it cannot be read."""
    try:
        return digest(Path(path).read_bytes())
    except OSError:
        return None
