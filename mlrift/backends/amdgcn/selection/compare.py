"""Comparisons: as masks, as 0 or 1, and as what a branch of the wave tests."""

from enum import Enum, unique

from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.isa.registers import EXEC, VCC
from mlrift.backends.amdgcn.mir import MachineOperand
from mlrift.backends.amdgcn.selection.emitter import is_vector
from mlrift.backends.amdgcn.selection.floats import float_source
from mlrift.backends.amdgcn.selection.legal import legalise
from mlrift.backends.amdgcn.selection.selector import Home, Selector
from mlrift.backends.rules import Rules
from mlrift.ir.core import Value
from mlrift.ir.ops.arith import And, Constant, Or, Xor
from mlrift.ir.ops.compare import (
    CompareFloat,
    CompareInteger,
    FloatPredicate,
    IntegerPredicate,
)
from mlrift.typesystem import F32
from mlrift.values import field, record, value

RULES: Rules[Selector] = Rules("amdgcn")

_SCALAR = {
    IntegerPredicate.EQ: "eq",
    IntegerPredicate.NE: "lg",
    IntegerPredicate.ULT: "lt",
    IntegerPredicate.ULE: "le",
    IntegerPredicate.UGT: "gt",
    IntegerPredicate.UGE: "ge",
    IntegerPredicate.SLT: "lt",
    IntegerPredicate.SLE: "le",
    IntegerPredicate.SGT: "gt",
    IntegerPredicate.SGE: "ge",
}
_WITH_ZERO = {
    IntegerPredicate.UGT: IntegerPredicate.NE,
    IntegerPredicate.ULE: IntegerPredicate.EQ,
}
_SWAPPED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le", "eq": "eq", "ne": "ne"}
_FLOAT = {
    FloatPredicate.EQ: "eq",
    FloatPredicate.NE: "neq",
    FloatPredicate.LT: "lt",
    FloatPredicate.LE: "le",
    FloatPredicate.GT: "gt",
    FloatPredicate.GE: "ge",
}


_INVERSE_OF_WORDS = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}
_INVERSE_OF_FLOATS = {
    "lt": "nlt",
    "le": "nle",
    "gt": "ngt",
    "ge": "nge",
    "eq": "neq",
    "neq": "eq",
}


@unique
class Kept(Enum):
    """Which lanes go on."""

    TRUE = "those where the condition is true"
    FALSE = "the others"


@value
class Truth:
    """Which branches are taken when what was tested is true, and when it is false."""

    branch_if_true: str
    branch_if_false: str


_SCC = Truth("s_cbranch_scc1", "s_cbranch_scc0")
_NOT_SCC = Truth("s_cbranch_scc0", "s_cbranch_scc1")
_VCC = Truth("s_cbranch_vccnz", "s_cbranch_vccz")


def test(selector: Selector, condition: Value) -> Truth:
    """Append what tests a uniform truth value, and return how to branch on it."""
    if selector.match(condition, CompareFloat) or (
        isinstance(condition, CompareFloat) and condition not in selector.places
    ):
        assert isinstance(condition, CompareFloat)
        _compare_floats(selector, condition, VCC)
        return _VCC
    if isinstance(condition, CompareInteger) and not (
        condition in selector.places and _is_long(selector, condition)
    ):
        return _test_integers(selector, condition)
    inverted = _inverted(condition)
    if inverted is not None:
        found = test(selector, inverted)
        return Truth(found.branch_if_false, found.branch_if_true)
    if isinstance(condition, And | Or) and selector.match(condition, type(condition)):
        operation = "s_and_b32" if isinstance(condition, And) else "s_or_b32"
        lhs, rhs = selector.word(condition.lhs), selector.word(condition.rhs)
        selector.emit(operation, selector.scalar(), lhs, rhs)
        return _SCC
    selector.emit("s_cmp_lg_u32", selector.scalar_word(condition), Inline(0))
    return _SCC


def _is_long(selector: Selector, made: CompareInteger) -> bool:
    """Whether the scalar unit needs several instructions for a comparison."""
    is_equality = _predicate(made) in (IntegerPredicate.EQ, IntegerPredicate.NE)
    return one_dword_kind(selector, made) is None and not is_equality


def _inverted(condition: Value) -> Value | None:
    """Return what an exclusive or with true inverts."""
    if isinstance(condition, Xor):
        for one, other in ((condition.lhs, condition.rhs), (condition.rhs, condition.lhs)):
            if isinstance(other, Constant) and other.value:
                return one
    return None


