"""Shapes of results are numpy's where all extents are numbers; names fit as far as they can."""

import random

import numpy as np

from mlrift.frontend import typed
from mlrift.frontend.check.tensors.shapes import (
    Shape,
    agree,
    broadcast,
    fits,
    merged,
    product,
    shaped,
    shown,
)
from mlrift.source import SourceFile, Span
from mlrift.typesystem import U64, ElementKind

SPAN = Span(SourceFile("shapes.mlr", ""), 0, 0)


def extent(name: str) -> typed.LocalVariable:
    """Return a name as in the shape of a parameter."""
    return typed.LocalVariable(name, U64, SPAN, is_parameter=True, is_extent=True)


def _random_shape(source: random.Random, ranks: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(source.choice((1, 2, 3)) for _ in range(source.choice(ranks)))


def _by_numpy(operation: str, one: tuple[int, ...], other: tuple[int, ...]) -> Shape | None:
    try:
        if operation == "broadcast":
            return np.broadcast_shapes(one, other)
        return tuple(np.matmul(np.zeros(one), np.zeros(other)).shape)
    except ValueError:
        return None


def test_broadcasting_is_numpys() -> None:
    source = random.Random(1)
    for _ in range(500):
        one, other = _random_shape(source, (1, 2, 3)), _random_shape(source, (0, 1, 2, 4))
        assert broadcast(one, other) == _by_numpy("broadcast", one, other)


def test_matrix_products_are_numpys() -> None:
    source = random.Random(2)
    for _ in range(500):
        one, other = _random_shape(source, (1, 2, 3, 4)), _random_shape(source, (1, 2, 3))
        assert product(one, other) == _by_numpy("product", one, other)


def test_two_names_of_parameters_never_fit() -> None:
    rows, columns = extent("B"), extent("D")
    assert agree(rows, rows) is True
    assert agree(rows, columns) is False
    assert broadcast((rows, columns), (columns,)) == (rows, columns)
    assert broadcast((rows, columns), (rows,)) is None
    assert product((rows, columns), (columns, 5)) == (rows, 5)
    assert product((rows, columns), (rows, 5)) is None


def test_what_only_the_running_program_knows_fits() -> None:
    name = extent("N")
    counted = typed.LocalVariable("n", U64, SPAN)
    assert agree(name, 3) is None
    assert agree(name, counted) is None
    assert agree(counted, typed.LocalVariable("m", U64, SPAN)) is None
    assert fits((None, 3), (name, 3))
    assert not fits((2, 3), (name,))
    assert merged(None, name) is name
    assert merged(name, 3) == 3


def test_types_show_names_and_numbers() -> None:
    made = shaped(ElementKind.F32, (extent("B"), 64, None))
    assert made.name == "tensor f32[B, 64, ?]"
    assert made.machine.value == "tensor<f32, [?, 64, ?]>"
    assert shown((2, None)) == "[2, ?]"
