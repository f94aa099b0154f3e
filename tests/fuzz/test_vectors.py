"""Random programs of ops on vectors do the same on every machine."""

import pytest

from tests.fuzz.vectors import differences


# The last one chose 0.0 for -0.0 on arm64 without optimisation.
@pytest.mark.parametrize("seed", (0, 1, 2, 9011))
def test_machine_code_agrees_with_the_interpreter(seed: int) -> None:
    assert not differences(seed)
