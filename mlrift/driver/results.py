"""Answering an unchanged compilation from the cache.

A result is stored with a manifest of every file that was read or looked for in vain, each with the
digest of its content. The next run reads the same files and compares: only the digests decide.
"""

import json
from pathlib import Path

from mlrift.driver.cache import Cache, digest
from mlrift.driver.options import CompileOptions
from mlrift.values import value

HEADER, IMPORT_LIBRARY = "header", "import library"
CODE_OBJECT, KERNEL_ASSEMBLY, HIP_SOURCE = "code object", "assembly", "HIP source"
SUFFIXES = {HEADER: ".h", IMPORT_LIBRARY: ".lib"}


@value
class Companion:
    """A file that is written beside the output: the header of a library, its import library.

    A file of kernels has the `ending` that follows the stem of the output.
    """

    kind: str
    data: bytes
    ending: str = ""


@value
class Stored:
    """The outcome of a compilation; `report` has `{output}` where the output's name belongs."""

    status: int
    data: bytes
    messages: str
    report: str
    companions: tuple[Companion, ...] = ()


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
            files = [(kind, self._cache.get(key), end) for kind, key, end in row["companions"]]
            companions = [
                Companion(kind, data, end) for kind, data, end in files if data is not None
            ]
            if data is None or len(companions) < len(files):
                return None
            texts = (row["messages"], row["report"])
            return Stored(row["status"], data, *texts, tuple(companions))
        except (ValueError, KeyError, TypeError):
            return None

    def keep(self, stored: Stored, files: list[str]) -> None:
        """Store an outcome together with the files it came from."""
        row = {
            "status": stored.status,
            "data": self._put(stored.data),
            "companions": [
                (row.kind, self._put(row.data), row.ending) for row in stored.companions
            ],
            "messages": stored.messages,
            "report": stored.report,
            "files": {path: _file_digest(path) for path in files},
        }
        self._cache.put(self._key, json.dumps(row).encode())

    def _put(self, data: bytes) -> str:
        """Store bytes by their digest, which is returned."""
        key = digest(data)
        self._cache.put(key, data)
        return key


def _file_digest(path: str) -> str | None:
    """Return the digest of a file's content, or None when it cannot be read."""
    try:
        return digest(Path(path).read_bytes())
    except OSError:
        return None
