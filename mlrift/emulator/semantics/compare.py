"""Vector comparisons: v_cmp writes a mask of lanes, v_cmpx the same to EXEC."""

from collections.abc import Mapping

from mlrift.backends.amdgcn.isa.registers import EXEC
from mlrift.emulator import floats
from mlrift.emulator.code import V1, V32, splat, vector
from mlrift.emulator.elements import KINDS, Kind
from mlrift.emulator.semantics.valu_integer import signs_changed
from mlrift.emulator.step import Semantics, Step

_INTEGER = {"lt": "lt", "eq": "eq", "le": "le", "gt": "gt", "ne": "ne", "ge": "ge"}
FLOAT_PREDICATES = {
    "lt": "olt",
    "eq": "oeq",
    "le": "ole",
    "gt": "ogt",
    "lg": "one",
    "ge": "oge",
    "o": "ord",
    "u": "uno",
    "nge": "ult",
    "nlg": "ueq",
    "ngt": "ule",
    "nle": "ugt",
    "neq": "une",
    "nlt": "uge",
}


def _finish(step: Step, mask: str, is_exec: bool) -> None:
    if is_exec:
        step.set_mask_register(EXEC, mask)
    else:
        step.write_mask_result(mask)


def _compare(test: str, is_exec: bool) -> Semantics:
    def semantics(step: Step) -> None:
        mask = step.code.binary(test, step.kind(0), step.lanes(0), step.lanes(1))
        _finish(step, mask, is_exec)

    return semantics


def _constant(bit: str, is_exec: bool) -> Semantics:
    def semantics(step: Step) -> None:
        _finish(step, splat("i1", bit), is_exec)

    return semantics


def _class(is_exec: bool) -> Semantics:
    """Whether source 0 is of one of the ten classes whose bits are set in source 1."""

    def semantics(step: Step) -> None:
        code = step.code
        wanted = step.lane_bits(1)
        element = KINDS[step.read_operands[1][0].element]
        if element.bits == 16:
            wanted = code.convert("zext", "<32 x i16>", wanted, V32)
        kind = step.element(0)
        found = floats.as_floats(code, kind, signs_changed(step, 0))
        _finish(step, class_test(step, kind, found, wanted), is_exec)

    return semantics


def class_test(step: Step, kind: Kind, found: str, wanted: str) -> str:
    """Return which lanes are in a class that `wanted` (dwords) has the bit of."""
    code, integer = step.code, vector(kind.integer)
    bits = floats.as_bits(code, kind, found)
    mantissa_mask = (1 << floats.MANTISSA_BITS[kind]) - 1
    mantissa = code.binary("and", integer, bits, splat(kind.integer, mantissa_mask))
    power = floats.exponent(code, kind, found)
    top = splat(kind.integer, floats.EXPONENT_MASK[kind])
    is_top = code.binary("icmp eq", integer, power, top)
    is_bottom = code.binary("icmp eq", integer, power, "zeroinitializer")
    is_round = code.binary("icmp eq", integer, mantissa, "zeroinitializer")
    negative = code.binary("icmp slt", integer, bits, "zeroinitializer")
    # Bits: sNaN, qNaN, -inf, -normal, -denormal, -0, +0, +denormal, +normal, +inf.
    number = code.select(negative, V32, splat("i32", 3), splat("i32", 8))
    low = code.select(negative, V32, splat("i32", 4), splat("i32", 7))
    zero = code.select(negative, V32, splat("i32", 5), splat("i32", 6))
    infinite = code.select(negative, V32, splat("i32", 2), splat("i32", 9))
    quiet_bit = splat(kind.integer, floats.QUIET_BIT[kind])
    is_quiet = code.binary(
        "icmp ne", integer, code.binary("and", integer, bits, quiet_bit), "zeroinitializer"
    )
    nan = code.convert("zext", V1, is_quiet, V32)
    low = code.select(is_round, V32, zero, low)
    number = code.select(is_bottom, V32, low, number)
    number = code.select(is_top, V32, code.select(is_round, V32, infinite, nan), number)
    chosen = code.binary("and", V32, code.binary("lshr", V32, wanted, number), splat("i32", 1))
    return code.binary("icmp ne", V32, chosen, "zeroinitializer")


def _rows(prefix: str, is_exec: bool) -> dict[str, Semantics]:
    rows: dict[str, Semantics] = {}
    for bits in (16, 32, 64):
        for name, predicate in _INTEGER.items():
            for letter, sign in (("i", "s"), ("u", "u")):
                test = predicate if predicate in ("eq", "ne") else sign + predicate
                rows[f"{prefix}_{name}_{letter}{bits}"] = _compare(f"icmp {test}", is_exec)
        for name, predicate in FLOAT_PREDICATES.items():
            rows[f"{prefix}_{name}_f{bits}"] = _compare(f"fcmp {predicate}", is_exec)
        rows[f"{prefix}_class_f{bits}"] = _class(is_exec)
        for letter in "iuf":
            rows[f"{prefix}_f_{letter}{bits}"] = _constant("false", is_exec)
            rows[f"{prefix}_t_{letter}{bits}"] = _constant("true", is_exec)
        rows[f"{prefix}_tru_f{bits}"] = _constant("true", is_exec)
    return rows


ROWS: Mapping[str, Semantics] = {
    **_rows("v_cmp", is_exec=False),
    **_rows("v_cmpx", is_exec=True),
}
