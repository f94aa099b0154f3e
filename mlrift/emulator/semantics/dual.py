"""Dual issue (VOPD): both halves read their sources before either writes."""

from mlrift.backends.amdgcn.isa.instruction import Instruction
from mlrift.emulator.semantics.model import FAMILIES
from mlrift.emulator.step import NoSemantics, Semantics, Step
from mlrift.values import replace

SEPARATOR = " :: "


def dual_semantics(operation: str) -> Semantics | None:
    """Return what a pair does, None if a half is not known."""
    names = [part.replace("v_dual_", "v_") for part in operation.split(SEPARATOR)]
    halves = [FAMILIES.get(name) for name in names]
    first, second = halves
    if first is None or second is None:
        return None
    known = (first, second)

    def semantics(step: Step) -> None:
        first_step, second_step = (_half(step, letter) for letter in "xy")
        registers, target = step.registers, first_step.vector_target(0)
        before = registers.vector(target)
        known[0](first_step)
        after = registers.vector(target)
        registers.set_vector(target, before)
        known[1](second_step)
        registers.set_vector(target, after)

    return semantics


def _half(step: Step, letter: str) -> Step:
    """Return a step of the operands whose fields name that half."""
    row, instruction = step.row, step.instruction
    pairs = [
        (spec, operand)
        for spec, operand in zip(row.operands, instruction.operands, strict=True)
        if letter in spec.field.removeprefix("vdst").removeprefix("literal")
    ]
    if not pairs:
        raise NoSemantics(f"{row.name}: no half {letter}")
    half_row = replace(row, operands=tuple(spec for spec, _ in pairs))
    half = Instruction(half_row, tuple(operand for _, operand in pairs), {})
    return Step(half, step.registers, step.generation, step.mode)
