"""Q40: Mistakes that only a linker could notice are diagnostics; bugs of the compiler say so."""

import gc
import json
import sys
from pathlib import Path

import pytest

from mlrift.cli import mlrc
from mlrift.driver import build
from mlrift.driver.options import CompileOptions
from mlrift.targets import SYSTEMS, System
from tests.harness.compiler import run_mlrc
from tests.objects.toolchains import compile_object

CALLS_WINDOWS = """
extern fn GetTickCount() -> u32
extern fn CreateFileA(u64 text) -> i32
fn main() {
    if 1 == 2 { GetTickCount() }
}
"""


def refused(folder: Path, text: str, *flags: str) -> str:
    """Compile a program that must be refused; return the messages."""
    source = folder / "program.mlr"
    source.write_text(text, encoding="utf-8")
    output = folder / "program.out"
    status, _, messages = run_mlrc([*flags, str(source), "-o", str(output)])
    assert status == 1
    assert not output.exists()
    return messages


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_an_extern_function_is_provided_by_something(tmp_path: Path, level: str) -> None:
    messages = refused(tmp_path, CALLS_WINDOWS, "--arch=x86_64", level)
    assert "program.mlr:2:11: error: extern function 'GetTickCount' cannot be linked" in messages
    assert "for linux-x64 [E0601]" in messages
    assert "mlrc -c --target=linux --arch=x86_64" in messages
    assert "CreateFileA" not in messages


def test_every_target_that_lacks_the_function_is_named(tmp_path: Path) -> None:
    named = '@dynamic("libown.xyz") extern fn own()\nfn main() { own() }'
    messages = refused(tmp_path, named)
    assert "for any target [E0601]" in messages
    assert "`@dynamic` names no library there, only libown.xyz" in messages
    text = "extern fn GetLastError() -> u32\nfn main() { println(GetLastError()) }"
    messages = refused(tmp_path, text, "--targets=linux-x64,win-x64,mac-arm64")
    assert "for linux-x64, mac-arm64 [E0601]" in messages


def test_the_diagnostic_has_a_json_form(tmp_path: Path) -> None:
    messages = refused(tmp_path, CALLS_WINDOWS, "--arch=x86_64", "--error-format=json")
    row = json.loads(messages.splitlines()[0])
    assert (row["code"], row["line"], row["column"]) == ("E0601", 2, 11)


def test_a_function_of_the_system_is_called(tmp_path: Path) -> None:
    source = tmp_path / "program.mlr"
    source.write_text("extern fn GetLastError() -> u32\nfn main() { println(GetLastError()) }")
    status, _, messages = run_mlrc(["--emit=pe", str(source), "-o", str(tmp_path / "out.exe")])
    assert status == 0, messages


def test_a_symbol_of_the_runtime_cannot_be_exported(tmp_path: Path) -> None:
    text = "@export fn memcpy(u64 a) -> u64 { return a }\nfn main() { println(1) }"
    messages = refused(tmp_path, text, "--arch=x86_64")
    assert "program.mlr:1:12: error: duplicate symbol 'memcpy' [E0603]" in messages
    compile_object(tmp_path, text)


def test_a_program_of_more_than_two_gigabytes(tmp_path: Path) -> None:
    text = """
    static u8[1500000000] first
    static u8[1500000000] second
    static u64 cli_argc
    fn set(u64 place) { store8(place + cli_argc, 1) }
    fn main() {
        set(first)
        set(second)
        println(load8(first + cli_argc * 2) + load8(second + cli_argc * 2))
    }
    """
    messages = refused(tmp_path, text, "--arch=x86_64")
    assert "program image too large: 3000000" in messages
    assert "[E0604]" in messages


def test_a_naked_function_has_no_ordinary_statements(tmp_path: Path) -> None:
    messages = refused(tmp_path, "@naked fn f() -> u64 { return 1 }\nfn main() { f() }")
    assert "program.mlr:1:24: error: a statement other than assembly is not" in messages


class BrokenStageError(Exception):
    """A bug of the compiler."""


def run_main(monkeypatch: pytest.MonkeyPatch, folder: Path, error: BaseException) -> int:
    """Run the command with a stage that raises; return its exit status."""

    def broken(options: CompileOptions) -> int:
        raise error

    source = folder / "program.mlr"
    source.write_text("fn main() {}", encoding="utf-8")
    monkeypatch.setattr(build, "build", broken)
    monkeypatch.setattr(sys, "argv", ["mlrc", str(source)])
    monkeypatch.setattr(mlrc, "_end", sys.exit)  # the command ends its process at once
    with pytest.raises(SystemExit) as stopped:
        mlrc.main()
    gc.enable()  # the command turns it off for its process, which here has many tests to come
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_a_bug_is_reported_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(mlrc.TRACEBACK_VARIABLE, raising=False)
    assert run_main(monkeypatch, tmp_path, BrokenStageError("no rule for it")) == 1
    messages = capsys.readouterr().err
    assert "mlrc: internal error: BrokenStageError: no rule for it" in messages
    assert "this is a bug in mlrc" in messages
    assert "MLRIFT_TRACEBACK=1" in messages
    assert "Traceback" not in messages


def test_a_traceback_is_printed_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(mlrc.TRACEBACK_VARIABLE, "1")
    assert run_main(monkeypatch, tmp_path, BrokenStageError("no rule for it")) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_the_outside_world_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = PermissionError(13, "Permission denied", "somewhere")
    assert run_main(monkeypatch, tmp_path, error) == 1
    messages = capsys.readouterr().err
    assert messages == "mlrc: error: [Errno 13] Permission denied: 'somewhere'\n"


BAD_SECTIONS = [
    ("--target=linux", ".bss"),
    ("--target=linux", ".data.rel"),
    ("--target=windows", ".rdata"),
    ("--target=macos", "a,b,c"),
    ("--target=macos", "__TEXT,a_name_of_more_than_sixteen"),
    ("--target=macos", "__TEXT,__cstring"),
    ("--target=macos", "__DATA,x"),
]


@pytest.mark.parametrize(("target", "section"), BAD_SECTIONS)
def test_a_section_must_be_possible(tmp_path: Path, target: str, section: str) -> None:
    messages = refused(tmp_path, f'@section("{section}") fn f() {{ }}', "-c", target)
    assert "program.mlr:1:" in messages
    assert f"function 'f' cannot be in section '{section}' of an object" in messages
    assert "[E0605]" in messages


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda row: row.name)
@pytest.mark.parametrize("section", ["f", "main", "puts", ".init.text", "a b", "name_" * 10])
def test_sections_may_have_any_other_name(tmp_path: Path, system: System, section: str) -> None:
    text = f"""
    extern fn puts(u64 text) -> i32
    @section("{section}") @export fn f() -> u64 {{ return 1 }}
    fn main() {{ puts(f()) }}
    """
    compile_object(tmp_path, text, f"--target={system.name}")
