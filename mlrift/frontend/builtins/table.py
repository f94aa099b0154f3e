"""Every builtin by name: what the checker looks up (print, println, fn_addr, call_ptr apart)."""

from mlrift.frontend.builtins.atomics import ATOMICS
from mlrift.frontend.builtins.bits import BITS
from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.builtins.files import FILE_SYSTEM, FILES
from mlrift.frontend.builtins.floats import FLOATS
from mlrift.frontend.builtins.matrices import MATRICES
from mlrift.frontend.builtins.memory import MEMORY
from mlrift.frontend.builtins.parallel import PARALLEL
from mlrift.frontend.builtins.process import PROCESS
from mlrift.frontend.builtins.sockets import SOCKETS
from mlrift.frontend.builtins.text import TEXT
from mlrift.frontend.builtins.threads import THREADS

BUILTINS: dict[str, Builtin] = {
    row.name: row
    for family in (
        PROCESS,
        MEMORY,
        FILES,
        FILE_SYSTEM,
        TEXT,
        BITS,
        ATOMICS,
        FLOATS,
        THREADS,
        PARALLEL,
        MATRICES,
        SOCKETS,
    )
    for row in family
}