def one_dword_kind(selector: Selector, made: CompareInteger) -> str | None:
    """Return `u32` or `i32` when comparing one dword of each operand is enough, else None."""
    lhs, rhs = made.lhs, made.rhs
    if selector.is_small(lhs) and selector.is_small(rhs):
        return "u32"
    if selector.is_signed_word(lhs) and selector.is_signed_word(rhs):
        return "i32" if made.predicate.value[0] == "s" else "u32"
    return None


def _test_integers(selector: Selector, made: CompareInteger) -> Truth:
    kind = one_dword_kind(selector, made)
    predicate = _predicate(made)
    name = _SCALAR[predicate]
    if kind is not None:
        lhs, rhs = selector.scalar_word(made.lhs), selector.scalar_word(made.rhs)
        selector.emit(f"s_cmp_{name}_{kind}", lhs, rhs)
        return _SCC
    if predicate in (IntegerPredicate.EQ, IntegerPredicate.NE):
        lhs, rhs = selector.scalar_pair(made.lhs), selector.scalar_pair(made.rhs)
        selector.emit(f"s_cmp_{name}_u64", lhs, rhs)
        return _SCC
    if predicate.value[0] == "u":
        return _borrow(selector, made, name)
    _compare_integers(selector, made, VCC)
    return _VCC


def _predicate(made: CompareInteger) -> IntegerPredicate:
    """Return the predicate; unsigned comparisons with 0 are those for equality."""
    if isinstance(made.rhs, Constant) and made.rhs.value == 0:
        return _WITH_ZERO.get(made.predicate, made.predicate)
    return made.predicate


def _borrow(selector: Selector, made: CompareInteger, name: str) -> Truth:
    """Compare unsigned words by what a subtraction borrows."""
    lhs, rhs = made.lhs, made.rhs
    if name in ("gt", "le"):
        lhs, rhs = rhs, lhs
    first = [selector.in_scalar(row) for row in selector.words(lhs)]
    second = [selector.in_scalar(row) for row in selector.words(rhs)]
    selector.emit("s_sub_u32", selector.scalar(), first[0], second[0])
    selector.emit("s_subb_u32", selector.scalar(), first[1], second[1])
    return _SCC if name in ("lt", "gt") else _NOT_SCC


@record
class _Comparison:
    """A comparison of the vector unit: its name without `v_cmp_` and type, and its sources."""

    name: str
    kind: str
    lhs: MachineOperand
    rhs: MachineOperand
    modifiers: dict[str, int] = field(default_factory=dict)


def _integer_comparison(selector: Selector, made: CompareInteger) -> _Comparison:
    kind = one_dword_kind(selector, made)
    predicate = _predicate(made).value
    name = predicate if predicate in ("eq", "ne") else predicate[1:]
    if kind is not None:
        lhs, rhs = selector.word(made.lhs), selector.word(made.rhs)
    else:
        kind = "i64" if predicate[0] == "s" else "u64"
        lhs, rhs = selector.pair(made.lhs), selector.pair(made.rhs)
    if not is_vector(rhs):
        lhs, rhs, name = rhs, lhs, _SWAPPED[name]
    return _Comparison(name, kind, lhs, rhs)


def _float_comparison(selector: Selector, made: CompareFloat) -> _Comparison:
    kind = "f32" if made.lhs.type is F32 else "f64"
    lhs, rhs = float_source(selector, made.lhs), float_source(selector, made.rhs)
    name = _FLOAT[made.predicate]
    if not is_vector(rhs.operand) and is_vector(lhs.operand):
        lhs, rhs = rhs, lhs
        name = _SWAPPED.get(name, name)
    modifiers = {
        "neg": lhs.is_negated | rhs.is_negated << 1,
        "abs": lhs.is_absolute | rhs.is_absolute << 1,
    }
    wanted = {modifier: bits for modifier, bits in modifiers.items() if bits}
    return _Comparison(name, kind, lhs.operand, rhs.operand, wanted)


def _compare_integers(selector: Selector, made: CompareInteger, target: MachineOperand) -> None:
    """Compare with the vector unit into a mask."""
    _into_mask(selector, _integer_comparison(selector, made), target)


def _compare_floats(selector: Selector, made: CompareFloat, target: MachineOperand) -> None:
    """Compare with the vector unit into a mask."""
    _into_mask(selector, _float_comparison(selector, made), target)


