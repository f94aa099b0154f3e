"""The row that makes a CPU a host target of the LLVM back end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlrift.backends.llvm.foreign_arguments import Arrangement
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.ir.assembly import Assembler
from mlrift.targets import Cpu, System

# A frame touches its pages in order. Not for objects of Windows, which calls a function instead.
STACK_PROBES = '"probe-stack"="inline-asm"'


@dataclass(frozen=True, slots=True)
class HostTarget:
    """What LLVM needs to know of a CPU beside its row in `targets.py`.

    `attributes` are function attributes that make code valid on all four systems; `triples` are
    for the NATIVE flavour.
    `foreign_conventions` says how C functions are called where that differs from the CPU's
    usual convention, which programs use inside everywhere. On `unprototyped_systems` a call may be
    made as if every C function were variadic, which lets those that are find floats.
    `foreign_arrangements` says where the arguments of C functions are not what machine types say.
    `instruction_length` gives the length of the instruction at a position in code. `encode_block`
    puts the frame of an assembly block around its instructions, its inputs and its outputs;
    `block_convention` is how LLVM has to call what it makes, also in objects for other systems.
    """

    cpu: Cpu
    rules: Rules[FunctionText]
    attributes: str
    triples: Mapping[System, str]
    foreign_conventions: Mapping[System, str]
    unprototyped_systems: tuple[System, ...]
    foreign_arrangements: Mapping[System, Arrangement]
    instruction_length: Callable[[bytes, int], int]
    assembler: Assembler
    encode_block: Callable[[bytes, Sequence[str], Sequence[str]], bytes]
    block_convention: str

    def triple(self, system: System | None) -> str:
        """Return the triple of a system's own objects, or of the portable one."""
        return self.cpu.triple if system is None else self.triples[system]
