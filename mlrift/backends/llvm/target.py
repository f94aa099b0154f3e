"""The row that makes a CPU a host target of the LLVM back end."""

from collections.abc import Callable, Mapping, Sequence

from mlrift.backends.llvm.foreign_arguments import Arrangement
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.assembly import Assembler
from mlrift.static_types import TYPE_CHECKING
from mlrift.targets import Cpu, System
from mlrift.values import value

if TYPE_CHECKING:
    from mlrift.backends.llvm.foreign_entries import Receiver

# A frame touches its pages in order. Not for objects of Windows, which calls a function instead.
STACK_PROBES = '"probe-stack"="inline-asm"'


@value
class Generation:
    """A later generation of a CPU: its level, and LLVM's name and attributes for it.

    One that `is_for_words` has instructions that LLVM uses only where rules write them.
    """

    level: int
    model: str
    attributes: str = ""
    is_for_words: bool = False


@value
class HostTarget:
    """What LLVM needs to know of a CPU beside its row in `targets.py`.

    `attributes` are function attributes that make code valid on all four systems; `triples` are
    for the NATIVE flavour.
    `foreign_conventions` says how C functions are called where that differs from the CPU's
    usual convention, which programs use inside everywhere. On `unprototyped_systems` a call may be
    made as if every C function were variadic, which lets those that are find floats.
    `foreign_arrangements` says where the arguments of C functions are not what machine types say,
    and `foreign_receivers` where those are not that C passes.
    `instruction_length` gives the length of the instruction at a position in code. `encode_block`
    puts the frame of an assembly block around its instructions, its inputs and its outputs;
    `block_convention` is how LLVM has to call what it makes, also in objects for other systems.
    `generations` are those that functions with vectors are also compiled for; the machine code
    `detect_generation`, a function, gives the level of the one it runs on; on a CPU that does not
    tell, which `detects_by_system`, the OS layer knows it. From `wide_level` on it has registers of
    512 bits, from `halves_level` on there are instructions for halves. `long_fill`, a function like
    C's memset, is quicker than a loop for long ranges. LLVM `calls_fma` where the processor may
    lack the instruction.
    """

    cpu: Cpu
    rules: Rules[FunctionText]
    attributes: str
    triples: Mapping[System, str]
    foreign_conventions: Mapping[System, str]
    unprototyped_systems: tuple[System, ...]
    foreign_arrangements: Mapping[System, Arrangement]
    foreign_receivers: "Mapping[System, Receiver]"
    instruction_length: Callable[[bytes, int], int]
    assembler: Assembler
    encode_block: Callable[[bytes, Sequence[str], Sequence[str]], bytes]
    block_convention: str
    generations: tuple[Generation, ...] = ()
    detect_generation: bytes = b""
    detects_by_system: bool = False
    halves_level: int = 0
    wide_level: int | None = None
    long_fill: bytes = b""
    calls_fma: bool = False

    def triple(self, system: System | None) -> str:
        """Return the triple of a system's own objects, or of the portable one."""
        return self.cpu.triple if system is None else self.triples[system]