def _into_mask(selector: Selector, row: _Comparison, target: MachineOperand) -> None:
    operation = f"v_cmp_{row.name}_{row.kind}"
    selector.valu(operation, target, row.lhs, row.rhs, modifiers=row.modifiers)


def sole_comparison(selector: Selector, condition: Value) -> CompareInteger | CompareFloat | None:
    """Return the comparison that a truth value is if nobody else wants to know its result."""
    return selector.match(condition, CompareInteger) or selector.match(condition, CompareFloat)


def narrow_exec(selector: Selector, compared: CompareInteger | CompareFloat, keep: Kept) -> None:
    """Append the comparison that leaves EXEC the lanes where it is true, or false."""
    if isinstance(compared, CompareInteger):
        row, inverse = _integer_comparison(selector, compared), _INVERSE_OF_WORDS
    else:
        row, inverse = _float_comparison(selector, compared), _INVERSE_OF_FLOATS
    name = row.name if keep is Kept.TRUE else inverse[row.name]
    operation = f"v_cmpx_{name}_{row.kind}"
    legal = legalise(selector, operation, [row.lhs, row.rhs], row.modifiers)
    selector.emit(operation, *legal, modifiers=row.modifiers)


@RULES.rule(CompareInteger)
def compare_integer(selector: Selector, made: CompareInteger) -> None:
    """A mask, or 0 or 1."""
    if selector.home(made) is Home.TRUTH:
        _keep(selector, made)
    else:
        _compare_integers(selector, made, selector.place(made))


@RULES.rule(CompareFloat)
def compare_float(selector: Selector, made: CompareFloat) -> None:
    """A mask, or 0 or 1."""
    if selector.home(made) is not Home.TRUTH:
        _compare_floats(selector, made, selector.place(made))
        return
    mask = selector.scalar()
    _compare_floats(selector, made, mask)
    selector.emit("s_cmp_lg_u32", mask, Inline(0))
    selector.emit("s_cselect_b32", selector.place(made), Inline(1), Inline(0))


def _keep(selector: Selector, made: CompareInteger) -> None:
    target = selector.place(made)
    choose_by(selector, _test_integers(selector, made), target, Inline(1), Inline(0))


def choose_by(
    selector: Selector,
    truth: Truth,
    target: MachineOperand,
    if_true: MachineOperand,
    if_false: MachineOperand,
) -> None:
    """Append a scalar choice of one or two dwords by what was tested."""
    if truth in (_VCC, Truth(_VCC.branch_if_false, _VCC.branch_if_true)):
        selector.emit("s_cmp_lg_u32", VCC, Inline(0))
        truth = _SCC if truth == _VCC else _NOT_SCC
    if truth == _NOT_SCC:
        if_true, if_false = if_false, if_true
    size = getattr(target, "count", 1)
    selector.emit("s_cselect_b64" if size == 2 else "s_cselect_b32", target, if_true, if_false)


def mask_source(selector: Selector, condition: Value) -> MachineOperand:
    """Return a truth value as a mask for the scalar unit, a constant where it is one."""
    if isinstance(condition, Constant):
        return Inline(-1) if condition.value else Inline(0)
    return mask_of(selector, condition)


def mask_of(selector: Selector, condition: Value) -> MachineOperand:
    """Return a truth value as a mask in a register."""
    if isinstance(condition, Constant):
        made = selector.scalar()
        selector.copy(made, mask_source(selector, condition))
        return made
    match selector.home(condition):
        case Home.MASK:
            return selector.place(condition)
        case Home.FLAG:
            made = selector.scalar()
            selector.valu("v_cmp_ne_u32", made, Inline(0), selector.place(condition))
            return made
        case _ if isinstance(condition, CompareFloat):
            made = selector.scalar()
            _compare_floats(selector, condition, made)
            return made
        case _:
            truth = test(selector, condition)
            made = selector.scalar()
            choose_by(selector, truth, made, Inline(-1), Inline(0))
            return made


def fresh_mask(selector: Selector, condition: Value) -> MachineOperand:
    """Return a mask whose bits are 0 in lanes that are inactive."""
    if (
        isinstance(condition, CompareInteger | CompareFloat)
        and selector.home(condition) is Home.MASK
        and selector.blocks[condition] is selector.block
    ):
        return mask_of(selector, condition)
    made = selector.scalar()
    selector.emit("s_and_b32", made, EXEC, mask_source(selector, condition))
    return made
