"""`mlrc test`: functions marked `@test` are run, each in a process of its own."""

from pathlib import Path

import pytest

from mlrift.cli import test_command
from tests.harness.compiler import run_mlrc

PROGRAM = """
static u64 count
fn twice(u64 a) -> u64 { return a * 2 }
@test fn first() { count += 1 }
@test fn second() -> u64 {
    if count != 0 { return 9 }
    if twice(4) != 8 { return 1 }
    return 0
}
@test fn third() -> u64 {
    println("seven is", 7)
    return 256
}
fn not_a_test() { exit(3) }
@test fn fourth() { exit(5) }
@test fn fifth() { store8(0, 1) }
fn main() -> u64 { return 1 }
"""


def mlrc_test(text: str, *options: str) -> tuple[int, str, str]:
    Path("a.mlr").write_text(text)
    return run_mlrc(["test", *options, "a.mlr"])


@pytest.mark.parametrize("options", [[], ["-O0"], ["--debug"]])
def test_each_test_has_a_line_and_there_is_a_summary(options: list[str]) -> None:
    status, out, err = mlrc_test(PROGRAM, *options)
    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert lines[:4] == [
        "test first ... ok",
        "test second ... ok",
        "test third ... FAILED: exit status 255",
        "    seven is 7",
    ]
    assert lines[4] == "test fourth ... FAILED: exit status 5"
    assert lines[5].startswith("test fifth ... FAILED: ")
    assert lines[-1] == "2 passed, 3 failed"


def test_no_main_is_needed_and_success_is_zero() -> None:
    status, out, err = mlrc_test("@test fn one() { }\n@test fn two() -> i32 { return 0 }\n")
    assert (status, err) == (0, "")
    assert out == "test one ... ok\ntest two ... ok\n2 passed, 0 failed\n"


def test_main_can_be_called_by_a_test() -> None:
    text = "fn main() -> u64 { return 7 }\n@test fn one() -> u64 { return main() - 7 }\n"
    assert mlrc_test(text)[0] == 0


def test_the_statics_of_arguments_may_be_declared() -> None:
    text = "static u64 cli_argv\n@test fn one() -> u64 { return cli_argv == 0 }\n"
    assert mlrc_test(text)[0] == 0


def test_more_than_nine_tests() -> None:
    text = "".join(f"@test fn t{n}() -> u64 {{ return {n} == 11 }}\n" for n in range(12))
    status, out, _ = mlrc_test(text)
    assert status == 1
    assert "test t10 ... ok\ntest t11 ... FAILED: exit status 1\n11 passed, 1 failed\n" in out


def test_a_file_without_tests() -> None:
    assert mlrc_test("fn main() { }\n") == (0, "no functions marked @test in a.mlr\n", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@test fn t(u64 a) { println(a) }\n", "a.mlr:1:10: error: a @test function takes no"),
        ("@test fn t() -> bool { return true }\n", "'t' returns bool"),
        ("@test fn main() { }\n", "`main` cannot be a test"),
        ("@test fn t() { x = 1 }\n", "E0502"),
        ("@test fn t( { }\n", "E0201"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    status, out, err = mlrc_test(text)
    assert (status, out) == (1, "")
    assert message in err


def test_a_test_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_command, "TIMEOUT_SECONDS", 1)
    status, out, _ = mlrc_test("@test fn t() { loop { } }\n")
    assert status == 1
    assert out == "test t ... FAILED: still running after 1 s\n0 passed, 1 failed\n"


def test_tests_of_imported_files_are_theirs() -> None:
    Path("b.mlr").write_text("@test fn theirs() -> u64 { return 1 }\n")
    assert mlrc_test('import "b.mlr"\n@test fn ours() { }\n')[1] == (
        "test ours ... ok\n1 passed, 0 failed\n"
    )


def test_another_target_is_refused() -> None:
    assert "compiles for this machine" in mlrc_test(PROGRAM, "--arch=arm64")[2]
