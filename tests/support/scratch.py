"""Where programs of tests lie and run: in memory if there is a file system of it.

To make and remove a folder on a disk takes 4 ms, and a program of `tests/run` has twenty of them.
"""

import os
from functools import lru_cache

_IN_MEMORY = "/dev/shm"
_LEAST_FREE_BYTES = 256 * 1024 * 1024


@lru_cache(maxsize=1)
def scratch_root() -> str | None:
    """Return the folder for the folders of programs; None means the system's temporary one."""
    try:
        state = os.statvfs(_IN_MEMORY)
    except (OSError, AttributeError):
        return None
    is_usable = os.access(_IN_MEMORY, os.W_OK | os.X_OK) and not state.f_flag & os.ST_NOEXEC
    return _IN_MEMORY if is_usable and state.f_bavail * state.f_frsize > _LEAST_FREE_BYTES else None
