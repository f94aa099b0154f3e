"""chart.mlr's picture is the stored one, and files that are no table are refused in words."""

from pathlib import Path

import pytest

from tests.examples.oracles import EXAMPLES
from tests.examples.programs import run_example
from tests.std.png_reader import read_picture

MISTAKES = {
    "a,b\n1,2\n3\n": "t.csv: line 3 has not 2 columns",
    "a,b\n1,2\n3,x\n": "t.csv: line 3, column 2 is not a number",
    "a,b\n1,2\n3,\n": "t.csv: line 3, column 2 is not a number",
    "a,b\n1,2\n": "t.csv: a curve needs two columns and two rows",
    f"a,b\n1,{'9' * 400}\n": "t.csv: line 2, column 2 is not a number",
    "": "t.csv: a curve needs two columns and two rows",
    "a\n1\n2\n": "t.csv: a curve needs two columns and two rows",
}


def test_picture_is_the_stored_one(tmp_path: Path) -> None:
    table = (EXAMPLES / "data" / "rates.csv").read_bytes()
    (tmp_path / "rates.csv").write_bytes(table)
    assert run_example("chart", ["rates.csv", "chart.png"], tmp_path).status == 0
    found = read_picture((tmp_path / "chart.png").read_bytes())
    assert found == read_picture((EXAMPLES / "chart.png").read_bytes())


@pytest.mark.parametrize("text", MISTAKES, ids=repr)
def test_what_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    result = run_example("chart", ["t.csv", "chart.png"], tmp_path)
    assert (result.status, result.stdout.decode()) == (1, f"{MISTAKES[text]}\n")
    assert not (tmp_path / "chart.png").exists()


def test_missing_file_is_named(tmp_path: Path) -> None:
    result = run_example("chart", ["t.csv", "chart.png"], tmp_path)
    assert result.status == 1
    assert result.stdout.startswith(b"t.csv: ")


@pytest.mark.parametrize("number", ["5", "0", "-0.001", "9" * 30, "-" + "9" * 200, "9" * 300])
def test_flat_curves_of_any_size_are_drawn(number: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        f"x,y\n{number},{number}\n{number},{number}\n", encoding="utf-8"
    )
    assert run_example("chart", ["t.csv", "chart.png"], tmp_path).status == 0
    assert read_picture((tmp_path / "chart.png").read_bytes()).width == 320
