"""The row that makes a CPU a host target of the LLVM back end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.rules import Rules
from mlrift.targets import Cpu, System


@dataclass(frozen=True, slots=True)
class HostTarget:
    """What LLVM needs to know of a CPU beside its row in `targets.py`.

    `attributes` are function attributes that hold for every object, `portable_attributes` those
    that make one object valid on all four systems; `triples` are for the NATIVE flavour.
    `foreign_conventions` says how C functions are called where that differs from the CPU's
    usual convention, which programs use inside everywhere. `instruction_length` gives the length
    of the instruction at a position in code.
    """

    cpu: Cpu
    rules: Rules[FunctionText]
    attributes: str
    portable_attributes: str
    triples: Mapping[System, str]
    foreign_conventions: Mapping[System, str]
    instruction_length: Callable[[bytes, int], int]

    def triple(self, system: System | None) -> str:
        """Return the triple of a system's own objects, or of the portable one."""
        return self.cpu.triple if system is None else self.triples[system]
