"""What the driver may choose about checking."""

from dataclasses import dataclass
from enum import Enum, unique


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
    """Options of `check_program`. Whether type shapes are warnings is the sink's business."""

    entry: MainRequirement = MainRequirement.EXECUTABLE
