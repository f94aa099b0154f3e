"""The shape of what is reported: reference.md 17.1 and the JSON lines."""

import json
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

SINGLE = "--arch=x86_64"


def report(text: str, *options: str) -> str:
    Path("a.mlr").write_text(text)
    status, out, err = run_mlrc([*options, SINGLE, "a.mlr"])
    assert (status, out) == (1, "")
    return err


def test_a_semantic_error_has_file_line_code_and_totals() -> None:
    err = report("fn main() {\n    break\n}\n")
    assert "a.mlr:2:5: error: `break` outside of a loop [E0314]\n" in err
    assert "2 |     break\n  |     ^^^^^\n" in err
    assert err.endswith("\n\n1 error(s), 0 warning(s)\n1 error(s) found\n")


def test_type_shape_errors_end_in_their_own_total() -> None:
    err = report("fn f() { return 1 }\nfn main() { f() }\n")
    assert err.endswith("1 error(s), 0 warning(s)\ntype check failed\n")


def test_syntax_errors_say_what_was_expected() -> None:
    err = report("fn main() { u64 = 5 }\n")
    assert "a.mlr:1:17: error: expected a name or `[`, got symbol '='" in err
    assert err.endswith("\n1 parse error(s)\n")
    assert "error: unexpected symbol ')' in expression" in report("fn main() { f(1 + ) }\n")


def test_at_most_twenty_syntax_errors_are_shown() -> None:
    err = report("fn main() {\n" + "    u64 = 1;\n" * 30 + "}\n")
    assert err.count(": error: ") == 20
    assert err.endswith("\n30 parse error(s)\n")


def test_errors_of_imported_files_name_their_own_lines() -> None:
    Path("part.mlr").write_text("\n\nfn part() { break }\n")
    err = report('import "part.mlr"\nfn main() { continue }\n')
    assert "part.mlr:3:13: error: `break` outside of a loop" in err
    assert "a.mlr:2:13: error: `continue` outside of a loop" in err
    assert err.index("part.mlr:3") < err.index("a.mlr:2")


def test_independent_errors_are_all_reported_in_one_run() -> None:
    err = report(
        "fn f(u64 a) -> u64 { if a { return 1 } }\n"
        "fn main() { u64 a = f() lost() break a = 1.5 + 2 }\n"
    )
    for phrase in (
        "may not return a value on all paths",
        "wrong number of arguments",
        "undefined function 'lost'",
        "outside of a loop",
        "mixed integer and float",
    ):
        assert phrase in err


def test_warnings_do_not_change_the_status() -> None:
    Path("a.mlr").write_text("fn main() { u64 unused = 1 }\n")
    status, out, err = run_mlrc([SINGLE, "a.mlr"])
    assert status == 0
    assert out.endswith("-> a\n")
    assert "a.mlr:1:17: warning: unused variable (prefix with _ to suppress) 'unused'" in err
    assert err.endswith("\n0 error(s), 1 warning(s)\n")
    assert run_mlrc([SINGLE, "a.mlr"])[2] == err


def test_json_is_one_object_a_line() -> None:
    err = report("fn main() { u64 a = 1\n  lost()\n}\n", "--error-format=json")
    rows = [json.loads(line) for line in err.splitlines()]
    assert [(row["code"], row["severity"]) for row in rows] == [
        ("W0303", "warning"),
        ("E0503", "error"),
    ]
    place = {"file": "a.mlr", "line": 2, "column": 3, "end_line": 2, "end_column": 7}
    assert rows[1].items() >= place.items()
    assert rows[1]["message"].startswith("undefined function 'lost'")


def test_json_of_an_unwritable_output() -> None:
    Path("a.mlr").write_text("fn main() { }\n")
    options = ["--error-format=json", SINGLE, "a.mlr", "-o", "none/made"]
    status, out, err = run_mlrc(options)
    assert (status, out) == (1, "")
    assert json.loads(err)["code"] == "E0105"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("std/vec", "std/vec.mlr"),
        ("vec.mlr", "std/vec.mlr"),
        ("STD/Vec.mlr", "std/vec.mlr"),
        ("std\\\\vec.mlr", "std/vec.mlr"),
        ("std/vce.mlr", "std/vec.mlr"),
        ("part/helpr.mlr", "part/helper.mlr"),
        ("nothing_like_it.mlr", ""),
    ],
)
def test_an_import_that_cannot_be_opened_names_a_near_one(
    tmp_path: Path, path: str, meant: str
) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "helper.mlr").write_text("fn help() { }\n")
    source = tmp_path / "a.mlr"
    source.write_text(f'import "{path}"\nfn main() {{ }}\n')
    status, _, messages = run_mlrc([str(source)])
    assert status == 1
    helps = [line.split("help: ")[1] for line in messages.splitlines() if "help: " in line]
    assert helps == ([f'import "{meant}"'] if meant else [])


def test_a_name_of_the_library_says_what_to_import() -> None:
    messages = report("fn main() { println(vec_len(vec_new())) map_frob() }")
    assert messages.count('help: import "std/vec.mlr"') == 2
    assert messages.count("help:") == 2


def test_a_folder_is_no_program(tmp_path: Path) -> None:
    status, _, messages = run_mlrc([str(tmp_path)])
    assert status == 1
    assert messages.startswith(f"error: cannot open '{tmp_path}'")
    assert "[E0102]" in messages


def test_progress_goes_to_standard_output_only() -> None:
    Path("a.mlr").write_text("fn main() { }\n")
    status, out, err = run_mlrc([SINGLE, "a.mlr"])
    assert (status, err) == (0, "")
    assert out.endswith("-> a\n")
