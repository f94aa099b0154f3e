"""The seam to what executes code: a launch as a card sees it, and who runs it."""

from typing import Protocol

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.descriptor import Descriptor
from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.values import value


@value
class MemoryRange:
    """Memory that a kernel may use at `address`; in this process it is at `host`."""

    address: int
    size: int
    host: int
    name: str


@value
class CardLaunch:
    """A dispatch: where it begins, its descriptor, what user registers hold, how many groups.

    `code` is the memory from `code_address` on in which `entry_address` is; the descriptor has the
    LDS and private memory of this launch, dynamic LDS with it. `user_data` is by the names of
    `Descriptor.user_registers`; a launch by registers has `user_registers` instead.
    """

    chip: Chip
    code: bytes
    code_address: int
    entry_address: int
    descriptor: Descriptor
    user_data: tuple[tuple[str, int], ...]
    blocks: tuple[int, int, int]
    group: tuple[int, int, int]
    ranges: tuple[MemoryRange, ...]
    user_registers: tuple[int, ...] = ()


class Executor(Protocol):
    """Runs launches to their end."""

    def note_code(self, loaded: LoadedObject) -> None:
        """Learn what a file has, for names and lines."""

    def run(self, launch: CardLaunch) -> None:
        """Execute; raises DeviceLost with what the kernel did wrong."""
