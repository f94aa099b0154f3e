"""Rule family `memory`: addresses that are known lie inside what the descriptor declares."""

from mlrift.backends.amdgcn.check.context import Subject
from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.check.known_values import (
    Base,
    Values,
    advance,
    kernarg_pointer,
    known_dword,
    known_number,
    solve_values,
)
from mlrift.backends.amdgcn.check.steps import Step
from mlrift.backends.amdgcn.isa.instruction import Instruction, Operand, Unit
from mlrift.backends.amdgcn.isa.registers import NULL

_PADDED_BYTES = 16
"""A loader's kernarg segment is aligned and rounded up to this; clang's wide loads rely on it."""


def check_memory(subject: Subject) -> None:
    """Report scalar loads outside the kernarg segment and LDS accesses outside the declared LDS."""
    entry: Values = {}
    for row in subject.descriptor.user_registers():
        if row.what == "kernarg":
            entry = kernarg_pointer(row.first)
    for index, before in solve_values(subject.graph, entry).items():
        values = dict(before)
        for step in subject.graph.blocks[index].steps:
            unit = step.instruction.row.unit
            if unit is Unit.SMEM and step.instruction.row.access_bytes:
                _check_kernarg(step, values, subject)
            elif unit is Unit.LDS and step.instruction.row.access_bytes:
                _check_lds(step, values, subject)
            advance(values, step)


def _check_kernarg(step: Step, values: Values, subject: Subject) -> None:
    instruction = step.instruction
    pointer = known_dword(values, _operand(instruction, "sbase"), 0)
    if pointer is None or pointer.base is not Base.KERNARG:
        return
    offset = _scalar_offset(instruction, values)
    if offset is None:
        return
    first = pointer.number + offset
    end = first + instruction.row.access_bytes
    limit = -(-subject.kernarg_bytes // _PADDED_BYTES) * _PADDED_BYTES
    if first < 0 or end > limit:
        subject.report(
            step,
            Rule.KERNARG_BOUNDS,
            f"loads bytes {first} to {end - 1} of a kernarg segment of {limit} bytes",
        )


def _scalar_offset(instruction: Instruction, values: Values) -> int | None:
    offset = instruction.modifier("offset")
    register = _operand(instruction, "soffset")
    if register != NULL:
        moved = known_number(values, register)
        if moved is None:
            return None
        offset += moved
    return offset


def _check_lds(step: Step, values: Values, subject: Subject) -> None:
    instruction = step.instruction
    if not any(spec.field == "addr" for spec in instruction.row.operands):
        return
    address = known_number(values, instruction.operand("addr"))
    if address is None or "permute" in instruction.row.operation:
        return
    limit = subject.descriptor.lds_bytes
    for offset, size in _lds_parts(instruction):
        end = address + offset + size
        if end > limit:
            subject.report(
                step,
                Rule.LDS_BOUNDS,
                f"accesses LDS bytes {address + offset} to {end - 1}, but {limit} are declared",
            )
            return


def _lds_parts(instruction: Instruction) -> list[tuple[int, int]]:
    """Return offset and size in bytes of each part of an access."""
    row = instruction.row
    if "2addr" not in row.operation:
        return [(instruction.modifier("offset"), row.access_bytes)]
    size = row.access_bytes // 2
    scale = size * (64 if "stride64" in row.operation else 1)
    return [(instruction.modifier(name) * scale, size) for name in ("offset0", "offset1")]


def _operand(instruction: Instruction, field: str) -> Operand:
    """Return an operand, or NULL when the row has no such field."""
    for spec, found in zip(instruction.row.operands, instruction.operands, strict=True):
        if spec.field == field:
            return found
    return NULL
