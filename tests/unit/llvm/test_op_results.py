"""Every pure op computes on both CPUs, with and without optimisation, what its declaration says."""

import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import mpmath
import pytest

from mlrift.backends.llvm.options import CodegenOptions, OptimisationLevel
from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, BlockParameter, Global, Linkage, Module, Successor, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, compare, convert
from mlrift.ir.ops.arith import WORD_MASK, signed
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.ops.memory import GlobalAddress, Load, Store
from mlrift.targets import Cpu
from mlrift.typesystem import F32, F64, I1, I64, MachineType, ValueType
from tests.unit.llvm.machine_code import (
    CPUS,
    Outcome,
    can_run,
    new_function,
    new_start,
    run_module,
    write_and_return,
)

WORDS: tuple[int, ...] = (0, 1, 2, 3, 7, 63, 64, 65, 255, 1 << 31, (1 << 32) - 1, 1 << 62, 1 << 63)
WORDS += tuple(WORD_MASK - word for word in WORDS)
NON_ZERO = tuple(word for word in WORDS if word)
DOUBLES: tuple[float, ...] = (
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e300,
    -1e300,
    5e-324,
    2.0**63,
    -(2.0**63),
    1e19,
    0.9,
)
DOUBLES += (math.inf, -math.inf, math.nan, 16777217.0, -0.9, 2.0**-149, 3.5e38)


def double_bits(value: float) -> int:
    """Return the bits of an f64."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def to_double(word: int) -> float:
    """Return the f64 with these bits."""
    return float(struct.unpack("<d", struct.pack("<Q", word))[0])


def single_bits(value: float) -> int:
    """Return the bits of the nearest f32."""
    try:
        return int(struct.unpack("<I", struct.pack("<f", value))[0])
    except OverflowError:
        return 0x7F800000 | (0x80000000 if value < 0 else 0)


def to_single(word: int) -> float:
    """Return the f32 with these low 32 bits."""
    return float(struct.unpack("<f", struct.pack("<I", word & 0xFFFFFFFF))[0])


SINGLES = tuple(to_single(single_bits(value)) for value in DOUBLES)
ENCODE: dict[MachineType, Callable[[Any], int]] = {
    F64: double_bits,
    F32: single_bits,
    I64: lambda word: word,
    I1: lambda word: word,
}
DECODE: dict[MachineType, Callable[[int], Any]] = {
    F64: to_double,
    F32: to_single,
    I64: lambda word: word,
    I1: lambda word: word & 1,
}


@dataclass(frozen=True)
class Case:
    """An op with its operand types, the inputs to try and what it should give."""

    name: str
    operands: tuple[MachineType, ...]
    make: Callable[..., Value]
    inputs: tuple[tuple[int, ...], ...]
    expect: Callable[..., int | float]


def quotient(lhs: float, rhs: float) -> float:
    """IEEE division."""
    if rhs == 0.0:
        if lhs == 0.0 or math.isnan(lhs):
            return math.nan
        return math.copysign(math.inf, lhs) * math.copysign(1.0, rhs)
    return lhs / rhs


def root(value: float) -> float:
    """IEEE square root."""
    return math.sqrt(value) if value >= 0 or value == 0 else math.nan


def saturated(value: float) -> int:
    """Truncate into i64."""
    if math.isnan(value):
        return 0
    return (
        int(max(-(2.0**63), min(2.0**63, value)))
        if abs(value) < 2.0**63
        else ((1 << 63) - 1 if value > 0 else -(1 << 63))
    )


def half_bits(value: float) -> int:
    """Return the bits of the nearest IEEE half."""
    try:
        return int(struct.unpack("<H", struct.pack("<e", value))[0])
    except OverflowError:
        return 0x7C00 | (0x8000 if value < 0 else 0)


def truncated(lhs: int, rhs: int) -> int:
    """Signed quotient towards zero."""
    magnitude = abs(signed(lhs)) // abs(signed(rhs))
    return magnitude if (signed(lhs) < 0) == (signed(rhs) < 0) else -magnitude


def pairs(values: Iterable[int]) -> tuple[tuple[int, ...], ...]:
    """All pairs."""
    rows = tuple(values)
    return tuple(product(rows, rows))


def singles(values: Iterable[int]) -> tuple[tuple[int, ...], ...]:
    """One-tuples."""
    return tuple((value,) for value in values)


def word_case(op_class: type[Op]) -> Case:
    """A case whose expectation is the op's own `evaluate`."""
    sample = op_class(arith.Constant(0, I64), arith.Constant(0, I64))
    return Case(
        op_class.MNEMONIC,
        (I64, I64),
        op_class,
        pairs(WORDS),
        sample.evaluate,  # type: ignore[attr-defined]
    )


