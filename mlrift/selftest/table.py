"""The whole table, in a fixed order; cases are made anew each time, as kernels change arguments."""

from collections.abc import Iterator

from mlrift.selftest import (
    attention_cases,
    layers_cases,
    matrix_cases,
    moves_cases,
    pointwise_cases,
    rows_cases,
    spiking_cases,
    training_cases,
)
from mlrift.selftest.case import KernelCase

FAMILIES = (
    pointwise_cases,
    rows_cases,
    matrix_cases,
    attention_cases,
    moves_cases,
    training_cases,
    spiking_cases,
    layers_cases,
)


def cases() -> Iterator[KernelCase]:
    """Yield every case."""
    for family in FAMILIES:
        yield from family.cases()
