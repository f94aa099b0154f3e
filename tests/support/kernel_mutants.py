"""Wrong kernels out of good ones: a wait deleted, a counter raised, lanes not brought back.

Code and its steps in, mutants out: the same code but for one word, so that every branch still goes
where it went.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from mlrift.backends.amdgcn.check.steps import Step
from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.registers import EXEC

_NOTHING = 0xBF800000
"""`s_nop 0` of every generation."""

_HINTS = ("s_delay_alu", "s_waitcnt_depctr", "s_nop")


@dataclass(frozen=True)
class CounterField:
    """Bits of the immediate that hold a counter, low bits first."""

    name: str
    bits: tuple[int, ...]

    def get(self, word: int) -> int:
        """Return the counter."""
        return sum((word >> bit & 1) << place for place, bit in enumerate(self.bits))

    def put(self, word: int, count: int) -> int:
        """Return the word with another count."""
        for place, bit in enumerate(self.bits):
            word = word & ~(1 << bit) | (count >> place & 1) << bit
        return word

    @property
    def most(self) -> int:
        """The count that waits for nothing."""
        return (1 << len(self.bits)) - 1


@dataclass(frozen=True)
class Mutant:
    """A kernel's code with one wait changed."""

    what: str
    offset: int
    code: bytes


def _run(name: str, first: int, count: int) -> CounterField:
    return CounterField(name, tuple(range(first, first + count)))


_OLD = (CounterField("vmcnt", (0, 1, 2, 3, 14, 15)), _run("lgkmcnt", 8, 6))
_NEW = (_run("vmcnt", 10, 6), _run("lgkmcnt", 4, 6))
_SINGLE = {
    "s_waitcnt_vscnt": (_run("vscnt", 0, 6),),
    "s_wait_loadcnt": (_run("loadcnt", 0, 6),),
    "s_wait_storecnt": (_run("storecnt", 0, 6),),
    "s_wait_dscnt": (_run("dscnt", 0, 6),),
    "s_wait_kmcnt": (_run("kmcnt", 0, 5),),
    "s_wait_loadcnt_dscnt": (_run("loadcnt", 8, 6), _run("dscnt", 0, 6)),
    "s_wait_storecnt_dscnt": (_run("storecnt", 8, 6), _run("dscnt", 0, 6)),
}


def fields_of(step: Step, generation: Generation) -> tuple[CounterField, ...]:
    """Return the counters of a wait; none for other instructions."""
    operation = step.instruction.row.operation
    if operation == "s_waitcnt":
        return _OLD if generation is Generation.GFX10 else _NEW
    return _SINGLE.get(operation, ())


def wait_mutants(code: bytes, steps: list[Step], generation: Generation) -> Iterator[Mutant]:
    """Yield each deletion of a wait, each counter raised by one, and each without its wait."""
    for step in steps:
        fields = fields_of(step, generation)
        if not fields:
            continue
        word = int.from_bytes(code[step.offset : step.offset + 4], "little")
        yield _mutant(code, step, _NOTHING, "deleted")
        for row in fields:
            count = row.get(word)
            for raised in sorted({count + 1, row.most} if count < row.most else ()):
                made = row.put(word, raised)
                yield _mutant(code, step, made, f"{row.name} {count} -> {raised}")


def hazard_mutants(code: bytes, steps: list[Step]) -> Iterator[Mutant]:
    """Yield each deletion of an `s_waitcnt_depctr`, which gfx12 calls `s_wait_alu`."""
    for step in steps:
        if step.instruction.row.operation == "s_waitcnt_depctr":
            yield _mutant(code, step, _NOTHING, "deleted")


def exec_mutants(code: bytes, steps: list[Step]) -> Iterator[Mutant]:
    """Yield each deletion of an `s_or_b32` that widens EXEC, and is not followed by another one."""
    acting = [step for step in steps if step.instruction.row.operation not in _HINTS]
    for step, following in pairwise(acting):
        if _widens(step) and not _widens(following):
            yield _mutant(code, step, _NOTHING, "deleted")


def _widens(step: Step) -> bool:
    instruction = step.instruction
    return instruction.row.operation == "s_or_b32" and instruction.operands[0] == EXEC


def _mutant(code: bytes, step: Step, word: int, what: str) -> Mutant:
    end = step.offset + 4
    made = code[: step.offset] + word.to_bytes(4, "little") + code[end:]
    return Mutant(what, step.offset, made)
