"""What the driver may choose about checking."""

from enum import Enum, unique

from mlrift.ir.assembly import Assembler
from mlrift.targets import Cpu
from mlrift.values import value


@unique
class MainRequirement(Enum):
    """What is built, as far as reachability is concerned.

    EXECUTABLE needs `main` and keeps what it reaches. LIBRARY (`mlrc check`) needs no `main`:
    without one, every function of the root file counts as reachable. LISTING is the same with the
    root file's other functions as far as they have no unknown names. OBJECT keeps every function.
    EXPORTS needs no `main` and keeps what `@export` functions reach: a library for C. DEVICE looks
    at kernels and what they call, and keeps these.
    """

    EXECUTABLE = "executable"
    LIBRARY = "library"
    LISTING = "listing"
    OBJECT = "object"
    EXPORTS = "exports"
    DEVICE = "device"


@value
class CheckOptions:
    """Options of `check_program`. Whether type shapes are warnings is the sink's business.

    Assembly must fit the `cpus` that code is generated for, or, when there are none, one of those
    with `assemblers`. Without assemblers it is not checked.
    """

    entry: MainRequirement = MainRequirement.EXECUTABLE
    cpus: tuple[Cpu, ...] = ()
    assemblers: tuple[Assembler, ...] = ()