def float_case(op_class: type[Op], kind: MachineType, expect: Callable[..., float]) -> Case:
    """A binary float op."""
    values = DOUBLES if kind is F64 else SINGLES
    inputs = pairs(ENCODE[kind](value) for value in values)
    return Case(f"{op_class.MNEMONIC} {kind.value}", (kind, kind), op_class, inputs, expect)


def divisions() -> list[Case]:
    """Divisions of what divides."""
    valid = [
        (lhs, rhs)
        for lhs, rhs in product(WORDS, NON_ZERO)
        if not (lhs == 1 << 63 and rhs == WORD_MASK)
    ]
    rows: list[tuple[type[Op], Callable[[int, int], int]]] = [
        (arith.Udiv, lambda a, b: a // b),
        (arith.Urem, lambda a, b: a % b),
        (arith.Sdiv, truncated),
        (arith.Srem, lambda a, b: signed(a) - truncated(a, b) * signed(b)),
    ]
    cases = [Case(row.MNEMONIC, (I64, I64), row, tuple(valid), expect) for row, expect in rows]
    for divisor in (1, 7, 10, WORD_MASK):
        for row, expect in rows:
            cases.append(
                Case(
                    f"{row.MNEMONIC} by {divisor}",
                    (I64,),
                    lambda lhs, row=row, divisor=divisor: row(lhs, arith.Constant(divisor, I64)),
                    singles(word for word in WORDS if word != 1 << 63),
                    lambda lhs, expect=expect, divisor=divisor: expect(lhs, divisor),
                )
            )
    return cases


def comparisons() -> list[Case]:
    """All predicates."""
    cases = []
    for integer in compare.IntegerPredicate:
        sample = compare.CompareInteger(integer, arith.Constant(0, I64), arith.Constant(0, I64))
        cases.append(
            Case(
                f"compare.integer {integer.value}",
                (I64, I64),
                lambda lhs, rhs, integer=integer: compare.CompareInteger(integer, lhs, rhs),
                pairs(WORDS),
                sample.evaluate,
            )
        )
    for predicate in compare.FloatPredicate:
        for kind, values in ((F64, DOUBLES), (F32, SINGLES)):
            pattern = compare.CompareFloat(
                predicate, arith.Constant(0.0, F64), arith.Constant(0.0, F64)
            )
            cases.append(
                Case(
                    f"compare.float {predicate.value} {kind.value}",
                    (kind, kind),
                    lambda lhs, rhs, predicate=predicate: compare.CompareFloat(predicate, lhs, rhs),
                    pairs(ENCODE[kind](value) for value in values),
                    pattern.evaluate,
                )
            )
    return cases


def conversions() -> list[Case]:
    """Everything between words, truth values and floats."""
    doubles = singles(map(double_bits, DOUBLES))
    floats = singles(map(single_bits, SINGLES))
    words = singles(WORDS)
    halves = singles(
        [*range(0, 0x400, 37), *range(0x400, 0x7C00, 211), 0x7C00, 0x8000, 0xFC00, 0x83FF]
    )
    to_halves = singles(
        single_bits(value)
        for value in (*SINGLES, 65504.0, 65519.9, 65520.0, 2.0**-24, 2.0**-25, 2.0**-25 * 1.01)
    ) + singles(range(0x33000000, 0x48000000, 0x234567))
    return [
        Case("truth_to_word", (I1,), convert.TruthToWord, singles((0, 1)), lambda x: x),
        Case(
            "signed f64",
            (I64,),
            lambda x: convert.SignedToFloat(x, F64),
            words,
            lambda x: float(signed(x)),
        ),
        Case("signed f32", (I64,), lambda x: convert.SignedToFloat(x, F32), words, _nearest_single),
        Case("to signed f64", (F64,), convert.FloatToSigned, doubles, saturated),
        Case("to signed f32", (F32,), convert.FloatToSigned, floats, saturated),
        Case("widen", (F32,), convert.Widen, floats, lambda x: x),
        Case("narrow", (F64,), convert.Narrow, doubles, lambda x: x),
        Case("bits f64", (I64,), lambda x: convert.BitsToFloat(x, F64), words, to_double),
        Case("bits f32", (I64,), lambda x: convert.BitsToFloat(x, F32), words, to_single),
        Case("from bits f64", (F64,), convert.FloatToBits, doubles, double_bits),
        Case("from bits f32", (F32,), convert.FloatToBits, floats, single_bits),
        Case(
            "half to single",
            (I64,),
            convert.HalfToSingle,
            halves,
            lambda x: struct.unpack("<e", struct.pack("<H", x & 0xFFFF))[0],
        ),
        Case("single to half", (F32,), convert.SingleToHalf, to_halves, half_bits),
    ]


def _nearest_single(word: int) -> float:
    """Round an integer to f32 once: through f64 it would be rounded twice."""
    number = signed(word)
    shift = max(0, abs(number).bit_length() - 24)
    if shift == 0:
        return float(number)
    whole, rest = divmod(abs(number), 1 << shift)
    half = 1 << (shift - 1)
    whole += rest > half or (rest == half and whole & 1)
    return math.copysign(whole * 2.0**shift, number)


def multiply_adds(encode: Callable[[float], int], huge: float) -> tuple[tuple[int, ...], ...]:
    """Operands of multiply-adds: special values, ties, cancellation, and results near zero."""
    few = (0.0, -0.0, 1.0, -1.5, math.inf, -math.inf, math.nan, huge, 1.0 / huge)
    tiny = 2.0**-149 if huge < 2.0**200 else 2.0**-1074
    unit = 2.0**-23 if huge < 2.0**200 else 2.0**-52
    rows = list(product(few, repeat=3))
    for a, b in product((1.0 + unit, 1.0 - unit, 1.5, 1.0 + 5 * unit, 3.0), repeat=2):
        rows += [(a, b, c) for c in (-a * b, unit, -unit * unit, tiny, -tiny, huge, 2.0 / unit)]
        rows += [(a * tiny, b, c) for c in (tiny, -tiny * 3, 1.0, -tiny * 1024)]
        rows += [(a * 2.0**-70, b * tiny * 2.0**69, c) for c in (0.0, tiny, -tiny)]
        rows += [(a / huge, b * unit * 8, c / huge) for c in (0.0, unit, -1.5, -unit * unit)]
        rows += [(a * huge / 4.0, b, c * huge) for c in (-1.0, 1.0, -unit)]
    return tuple(tuple(encode(value) for value in row) for row in rows)


def mpmath_fma(a: float, b: float, c: float, bits: int, lowest: int) -> float:
    """Multiply and add with all digits, then round to a format."""
    if not (math.isfinite(a) and math.isfinite(b)):
        return a * b + c
    if not math.isfinite(c):
        return c
    with mpmath.workprec(5000):
        exact = mpmath.mpf(a) * mpmath.mpf(b) + mpmath.mpf(c)
        if exact == 0:
            return a * b + c if a == 0 or b == 0 else 0.0
        step = max(mpmath.frexp(exact)[1] - bits, lowest)
        whole = mpmath.nint(mpmath.ldexp(exact, -step))
        value = mpmath.ldexp(whole, step)
        limit = mpmath.mpf(2) ** (128 if bits == 24 else 1024)
        if abs(value) >= limit:
            return math.copysign(math.inf, float(mpmath.sign(exact)))
        return math.copysign(float(value), float(mpmath.sign(exact)))


CASES = [
    *(
        word_case(row)
        for row in (
            arith.Add, arith.Sub, arith.Mul, arith.And, arith.Or, arith.Xor, arith.Shl, arith.Lshr,
            arith.Ashr, arith.AddOverflows, arith.SubOverflows, arith.MulOverflows,
        )
    ),
    *divisions(),
    *comparisons(),
    *conversions(),
    *(
        float_case(row, kind, expect)
        for kind in (F64, F32)
        for row, expect in (
            (arith.FAdd, lambda a, b: a + b),
            (arith.FSub, lambda a, b: a - b),
            (arith.FMul, lambda a, b: a * b),
            (arith.FDiv, quotient),
        )
    ),
    Case("fsqrt f64", (F64,), arith.FSqrt, singles(map(double_bits, DOUBLES)), root),
    Case("fsqrt f32", (F32,), arith.FSqrt, singles(map(single_bits, SINGLES)), root),
    Case("fma f64", (F64,) * 3, arith.FMultiplyAdd, multiply_adds(double_bits, 2.0**1023),
         lambda a, b, c: mpmath_fma(a, b, c, 53, -1074)),
    Case("fma f32", (F32,) * 3, arith.FMultiplyAdd, multiply_adds(single_bits, 2.0**127),
         lambda a, b, c: mpmath_fma(a, b, c, 24, -149)),
    Case("select", (I1, I64, I64), arith.Select,
         tuple((truth, 5, WORD_MASK) for truth in (0, 1)), lambda c, a, b: a if c else b),
    Case("select f64", (I1, F64, F64), arith.Select,
         tuple((truth, double_bits(0.5), double_bits(-2.0)) for truth in (0, 1)),
         lambda c, a, b: a if c else b),
    *(
        Case(f"{row.MNEMONIC} i1", (I1, I1), row, pairs((0, 1)),
             row(arith.Constant(0, I1), arith.Constant(0, I1)).evaluate)
        for row in (arith.And, arith.Or, arith.Xor)
    ),
]  # fmt: skip


def as_operand(builder: Builder, word: Value, kind: MachineType) -> Value:
    """Convert a word to an operand of a type."""
    if kind is I1:
        return builder.emit(
            compare.CompareInteger(compare.IntegerPredicate.NE, word, builder.word(0))
        )
    return builder.emit(convert.BitsToFloat(word, kind)) if kind in (F32, F64) else word


def as_word(builder: Builder, value: Value) -> Value:
    """Convert a result to a word."""
    if value.type in (F32, F64):
        return builder.emit(convert.FloatToBits(value))
    return builder.as_word(value)


def result_type_of(case: Case) -> ValueType:
    """Return the type of the op's result."""
    zero = {F32: 0.0, F64: 0.0}
    return case.make(*[arith.Constant(zero.get(row, 0), row) for row in case.operands]).type


def add_case(module: Module, case: Case, name: str) -> None:
    """Add a function of words that computes one case."""
    builder = new_function(module, name, (I64,) * len(case.operands), linkage=Linkage.INTERNAL)
    operands = [
        as_operand(builder, word, kind)
        for word, kind in zip(builder.function.parameters, case.operands, strict=True)
    ]
    made = case.make(*operands)
    assert isinstance(made, Op)
    for operand in made.operands():
        if isinstance(operand, arith.Constant):
            builder.emit(operand)
    builder.emit(Return([as_word(builder, builder.emit(made))]))


def add_loop(builder: Builder, callee: str, case: Case, first: int, output: int) -> None:
    """Call `callee` for all rows of the input table of a case and store the results."""
    arity, count = len(case.operands), len(case.inputs)
    counter = BlockParameter(I64, "i")
    head = Block(f"{callee}.head", [counter])
    body = builder.new_block(f"{callee}.body")
    after = builder.new_block(f"{callee}.after")
    builder.function.blocks.append(head)
    builder.emit(Jump(Successor(head, [builder.word(0)])))
    builder.block = head
    more = compare.CompareInteger(compare.IntegerPredicate.ULT, counter, builder.word(count))
    builder.emit(Branch(builder.emit(more), Successor(body), Successor(after)))
    builder.block = body
    row = builder.emit(arith.Mul(counter, builder.word(8 * arity)))
    table = builder.emit(GlobalAddress("inputs"))
    base = builder.emit(arith.Add(builder.emit(arith.Add(table, builder.word(first))), row))
    words = [
        builder.emit(Load(builder.emit(arith.Add(base, builder.word(8 * index))), I64))
        for index in range(arity)
    ]
    result = builder.emit(Call(callee, list(words), (I64,)))
    place = builder.emit(arith.Add(builder.emit(GlobalAddress("outputs")), builder.word(output)))
    place = builder.emit(arith.Add(place, builder.emit(arith.Shl(counter, builder.word(3)))))
    builder.emit(Store(place, result, I64))
    next_value = builder.emit(arith.Add(counter, builder.word(1)))
    builder.emit(Jump(Successor(head, [next_value])))
    builder.block = after


def build_cases(cases: list[Case]) -> Module:
    """Return a program that writes the results of all cases, a word each."""
    module = Module("ops")
    start = new_start(module)
    table = bytearray()
    total = 0
    for index, case in enumerate(cases):
        add_case(module, case, f"case_{index}")
        add_loop(start, f"case_{index}", case, len(table), total * 8)
        for row in case.inputs:
            table += struct.pack(f"<{len(row)}Q", *row)
        total += len(case.inputs)
    module.globals["inputs"] = Global("inputs", len(table), 8, bytes(table), Linkage.EXPORTED)
    module.globals["outputs"] = Global("outputs", total * 8, 8, b"", Linkage.EXPORTED)
    write_and_return(start, start.emit(GlobalAddress("outputs")), start.word(total * 8))
    return module


def run_cases(cases: list[Case], cpu: Cpu, level: OptimisationLevel) -> Outcome:
    """Compile and run a program for all cases."""
    return run_module(build_cases(cases), cpu, CodegenOptions(level=level))


@pytest.mark.parametrize("level", OptimisationLevel, ids=lambda row: row.value)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_ops_give_what_they_declare(cpu: Cpu, level: OptimisationLevel) -> None:
    if not can_run(cpu):
        pytest.skip(f"needs a {cpu.name} machine or qemu")
    outcome = run_cases(CASES, cpu, level)
    assert outcome.status == 0
    words = list(struct.unpack(f"<{len(outcome.stdout) // 8}Q", outcome.stdout))
    wrong = []
    for case in CASES:
        kind = result_type_of(case)
        for row in case.inputs:
            found = words.pop(0)
            operands = [DECODE[of](word) for of, word in zip(case.operands, row, strict=True)]
            expected = case.expect(*operands)
            is_nan = isinstance(expected, float) and math.isnan(expected)
            bits = ENCODE[kind](expected) if kind in (F32, F64) else int(expected) & WORD_MASK
            if is_nan and kind in (F32, F64):
                matches = math.isnan(DECODE[kind](found))
            elif case.name == "single to half" and math.isnan(operands[0]):
                matches = found & 0x7E00 == 0x7E00
            else:
                matches = found == bits
            if not matches:
                wrong.append(f"{case.name}{operands}: {found:#x}, expected {bits:#x}")
    assert not words
    assert not wrong, "\n".join(wrong[:20])
