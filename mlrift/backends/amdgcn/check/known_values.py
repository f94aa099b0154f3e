"""What is known about register contents: numbers, offsets from the kernarg pointer, code addresses.

A graph in, the known values before each block out; `advance` carries them over a step. Only moves
and additions are followed, which is how compilers make constant addresses. A dword that is not in
the state may hold anything.
"""

from enum import Enum, unique

from mlrift.backends.amdgcn.check.graph import CheckedBlock, Graph, build_graph, solve_forwards
from mlrift.backends.amdgcn.check.steps import Step, mask_of
from mlrift.backends.amdgcn.isa.instruction import Immediate, Inline, Literal, Operand
from mlrift.backends.amdgcn.isa.registers import Register, sgpr
from mlrift.values import value

_WORD = (1 << 32) - 1


@unique
class Base(Enum):
    """What a known value counts from."""

    ZERO = "a number"
    KERNARG = "the kernarg segment"
    CODE = "the kernel's first instruction"


@unique
class Half(Enum):
    """Which dword of a 64-bit value."""

    LOW = 0
    HIGH = 1


@value
class Known:
    """A dword: of `base` plus `number` (which is signed for addresses)."""

    base: Base
    half: Half
    number: int


Values = dict[int, Known]
"""Set bit of the dword -> what it holds."""


def number(bits: int) -> Known:
    """Return a known number of 32 bits."""
    return Known(Base.ZERO, Half.LOW, bits & _WORD)


def solve_values(graph: Graph, entry: Values) -> dict[int, Values]:
    """Return what is known at the start of each reachable block."""
    return solve_forwards(graph, entry, _transfer, _join)


def _transfer(block: CheckedBlock, before: Values) -> Values:
    values = dict(before)
    for step in block.steps:
        advance(values, step)
    return values


def _join(_block: CheckedBlock, one: Values, other: Values) -> Values:
    return {bit: known for bit, known in one.items() if other.get(bit) == known}


def advance(values: Values, step: Step) -> None:
    """Take note of what a step writes."""
    made = _results(values, step)
    if len(values) < step.writes.bit_count():
        for bit in [bit for bit in values if step.writes >> bit & 1]:
            del values[bit]
    else:
        _forget(values, step.writes)
    values.update(made)


def _forget(values: Values, written: int) -> None:
    while written:
        lowest = written & -written
        values.pop(lowest.bit_length() - 1, None)
        written ^= lowest


def _results(values: Values, step: Step) -> Values:
    rule = _RULES.get(step.instruction.row.operation)
    if rule is None:
        return {}
    operands = step.instruction.operands
    target = operands[0]
    if not isinstance(target, Register):
        return {}
    bits = bits_of(target)
    match rule:
        case Meaning.MOVE:
            sources = [known_dword(values, operands[1], index) for index in range(target.count)]
            return {bit: it for bit, it in zip(bits, sources, strict=True) if it is not None}
        case Meaning.PROGRAM_COUNTER:
            here = step.next_offset
            return {bits[0]: _code(Half.LOW, here), bits[1]: _code(Half.HIGH, here)}
        case Meaning.ADD | Meaning.ADD_CARRY | Meaning.SUBTRACT:
            return _sum(values, rule, bits, operands)


@unique
class Meaning(Enum):
    """Instructions that are followed."""

    MOVE = "move"
    PROGRAM_COUNTER = "address of the next instruction"
    ADD = "sum"
    ADD_CARRY = "sum with carry"
    SUBTRACT = "difference"


_RULES = {
    "s_mov_b32": Meaning.MOVE,
    "s_mov_b64": Meaning.MOVE,
    "s_movk_i32": Meaning.MOVE,
    "v_mov_b32": Meaning.MOVE,
    "s_getpc_b64": Meaning.PROGRAM_COUNTER,
    "s_add_u32": Meaning.ADD,
    "s_add_i32": Meaning.ADD,
    "s_add_u64": Meaning.ADD,
    "s_addc_u32": Meaning.ADD_CARRY,
    "s_sub_u32": Meaning.SUBTRACT,
}


