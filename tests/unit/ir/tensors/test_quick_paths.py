"""Roads that only some data takes: near numbers, long rows, few elements wanted, limits."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlrift.ir.ops.tensor_map import Binary, BinaryKind, Cast, Unary, UnaryKind
from mlrift.ir.ops.tensor_reduce import Reduce, ReducedAxis, ReduceKind
from mlrift.ir.ops.tensor_rows import Sort, SortedPart, SortOrder, Top
from mlrift.typesystem import ElementKind, tensor
from tests.unit.ir.tensors.programs import TensorProgram
from tests.unit.ir.tensors.test_tensor_programs import agree

F32, F64 = ElementKind.F32, ElementKind.F64


@pytest.mark.parametrize("kind", [F32, F64], ids=lambda kind: kind.value)
def test_sines_of_near_and_far_numbers_are_the_same(kind: ElementKind) -> None:
    """One far number makes a row take the other road."""
    dtype = np.float32 if kind is F32 else np.float64
    near = np.linspace(-1000.0, 1000.0, 201).astype(dtype)
    near[:4] = (0.0, -0.0, 2.0**20, 1e-30)
    far = near.copy()
    far[100:103] = (1e30, np.nan, -np.inf)

    def fill(program: TensorProgram) -> None:
        for label, row in (("near", near), ("far", far)):
            found = program.data(kind, row)
            for unary in (UnaryKind.SIN, UnaryKind.COS):
                wave = program.emit(Unary(unary, found))
                program.show(f"{label} {unary.value}", wave)
                program.show(f"{label} fused", program.emit(Binary(BinaryKind.MUL, wave, found)))

    agree(fill)


@pytest.mark.parametrize("kind", [F32, F64, ElementKind.U8], ids=lambda kind: kind.value)
def test_order_of_long_rows_with_many_equal_elements(kind: ElementKind) -> None:
    """Bytes of keys are counted from 65 elements on; few of them are found without sorting."""
    draws = np.random.default_rng(3).integers(0, 40, (2, 700))

    def fill(program: TensorProgram) -> None:
        dtypes = {F32: np.float32, F64: np.float64, ElementKind.U8: np.uint8}
        found = program.data(kind, draws.astype(dtypes[kind]))
        for order in SortOrder:
            for part in SortedPart:
                program.show(f"{order} {part}", program.emit(Sort(order, part, found)))
                element = ElementKind.U64 if part is SortedPart.PLACES else kind
                for count in (0, 1, 64, 65, 700):
                    made = Top(order, part, found, program.word(count), tensor(element, (2, None)))
                    program.show(f"{order} {part} {count}", program.emit(made))

    agree(fill)


@pytest.mark.parametrize("kind", [F32, ElementKind.F16], ids=lambda kind: kind.value)
def test_extremes_of_long_rows(kind: ElementKind) -> None:
    """Rows of one sign, of both, with zeros of either sign and NaNs of either sign."""
    dtype = np.float32 if kind is F32 else np.float16
    positive: NDArray[Any] = np.random.default_rng(5).uniform(0.5, 9.0, 300).astype(dtype)
    rows: NDArray[Any] = np.stack([positive, -positive, positive, -positive, *[positive * 0] * 4])
    rows[2, ::2] *= -1
    rows[3, 299] = np.inf
    rows[5] = -rows[5]
    rows[6, 7], rows[6, 295] = 1.0, -np.inf
    rows[7, 298] = np.copysign(np.nan, -1.0)
    rows = np.concatenate([rows, rows])
    rows[8, 299] = np.nan
    rows[9, 0] = np.copysign(np.nan, -1.0)
    rows[13, 150] = 0.0

    def fill(program: TensorProgram) -> None:
        found = program.data(kind, rows)
        for reduction in (ReduceKind.MIN, ReduceKind.MAX):
            made = program.emit(Reduce(reduction, found, 1, ReducedAxis.DROPPED))
            program.show(reduction.value, made)

    agree(fill)


def test_whole_numbers_of_floats_at_the_limits() -> None:
    """What is beyond 64 bits is limited before it is cut."""
    row = np.array([0.5, -0.5, 2.0**31, -(2.0**31), 2.0**63, -(2.0**63), 1e30, -1e30, np.nan] * 9)

    def fill(program: TensorProgram) -> None:
        with np.errstate(over="ignore"):
            rows = {F32: row.astype(np.float32), F64: row}
        for kind, values in rows.items():
            found = program.data(kind, values)
            for element in (ElementKind.I64, ElementKind.I32, ElementKind.U8, ElementKind.U64):
                program.show(f"{kind} to {element}", program.emit(Cast(element, found)))

    agree(fill)
