"""Back ends: optimised IR in, bytes out. `HOSTS` is the tuple of CPUs; adding one adds a line.

The rows are imported on demand: most importers of this package want one sub-package only.
"""

from mlrift.backends.errors import BackendError
from mlrift.static_types import TYPE_CHECKING

if TYPE_CHECKING:
    from mlrift.backends.llvm.target import HostTarget
    from mlrift.targets import Cpu

__all__ = ["BackendError", "hosts", "target_of"]


def hosts() -> "tuple[HostTarget, ...]":
    """Return the row of every CPU that programs can be compiled for."""
    from mlrift.backends.arm64.target import TARGET as ARM64  # noqa: PLC0415
    from mlrift.backends.x86_64.target import TARGET as X86_64  # noqa: PLC0415

    return (X86_64, ARM64)


def target_of(cpu: "Cpu") -> "HostTarget":
    """Return the row of a CPU."""
    for row in hosts():
        if row.cpu is cpu:
            return row
    raise BackendError(f"no back end generates code for {cpu.name}")
