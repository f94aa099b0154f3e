"""Rule family `exec`: barriers and matrix instructions run with all the lanes of the wave.

A graph in, findings out. Reported is a barrier or WMMA that some path reaches with lanes switched
off by a condition that is not known to be the same in the whole group. An EXEC that is no longer
followed (masks that went through memory) is not reported.
"""

from mlrift.backends.amdgcn.check.context import Report, Subject, silent
from mlrift.backends.amdgcn.check.exec_masks import (
    ALL,
    EMPTY,
    ENTRY,
    Fact,
    Family,
    Masks,
    Origin,
    Token,
    facts_about,
    join_masks,
    narrow,
    replace_by_unknown,
    set_register,
    token_in,
    widen,
)
from mlrift.backends.amdgcn.check.finding import Rule
from mlrift.backends.amdgcn.check.graph import CheckedBlock, solve_forwards
from mlrift.backends.amdgcn.check.steps import ALL_SCALARS, Step
from mlrift.backends.amdgcn.isa.instruction import Inline, Operand, Unit
from mlrift.backends.amdgcn.isa.registers import EXEC, Register, RegisterFile

_EXEC_BIT = 1 << EXEC.first
_BARRIERS = ("s_barrier", "s_barrier_signal", "s_barrier_signal_isfirst", "s_barrier_wait")


def check_execution(subject: Subject) -> None:
    """Report barriers and matrix instructions under a narrowed EXEC."""
    blocks = subject.graph.blocks
    if not any(_needs_all(step) for block in blocks for step in block.steps):
        return
    family = Family({}, set())
    entry = Masks(ENTRY, frozenset(), frozenset())

    def transfer(block: CheckedBlock, before: Masks) -> Masks:
        return _run(block, before, family, silent)

    def join(block: CheckedBlock, one: Masks, other: Masks) -> Masks:
        return join_masks(family, block.steps[0].offset, one, other)

    states = solve_forwards(subject.graph, entry, transfer, join)
    for index, before in states.items():
        _run(blocks[index], before, family, subject.report)


def _needs_all(step: Step) -> bool:
    row = step.instruction.row
    return row.unit is Unit.MATRIX or row.operation in _BARRIERS


def _run(block: CheckedBlock, before: Masks, family: Family, report: Report) -> Masks:
    masks = before
    for step in block.steps:
        if _needs_all(step):
            _check(step, masks, family, report)
        elif step.writes & _EXEC_BIT:
            masks = _write_exec(step, masks, family)
        elif step.writes & ALL_SCALARS:
            masks = _write_registers(step, masks)
    return masks


def _check(step: Step, masks: Masks, family: Family, report: Report) -> None:
    cause = family.narrowing(masks.current)
    if cause is None:
        return
    where = f"lanes may have been switched off by the instruction at {cause.place:#06x}"
    if step.instruction.row.unit is Unit.MATRIX:
        report(step, Rule.EXEC_MATRIX, f"needs all lanes, but {where}")
    else:
        report(step, Rule.EXEC_BARRIER, f"the whole group has to come here, but {where}")


def _write_registers(step: Step, masks: Masks) -> Masks:
    """Return the state after an instruction that leaves EXEC alone."""
    operands = step.instruction.operands
    target = operands[0] if operands else None
    held: Token | None = None
    facts: frozenset[Fact] = frozenset()
    if _is_mask(target) and isinstance(target, Register):
        held, facts = _result(step, masks, target.first)
    for bit in _registers_of(step.writes):
        is_target = isinstance(target, Register) and bit == target.first
        masks = set_register(
            masks, bit, held if is_target else None, facts if is_target else frozenset()
        )
    return masks


def _result(step: Step, masks: Masks, target: int) -> tuple[Token | None, frozenset[Fact]]:
    """Return what the target of a scalar instruction holds and which facts are about it."""
    operands = step.instruction.operands
    match step.instruction.row.operation:
        case "s_mov_b32":
            if operands[1] == EXEC:
                return masks.current, frozenset()
            if operands[1] == Inline(0):
                return EMPTY, frozenset()
            source = _mask_register(operands[1])
            if source is not None:
                return token_in(masks, source), facts_about(masks, source, target)
        case "s_or_b32":
            found: set[Fact] = set()
            for operand in operands[1:]:
                source = _mask_register(operand)
                if source is not None:
                    found |= facts_about(masks, source, target)
            return None, frozenset(found)
        case "s_xor_b32" if EXEC in operands[1:]:
            other = operands[2] if operands[1] == EXEC else operands[1]
            source = _mask_register(other)
            if source is not None:
                return None, frozenset(
                    fact for fact in facts_about(masks, source, target) if fact[0] == masks.current
                )
        case _:
            pass
    return None, frozenset()


