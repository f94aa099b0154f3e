"""The table of the page is complete and within a unit; a few functions are measured anew."""

import re

import pytest

from tests.accuracy import log_table
from tests.accuracy.functions import DOUBLE, FUNCTIONS
from tests.accuracy.measure import PAGE, error_ulps, measure, measured_names

LIMIT_ULPS = 1.0
AGAIN = ("sin", "exp", "pow", "tanh", "atan2")
POINTS = 400


def test_every_function_of_the_page_is_within_a_unit() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([\d.]+) \|", PAGE.read_text(), re.MULTILINE)
    assert {name for name, _, _ in rows} == set(measured_names())
    assert [row for row in rows if float(row[2]) >= LIMIT_ULPS] == []
    assert [row for row in rows if int(row[1]) < 999_000] == []


@pytest.mark.parametrize("name", AGAIN)
def test_the_function_is_still_within_a_unit(name: str) -> None:
    function = next(row for row in FUNCTIONS if row.name == name)
    measured = measure(function, DOUBLE, POINTS)
    assert measured.error_ulps < LIMIT_ULPS, measured


def test_an_error_is_counted_in_units_of_the_true_value() -> None:
    one = (0, 1, 0, 1)
    assert error_ulps(one, 1.0, DOUBLE) == 0.0
    assert error_ulps(one, 1.0 + 2.0**-52, DOUBLE) == 1.0
    assert error_ulps((0, 1, 2000, 1), float("inf"), DOUBLE) == 0.0
    assert error_ulps((0, 1, -1074, 1), 0.0, DOUBLE) == 1.0
    assert error_ulps(one, float("inf"), DOUBLE) > 1e300


def test_the_table_of_logarithms_is_what_the_script_makes() -> None:
    assert log_table.FILE.read_text(encoding="utf-8") == log_table.text()