def _code(half: Half, offset: int) -> Known:
    return Known(Base.CODE, half, offset)


def _sum(values: Values, rule: Meaning, bits: list[int], operands: tuple[Operand, ...]) -> Values:
    if len(bits) > 1:
        low, high = (known_dword(values, operands[1], half) for half in (0, 1))
        distance = signed(operands[2])
        if low is None or high is None or distance is None or low.base is Base.ZERO:
            return {}
        moved = low.number + distance
        return {
            bits[0]: Known(low.base, Half.LOW, moved),
            bits[1]: Known(high.base, Half.HIGH, moved),
        }
    left, right = (known_dword(values, operand, 0) for operand in operands[1:3])
    if left is not None and right is not None and left.base is Base.ZERO and rule is Meaning.ADD:
        left, right = right, left
    if left is None or right is None or right.base is not Base.ZERO:
        return {}
    if left.half is Half.HIGH:
        return {bits[0]: left} if rule is Meaning.ADD_CARRY else {}
    if rule is Meaning.ADD_CARRY:
        return {}
    distance = -right.number if rule is Meaning.SUBTRACT else right.number
    if left.base is Base.ZERO:
        return {bits[0]: number(left.number + distance)}
    return {bits[0]: Known(left.base, Half.LOW, left.number + _as_signed(distance & _WORD))}


def bits_of(register: Register) -> list[int]:
    """Return the set bits of a register's dwords."""
    lowest = (mask_of(register) & -mask_of(register)).bit_length() - 1
    return list(range(lowest, lowest + register.count))


def known_dword(values: Values, operand: Operand, index: int) -> Known | None:
    """Return a dword of an operand, None when it may be anything."""
    match operand:
        case Register():
            return values.get(bits_of(operand)[0] + index) if index < operand.count else None
        case Inline(it) if isinstance(it, int):
            return number(it if index == 0 else it >> 32)
        case Inline():
            return None
        case Literal(bits):
            return number(bits) if index == 0 else None
        case Immediate(it):
            return number(it)


def known_number(values: Values, operand: Operand) -> int | None:
    """Return the 32-bit number an operand holds, None when it may be anything."""
    known = known_dword(values, operand, 0)
    return known.number if known is not None and known.base is Base.ZERO else None


def signed(operand: Operand) -> int | None:
    """Return a constant operand as a signed number, None when it is no constant."""
    known = known_dword({}, operand, 0)
    return None if known is None else _as_signed(known.number)


def _as_signed(bits: int) -> int:
    return bits - (1 << 32) if bits >> 31 else bits


def indirect_jumps(graph: Graph) -> dict[int, int]:
    """Return where branches through a register go: offset of the branch -> offset of the target."""
    found: dict[int, int] = {}
    for index, before in solve_values(graph, {}).items():
        values = dict(before)
        for step in graph.blocks[index].steps:
            if step.instruction.row.operation == "s_setpc_b64":
                low = known_dword(values, step.instruction.operands[0], 0)
                if low is not None and low.base is Base.CODE:
                    found[step.offset] = low.number
            advance(values, step)
    return found


def follow_jumps(steps: list[Step]) -> tuple[Graph, dict[int, int]]:
    """Return the graph of all that branches reach, and where those through a register go."""
    jumps: dict[int, int] = {}
    while True:
        graph = build_graph(steps, jumps)
        found = indirect_jumps(graph)
        if found.keys() <= jumps.keys():
            return graph, jumps
        jumps = {**found, **jumps}


def kernarg_pointer(first: int) -> Values:
    """Return the state in which a pair of scalar registers holds the kernarg pointer."""
    bits = bits_of(sgpr(first, 2))
    return {
        bits[0]: Known(Base.KERNARG, Half.LOW, 0),
        bits[1]: Known(Base.KERNARG, Half.HIGH, 0),
    }


def is_call(step: Step) -> bool:
    """Return whether the step calls a function, which the checker does not follow."""
    return step.instruction.row.operation in ("s_swappc_b64", "s_call_b64")