def _write_exec(step: Step, masks: Masks, family: Family) -> Masks:
    """Return the state after an instruction that writes EXEC."""
    operation = step.instruction.row.operation
    operands = step.instruction.operands
    if "saveexec" in operation:
        return _save(step, masks, family)
    if operation.startswith("v_cmpx"):
        return _after_compare(step, narrow(masks, family, step.offset, None))
    if not operands or operands[0] != EXEC:
        return replace_by_unknown(masks, step.offset)
    sources = operands[1:]
    match operation:
        case "s_mov_b32":
            return _move(step, masks)
        case "s_or_b32" if EXEC in sources:
            return _combine(step, masks, family)
        case "s_and_b32" if EXEC in sources:
            return narrow(masks, family, step.offset, None)
        case "s_and_not1_b32" | "s_andn2_b32" if sources[0] == EXEC:
            return narrow(masks, family, step.offset, _mask_register(sources[1]))
        case "s_xor_b32" if EXEC in sources:
            return _exclude(step, masks, family)
        case _:
            return replace_by_unknown(masks, step.offset)


def _after_compare(step: Step, masks: Masks) -> Masks:
    for bit in _registers_of(step.writes & ~_EXEC_BIT):
        masks = set_register(masks, bit, None, frozenset())
    return masks


def _move(step: Step, masks: Masks) -> Masks:
    source = step.instruction.operands[1]
    if source == Inline(-1):
        return Masks(ALL, masks.held, masks.facts)
    register = _mask_register(source)
    held = None if register is None else token_in(masks, register)
    if held is None or held == EMPTY:
        return replace_by_unknown(masks, step.offset)
    return Masks(held, masks.held, masks.facts)


def _combine(step: Step, masks: Masks, family: Family) -> Masks:
    sources = step.instruction.operands[1:]
    other = _mask_register(sources[1] if sources[0] == EXEC else sources[0])
    if other is None:
        return replace_by_unknown(masks, step.offset)
    return widen(masks, family, step.offset, other)


def _exclude(step: Step, masks: Masks, family: Family) -> Masks:
    """EXEC loses the lanes in a register, which are some of its own."""
    sources = step.instruction.operands[1:]
    other = _mask_register(sources[1] if sources[0] == EXEC else sources[0])
    held = None if other is None else token_in(masks, other)
    if other is None or held is None or not family.is_within(held, masks.current):
        return replace_by_unknown(masks, step.offset)
    union = masks.current
    narrowed = narrow(masks, family, step.offset, None)
    fact = (narrowed.current, other, union)
    return Masks(narrowed.current, narrowed.held, narrowed.facts | {fact})


def _save(step: Step, masks: Masks, family: Family) -> Masks:
    """EXEC is saved in a register and combined with another one."""
    target, source = step.instruction.operands[0], step.instruction.operands[1]
    if not isinstance(target, Register):
        return replace_by_unknown(masks, step.offset)
    before = masks.current
    register = _mask_register(source)
    match step.instruction.row.operation:
        case "s_and_saveexec_b32" | "s_and_not0_saveexec_b32" | "s_andn1_saveexec_b32":
            saved = set_register(masks, target.first, before, frozenset())
            return narrow(saved, family, step.offset, None)
        case "s_or_saveexec_b32" if source == Inline(-1):
            saved = set_register(masks, target.first, before, frozenset())
            return Masks(ALL, saved.held, saved.facts)
        case "s_or_saveexec_b32" if register is not None:
            after = widen(masks, family, step.offset, register)
            return set_register(after, target.first, before, frozenset())
        case "s_and_not1_saveexec_b32" | "s_andn2_saveexec_b32" if register is not None:
            return _other_side(step, masks, family, register, target.first)
        case _:
            return replace_by_unknown(
                set_register(masks, target.first, before, frozenset()), step.offset
            )


def _other_side(step: Step, masks: Masks, family: Family, source: int, target: int) -> Masks:
    """EXEC becomes the lanes of a register that it does not have: the else side of an if."""
    before = masks.current
    whole = widen(masks, family, step.offset, source)
    union = whole.current
    saved = set_register(whole, target, before, frozenset())
    if union.origin is Origin.UNKNOWN:
        return saved
    narrowed = narrow(saved, family, step.offset, None)
    fact = (narrowed.current, target, union)
    return Masks(narrowed.current, narrowed.held, narrowed.facts | {fact})


def _is_mask(operand: Operand | None) -> bool:
    return isinstance(operand, Register) and operand.file is RegisterFile.SCALAR


def _mask_register(operand: Operand) -> int | None:
    """Return the number of a scalar register other than EXEC, None for all else."""
    if not isinstance(operand, Register) or operand.file is not RegisterFile.SCALAR:
        return None
    return None if operand == EXEC or operand.count != 1 else operand.first


def _registers_of(written: int) -> list[int]:
    scalars = written & ALL_SCALARS
    return [bit for bit in range(scalars.bit_length()) if scalars >> bit & 1]
