"""The whole table, in a fixed order; cases are made anew each time, as kernels change arguments.

What `mlr doctor --selftest` runs on cards, and kernels that are not of the library.
"""

from collections.abc import Iterator

from mlrift.selftest import layers_cases, table
from mlrift.selftest.case import KernelCase
from tests.harness.run_files import IS_THOROUGH
from tests.kernels import corpus_cases, features_cases


def cases() -> Iterator[KernelCase]:
    """Yield every case; the large ones in `make test-all` only."""
    yield from table.cases()
    yield from corpus_cases.cases()
    yield from features_cases.cases()
    if IS_THOROUGH:
        yield from layers_cases.large_cases()
