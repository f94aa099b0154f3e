"""exp and tanh of f32 tensors are within two units in the last place, special values included."""

from collections.abc import Callable

import numpy as np
import pytest

from mlrift.ir.interpret.tensor_arithmetic import single_exp, single_tanh
from mlrift.ir.interpret.tensor_values import Array

_LEAST = 1e-37


@pytest.mark.parametrize(
    ("function", "exact", "limit"), [(single_exp, np.exp, 110.0), (single_tanh, np.tanh, 12.0)]
)
def test_errors_are_below_two_units(
    function: Callable[[Array], Array], exact: Callable[[Array], Array], limit: float
) -> None:
    near = np.linspace(-1e-3, 1e-3, 20_001)
    numbers = np.concatenate([np.linspace(-limit, limit, 400_001), near]).astype(np.float32)
    wanted = exact(numbers.astype(np.float64))
    with np.errstate(all="ignore"):
        rounded = wanted.astype(np.float32)
        found = function(numbers)
    normal = np.isfinite(rounded) & (np.abs(rounded) > _LEAST)
    units = np.spacing(np.abs(rounded[normal]))
    assert (np.abs(found[normal].astype(np.float64) - wanted[normal]) / units).max() < 2
    assert np.array_equal(np.isinf(found), np.isinf(rounded))


def test_special_values() -> None:
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype=np.float32)
    powers, curves = single_exp(special), single_tanh(special)
    assert np.isnan(powers[0])
    assert list(powers[1:]) == [np.inf, 0.0, 1.0, 1.0]
    assert np.isnan(curves[0])
    assert list(curves[1:]) == [1.0, -1.0, 0.0, 0.0]
    assert list(np.signbit(curves[3:])) == [False, True]
