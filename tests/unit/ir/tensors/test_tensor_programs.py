"""Tensor ops give the same elements interpreted, expanded and as machine code.

`make test-all` does what is done for every kind of elements for all kinds, else some stand for all.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlrift.driver.options import Optimisation
from mlrift.ir.core import Value
from mlrift.ir.ops import tensor
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.tensor import RandomKind
from mlrift.ir.ops.tensor_linear import Convolution, MatrixProduct
from mlrift.ir.ops.tensor_map import (
    Binary,
    BinaryKind,
    Cast,
    Compare,
    ComparePredicate,
    Select,
    Unary,
    UnaryKind,
)
from mlrift.ir.ops.tensor_reduce import Reduce, ReduceAll, ReducedAxis, ReduceKind
from mlrift.ir.ops.tensor_rows import (
    LayerNorm,
    RmsNorm,
    Softmax,
    Sort,
    SortedPart,
    SortOrder,
    Top,
)
from mlrift.ir.ops.tensor_shape import (
    AddAxis,
    Concat,
    DropAxis,
    Gather,
    Insert,
    Permute,
    Reshape,
    ScatterAdd,
    Slice,
)
from mlrift.ir.ops.tensor_types import FLOATS, INTEGERS, tensor_of
from mlrift.targets import LINUX_ARM64, X86_64
from mlrift.typesystem import F64, ElementKind, Extents
from mlrift.typesystem import tensor as tensor_type
from tests.harness.run_files import IS_THOROUGH
from tests.support.engines import default_engine
from tests.unit.ir.tensors.programs import (
    TensorProgram,
    compile_natively,
    difference,
    expanded,
    interpret,
    interpret_expanded,
    run_natively,
    shown_by,
    tensors_left,
)

Fill = Callable[[TensorProgram], None]
F32, HALF, DOUBLE = ElementKind.F32, ElementKind.F16, ElementKind.F64
ALL_KINDS = tuple(ElementKind)
_SOME_KINDS = (ElementKind.BF16, F32, ElementKind.I16, ElementKind.U64, ElementKind.BOOL)
TESTED_KINDS = ALL_KINDS if IS_THOROUGH else _SOME_KINDS
TESTED_FLOATS = tuple(kind for kind in FLOATS if kind in TESTED_KINDS)
_SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 65504.0, 3e38, -1.5, 2.5)


def contents(kind: ElementKind, shape: tuple[int, ...], seed: int = 0) -> NDArray[Any]:
    """Return elements of a kind: numbers of all sizes, special ones among floats."""
    rng = np.random.default_rng(seed)
    if kind is ElementKind.BOOL:
        return rng.integers(0, 2, shape).astype(np.uint8)
    if kind in FLOATS:
        numbers = rng.standard_normal(shape) * 4
        flat = numbers.ravel()
        for index, special in enumerate(_SPECIAL):
            if flat.size > 40:
                flat[(index * 37 + 3) % flat.size] = special
        if kind is ElementKind.BF16:
            return (numbers.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        with np.errstate(all="ignore"):
            return numbers.astype(kind.value.replace("f", "float"))
    dtype = np.dtype(
        kind.value.replace("u", "uint") if kind.value[0] == "u" else f"int{kind.value[1:]}"
    )
    bounds = np.iinfo(dtype)
    return rng.integers(bounds.min, bounds.max, shape, dtype=dtype, endpoint=True)


def finite(kind: ElementKind, shape: tuple[int, ...], seed: int = 0) -> NDArray[Any]:
    """Return small numbers of a kind."""
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal(shape)
    if kind is ElementKind.BF16:
        return (numbers.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return numbers.astype(kind.value.replace("f", "float"))


def agree(fill: Fill, arm64: bool = False) -> None:
    """Run a program in every way and compare."""
    shown, wanted = shown_by(fill), interpret(fill)
    assert wanted.status == 0, wanted.stderr
    module = expanded(fill)
    assert tensors_left(module) == 0
    problem = difference(shown, wanted, interpret_expanded(module))
    assert not problem, f"expanded: {problem}"
    image = compile_natively(module)
    for threads in (1, 3):
        found = run_natively(image, environment={"MLRIFT_THREADS": str(threads)})
        problem = difference(shown, wanted, found)
        assert not problem, f"native, {threads} threads: {problem}"
    image = compile_natively(expanded(fill), optimisation=Optimisation.NONE)
    assert not difference(shown, wanted, run_natively(image))
    if arm64 and default_engine(LINUX_ARM64).missing() is None:
        image = compile_natively(expanded(fill), LINUX_ARM64)
        problem = difference(shown, wanted, run_natively(image, LINUX_ARM64))
        assert not problem, f"arm64: {problem}"


@pytest.mark.parametrize("kind", TESTED_KINDS, ids=lambda kind: kind.value)
def test_element_wise_ops_of_every_kind(kind: ElementKind) -> None:
    def fill(program: TensorProgram) -> None:
        left = program.data(kind, contents(kind, (7, 13), 1))
        right = program.data(kind, contents(kind, (13,), 2))
        column = program.data(kind, contents(kind, (7, 1), 3))
        for binary in BinaryKind:
            if Binary(binary, left, right).check() is not None:
                continue
            if kind not in FLOATS and binary in (BinaryKind.DIV, BinaryKind.REM):
                one = program.scalar(kind, 3)
                program.show(binary.value, program.emit(Binary(binary, left, one)))
                continue
            program.show(binary.value, program.emit(Binary(binary, left, right)))
            program.show(binary.value + " column", program.emit(Binary(binary, column, left)))
        for unary in UnaryKind:
            if Unary(unary, left).check() is None:
                program.show(unary.value, program.emit(Unary(unary, left)))
        for predicate in ComparePredicate:
            truth = program.emit(Compare(predicate, left, right))
            program.show(predicate.value, truth)
        program.show("select", program.emit(Select(truth, left, column)))
        for other in ALL_KINDS:
            program.show(f"to {other.value}", program.emit(Cast(other, left)))

    agree(fill, arm64=kind in (F32, ElementKind.I16))


@pytest.mark.parametrize("kind", TESTED_KINDS, ids=lambda kind: kind.value)
def test_reductions_of_every_kind(kind: ElementKind) -> None:
    def fill(program: TensorProgram) -> None:
        for shape in ((3, 5, 37), (2, 1), (1, 9000), (40, 3)):
            found = program.data(kind, contents(kind, shape, len(shape)))
            for reduction in ReduceKind:
                if ReduceAll(reduction, found).check() is not None:
                    continue
                program.show(f"{reduction} {shape}", program.emit(ReduceAll(reduction, found)))
                for axis in range(len(shape)):
                    kept = ReducedAxis.KEPT if axis % 2 else ReducedAxis.DROPPED
                    made = program.emit(Reduce(reduction, found, axis, kept))
                    program.show(f"{reduction} {shape} {axis}", made)

    agree(fill, arm64=kind is F32)


@pytest.mark.parametrize("kind", TESTED_FLOATS, ids=lambda kind: kind.value)
def test_rows_of_every_kind(kind: ElementKind) -> None:
    def fill(program: TensorProgram) -> None:
        epsilon = program.emit(Constant(1e-5, F64))
        for shape in ((5, 33), (2, 3, 16), (1, 5000), (4, 1)):
            found = program.data(kind, finite(kind, shape, 1))
            scale = program.data(kind, finite(kind, shape[-1:], 2))
            shift = program.data(kind, finite(kind, shape[-1:], 3))
            program.show(f"softmax {shape}", program.emit(Softmax(found)))
            made = program.emit(LayerNorm(found, scale, shift, epsilon))
            program.show(f"layer norm {shape}", made)
            program.show(f"rms norm {shape}", program.emit(RmsNorm(found, scale, epsilon)))

    agree(fill, arm64=kind is F32)


@pytest.mark.parametrize("kind", TESTED_KINDS, ids=lambda kind: kind.value)
def test_order_of_every_kind(kind: ElementKind) -> None:
    def fill(program: TensorProgram) -> None:
        for shape in ((3, 50), (1, 1), (2, 200)):
            found = program.data(kind, contents(kind, shape, 7))
            for order in SortOrder:
                for part in SortedPart:
                    label = f"{order.value} {part.value} {shape}"
                    program.show(label, program.emit(Sort(order, part, found)))
                    element = ElementKind.U64 if part is SortedPart.PLACES else kind
                    count = min(4, shape[-1])
                    top = tensor_type(element, (*shape[:-1], None))
                    made = program.emit(Top(order, part, found, program.word(count), top))
                    program.show("top " + label, made)

    agree(fill)


@pytest.mark.parametrize(
    "kind",
    (*TESTED_FLOATS, ElementKind.I8, *((ElementKind.U8, ElementKind.I32) if IS_THOROUGH else ())),
    ids=lambda kind: kind.value,
)
def test_products_of_every_kind(kind: ElementKind) -> None:
    def fill(program: TensorProgram) -> None:
        make = finite if kind in FLOATS else contents
        pairs: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
            ((5, 7), (7, 9)),
            ((33, 40), (40, 1)),
            ((40,), (40, 6)),
            ((6, 40), (40,)),
            ((21,), (21,)),
            ((3, 4, 5), (5, 6)),
            ((3, 4, 5), (3, 5, 2)),
            ((2, 1, 4, 5), (3, 5, 2)),
        )
        for rows, columns in pairs:
            one = program.data(kind, make(kind, rows, 1))
            two = program.data(kind, make(kind, columns, 2))
            program.show(f"{rows} {columns}", program.emit(MatrixProduct(one, two)))
        left = program.emit(Permute(program.data(kind, make(kind, (7, 5), 1)), (1, 0)))
        right = program.emit(Permute(program.data(kind, make(kind, (9, 7), 2)), (1, 0)))
        program.show("transposed", program.emit(MatrixProduct(left, right)))
        image = program.data(kind, make(kind, (2, 3, 8, 9), 3))
        kernel = program.data(kind, make(kind, (4, 3, 3, 2), 4))
        for strides, paddings in (((1, 1), (0, 0)), ((2, 1), (1, 2)), ((3, 2), (0, 1))):
            made = program.emit(Convolution(image, kernel, strides, paddings))
            program.show(f"convolution {strides} {paddings}", made)
        whole = program.data(kind, make(kind, (4, 3, 8, 9), 3))
        program.show("one place", program.emit(Convolution(image, whole, (1, 1), (0, 0))))
        whole = program.data(kind, make(kind, (4, 3, 8, 9), 5))
        program.show("one place", program.emit(Convolution(image, whole, (1, 1), (0, 0))))
        row = program.data(kind, make(kind, (2, 3, 20), 5))
        taps = program.data(kind, make(kind, (4, 3, 5), 6))
        program.show("row", program.emit(Convolution(row, taps, (2,), (3,))))

    agree(fill, arm64=kind is F32)


def test_elements_are_arranged_anew() -> None:
    def fill(program: TensorProgram) -> None:
        for kind in (F32, ElementKind.U8, HALF, DOUBLE):
            x = program.data(kind, contents(kind, (4, 6, 5), 1))
            words = program.words
            program.show(
                "reshape", program.emit(Reshape(x, words((8, 15)), tensor_type(kind, (8, 15))))
            )
            turned = program.emit(Permute(x, (2, 0, 1)))
            program.show("permute", turned)
            flat = tensor_type(kind, (120,))
            program.show("permute reshape", program.emit(Reshape(turned, words((120,)), flat)))
            part_type = tensor_type(kind, (2, None, 5))
            part = program.emit(
                Slice(x, words((1, 0, 0)), words((3, 6, 5)), words((1, 2, 1)), part_type)
            )
            program.show("slice", part)
            program.show("slice add", program.emit(Binary(BinaryKind.MAX, part, part)))
            program.show(
                "sum of slice", program.emit(Reduce(ReduceKind.SUM, part, 1, ReducedAxis.KEPT))
            )
            inserted = program.emit(
                Insert(x, part, words((0, 1, 0)), words((2, 4, 5)), words((1, 1, 1)))
            )
            program.show("insert", inserted)
            row = program.data(kind, contents(kind, (1, 5), 3))
            stretched = program.emit(
                Insert(x, row, words((0, 0, 0)), words((4, 6, 5)), words((2, 3, 1)))
            )
            program.show("insert stretched", stretched)
            program.show("concat 0", program.emit(Concat([x, x, inserted], 0)))
            program.show("concat 2", program.emit(Concat([x, turned_back(program, turned)], 2)))
            added = program.emit(AddAxis(x, 1))
            program.show("add axis", added)
            program.show("drop axis", program.emit(DropAxis(added, 1)))
            for index_kind in INTEGERS:
                numbers = np.array([[3, 0], [2, 2]], dtype=contents(index_kind, (1,)).dtype)
                indices = program.data(index_kind, numbers)
                rows = program.emit(Gather(x, indices))
                program.show("gather", rows)
            program.show("scatter", program.emit(ScatterAdd(x, indices, rows)))

    agree(fill, arm64=True)


def turned_back(program: TensorProgram, turned: Value) -> Value:
    """Return the operand of a permutation of the axes (2, 0, 1)."""
    return program.emit(Permute(turned, (1, 2, 0)))


def test_made_tensors() -> None:
    def fill(program: TensorProgram) -> None:
        words, word = program.words, program.word
        for kind in ALL_KINDS:
            filled = program.scalar(kind, 1)
            program.show("scalar", filled)
            grid = tensor_type(kind, (3, None))
            value = filled.value
            program.show("fill", program.emit(tensor.Fill(value, words((3, 4)), grid)))
            if kind is not ElementKind.BOOL:
                line = tensor_type(kind, (None,))
                program.show("iota", program.emit(tensor.Iota(words((300,)), line)))
        for random, kind in (
            (RandomKind.BITS, ElementKind.U64),
            (RandomKind.UNIFORM, F32),
            (RandomKind.UNIFORM, DOUBLE),
            (RandomKind.NORMAL, F32),
            (RandomKind.NORMAL, DOUBLE),
        ):
            found = tensor_type(kind, (7, None))
            made = program.emit(tensor.Random(random, word(42), word(5), words((7, 30)), found))
            program.show(f"{random}", made)
            program.show(f"{random} sum", program.emit(ReduceAll(ReduceKind.SUM, made)))

    agree(fill, arm64=True)


def test_elements_one_by_one_and_words_for_tensors() -> None:
    def fill(program: TensorProgram) -> None:
        words, word = program.words, program.word
        for kind in ALL_KINDS:
            x = program.data(kind, contents(kind, (4, 5), 1))
            element = program.emit(tensor.LoadElement(x, words((2, 3))))
            changed = program.emit(tensor.StoreElement(x, words((0, 1)), element))
            again = program.emit(tensor.StoreElement(changed, words((0, 2)), element))
            program.show("stored", again)
            program.show("stored once", changed)
            shared = program.emit(tensor.Share(again))
            program.show("borrowed", program.emit(tensor.Borrow(shared, tensor_of(x))))
            program.show("taken", program.emit(tensor.Take(shared, tensor_of(x))))
            unknown: Extents = (None, None)
            loose = program.emit(tensor.Assume(x, tensor_type(kind, unknown)))
            program.emit(tensor.Require(loose, 0, word(4)))
            program.show("assumed", program.emit(tensor.Assume(loose, tensor_type(kind, (4, 5)))))

    agree(fill)


def test_chains_are_one_map_with_the_same_elements() -> None:
    def fill(program: TensorProgram) -> None:
        for kind in (F32, HALF, ElementKind.I16):
            x = program.data(kind, contents(kind, (9, 70), 1), (None, None))
            bias = program.data(kind, contents(kind, (70,), 2), (None,))
            column = program.data(kind, contents(kind, (9, 1), 3), (None, 1))
            two = program.scalar(kind, 2)
            scaled = program.emit(Binary(BinaryKind.MUL, x, two))
            added = program.emit(Binary(BinaryKind.ADD, scaled, bias))
            squared = program.emit(Binary(BinaryKind.MUL, added, added))
            moved = program.emit(Binary(BinaryKind.SUB, squared, column))
            program.show("chain", moved)
            program.show("sum", program.emit(ReduceAll(ReduceKind.SUM, squared)))
            twice = program.emit(Binary(BinaryKind.ADD, moved, two))
            for reduction in (ReduceKind.SUM, ReduceKind.MAX, ReduceKind.ARGMIN):
                made = program.emit(Reduce(reduction, twice, 1, ReducedAxis.KEPT))
                program.show(f"{reduction}", made)
            third = program.emit(Binary(BinaryKind.ADD, added, two))
            rows = program.emit(Reduce(ReduceKind.SUM, third, 1, ReducedAxis.KEPT))
            program.show("rows", rows)

    agree(fill, arm64=True)


def test_random_shapes_broadcast() -> None:
    def fill(program: TensorProgram) -> None:
        rng = np.random.default_rng(5)
        for number in range(25):
            rank = int(rng.integers(0, 5))
            full = tuple(int(row) for row in rng.integers(0 if number % 5 == 0 else 1, 6, rank))
            operands = []
            for seed in range(3):
                shape = tuple(1 if rng.integers(0, 3) == 0 else row for row in full)
                shape = shape[int(rng.integers(0, rank + 1)) :]
                data: Value = program.data(F32, contents(F32, shape, seed))
                if shape and rng.integers(0, 2):
                    order = tuple(int(row) for row in rng.permutation(len(shape)))
                    turned = tuple(np.argsort(order))
                    moved = program.data(F32, contents(F32, tuple(shape[i] for i in order), seed))
                    data = program.emit(Permute(moved, tuple(int(row) for row in turned)))
                operands.append(data)
            one = program.emit(Binary(BinaryKind.ADD, operands[0], operands[1]))
            two = program.emit(Binary(BinaryKind.MUL, one, operands[2]))
            program.show(f"{number} {full}", two)
            program.show(f"{number} {full} sum", program.emit(ReduceAll(ReduceKind.SUM, two)))

    agree(fill, arm64=True)


FAILURES: dict[str, Fill] = {
    "shapes [3, 4] and [2, 4] do not fit": lambda p: p.show(
        "", p.emit(Binary(BinaryKind.ADD, _unknown(p, (3, 4)), _unknown(p, (2, 4))))
    ),
    "shapes [3, 4] and [3, 4] do not multiply": lambda p: p.show(
        "", p.emit(MatrixProduct(_unknown(p, (3, 4)), _unknown(p, (3, 4))))
    ),
    "index 7 of axis 1 is outside of [3, 4]": lambda p: p.show(
        "",
        p.emit(tensor.StoreElement(_unknown(p, (3, 4)), p.words((0, 7)), p.scalar(F32, 1).value)),
    ),
    "axis 0 of [3, 4] must have 5 elements": lambda p: p.show(
        "", p.emit(tensor.Assume(_unknown(p, (3, 4)), tensor_type(F32, (5, 4))))
    ),
    "there are no elements": lambda p: p.show(
        "", p.emit(ReduceAll(ReduceKind.MAX, _unknown(p, (0, 4))))
    ),
    "shapes [3, 4] and [5] have different numbers of elements": lambda p: p.show(
        "", p.emit(Reshape(_unknown(p, (3, 4)), p.words((5,)), tensor_type(F32, (None,))))
    ),
    "a slice from 2 to 1": lambda p: p.show(
        "",
        p.emit(
            Slice(
                _unknown(p, (3,)),
                p.words((2,)),
                p.words((1,)),
                p.words((1,)),
                tensor_type(F32, (None,)),
            )
        ),
    ),
    "index 9 of axis 0 is outside of [3]": lambda p: p.show(
        "",
        p.emit(Gather(_unknown(p, (3,)), p.data(ElementKind.U8, np.array([1, 9], np.uint8)))),
    ),
}


def _unknown(program: TensorProgram, shape: tuple[int, ...]) -> Value:
    """Return a tensor whose type says nothing about its extents."""
    return program.data(F32, np.ones(shape, np.float32), (None,) * len(shape))


@pytest.mark.parametrize("message", FAILURES)
def test_failures_end_the_program_with_a_message(message: str) -> None:
    fill = FAILURES[message]
    assert X86_64 is not None
    module = expanded(fill)
    outcomes = [interpret(fill), interpret_expanded(module)]
    outcomes.append(run_natively(compile_natively(module)))
    for outcome in outcomes:
        assert outcome.status == 1
        assert message in outcome.stderr.decode()
        assert outcome.stdout == b""
