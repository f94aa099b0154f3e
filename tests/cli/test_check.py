"""`mlrc check` and `mlrc fmt`: cli.md 3.1 and 3.2, reference.md 18."""

import os
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc


def check(text: str, *options: str) -> tuple[int, str, str]:
    Path("a.mlr").write_text(text)
    return run_mlrc(["check", *options, "a.mlr"])


def test_a_good_file_is_ok_and_nothing_is_written() -> None:
    assert check("fn main() { }\n") == (0, "mlrc check: a.mlr - OK\n", "")
    assert os.listdir(".") == ["a.mlr"]


def test_no_main_is_needed() -> None:
    assert check("fn part() -> u64 { return 1 }\n")[:2] == (0, "mlrc check: a.mlr - OK\n")


def test_errors_are_counted() -> None:
    status, out, err = check("fn f() -> u64 { }\nfn main() { break }\n")
    assert (status, out) == (1, "")
    assert err.endswith("2 error(s) found in a.mlr\n")


def test_type_shapes_are_checked() -> None:
    text = "fn f() { return 1 }\n"
    assert check(text)[0] == 1
    assert check(text, "--no-check-types")[0] == 0


def test_unknown_names_are_warnings_because_no_code_is_made() -> None:
    status, out, err = check("fn main() { lost(unknown) }\n")
    assert (status, out) == (0, "mlrc check: a.mlr - OK\n")
    assert "warning: undefined function 'lost'" in err
    assert "warning: use of undeclared identifier 'unknown'" in err


def test_a_missing_file() -> None:
    status, out, err = run_mlrc(["check", "none.mlr"])
    assert (status, out) == (1, "")
    assert "cannot open 'none.mlr': file not found" in err


CRITICAL = """
fn acquire(u64 l) {{ }}
fn release(u64 l) {{ }}
fn main() {{ {body} }}
"""


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("acquire(1) alloc(8) release(1)", 1),
        ("alloc(8) acquire(1) release(1) alloc(8)", 0),
        ("acquire(1) acquire(2) release(2) alloc(8) alloc(8) release(1)", 2),
        ("acquire(1) if 1 { alloc(8) } u64 _p = alloc(8) release(1)", 0),
    ],
)
def test_critical_regions(body: str, count: int) -> None:
    status, _, err = check(CRITICAL.format(body=body))
    assert status == 0
    assert err.count("critical-region: alloc inside critical section") == count


def test_critical_regions_are_no_matter_of_a_compilation() -> None:
    Path("a.mlr").write_text(CRITICAL.format(body="acquire(1) alloc(8) release(1)"))
    assert run_mlrc(["--arch=x86_64", "a.mlr"])[2] == ""


def test_annotations_of_the_safety_analysis_are_inert() -> None:
    assert (
        check('@ctx(irq) @eff(io) @caps("x")\nfn f() { println(1) }\nfn main() { f() }\n')[0] == 0
    )
