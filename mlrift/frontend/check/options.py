"""What the driver may choose about checking."""

from dataclasses import dataclass
from enum import Enum, unique

from mlrift.ir.assembly import Assembler
from mlrift.targets import Cpu


@unique
class MainRequirement(Enum):
    """What is built, as far as reachability is concerned.

    EXECUTABLE needs `main` and keeps what it reaches. LIBRARY (`mlrc check`) needs no `main`:
    without one, every function of the root file counts as reachable. LISTING is the same with the
    root file's other functions as far as they have no unknown names. OBJECT keeps every function.
    """

    EXECUTABLE = "executable"
    LIBRARY = "library"
    LISTING = "listing"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Options of `check_program`. Whether type shapes are warnings is the sink's business.

    Assembly must fit the `cpus` that code is generated for, or, when there are none, one of those
    with `assemblers`. Without assemblers it is not checked.
    """

    entry: MainRequirement = MainRequirement.EXECUTABLE
    cpus: tuple[Cpu, ...] = ()
    assemblers: tuple[Assembler, ...] = ()
