"""What is made and how it is named: cli.md 1.2 to 1.4 and 2.1."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

HELLO = 'fn main() { println("hi") }\n'
LISTING = "--emit=asm"


def write(name: str, text: str = HELLO) -> str:
    Path(name).write_text(text)
    return name


def mode(name: str) -> int:
    return stat.S_IMODE(os.stat(name).st_mode)


def kind(name: str) -> str:
    """Return what the first bytes of a file say it is."""
    head = Path(name).read_bytes()[:20]
    if head.startswith(b"\x7fELF"):
        types = {1: "elf object", 2: "elf", 3: "elf pie"}
        cpus = {62: "x86_64", 183: "arm64"}
        return f"{types[head[16]]} {cpus[head[18]]}"
    if head.startswith(b"\xcf\xfa\xed\xfe"):
        cpu = "arm64" if head[4] == 12 else "x86_64"
        return f"{'macho object' if head[12] == 1 else 'macho'} {cpu}"
    for magic, name_of_kind in (
        (b"MZ", "pe"),
        (b"MLRBOFAT", "fat"),
        (b"\x64\x86", "coff x86_64"),
        (b"\x64\xaa", "coff arm64"),
        (b";", "listing"),
    ):
        if head.startswith(magic):
            return name_of_kind
    return "unknown"


def test_without_options_a_fat_file_is_made() -> None:
    status, out, err = run_mlrc([write("hello.mlr")])
    assert (status, err) == (0, "")
    assert re.fullmatch(r"fat binary: x86_64\(\d+\) \+ arm64\(\d+\) \+ .* -> hello\.mlrbo\n", out)
    assert kind("hello.mlrbo") == "fat"
    assert mode("hello.mlrbo") & 0o111 == 0


def test_a_single_program_runs() -> None:
    status, out, _ = run_mlrc(["--arch=x86_64", write("hello.mlr")])
    assert status == 0
    assert re.fullmatch(r"\d+ tokens, \d+ nodes, \d+ bytes -> hello\n", out)
    assert mode("hello") & 0o777 == 0o755
    result = subprocess.run(["./hello"], capture_output=True, check=True)
    assert result.stdout == b"hi\n"


@pytest.mark.parametrize(
    ("options", "name", "expected"),
    [
        (["--arch=x86_64"], "hello", "elf x86_64"),
        (["--arch=x86-64"], "hello", "elf x86_64"),
        (["--arch=amd64"], "hello", "elf x86_64"),
        (["--arch=x64"], "hello", "elf x86_64"),
        (["--arch=arm64"], "hello", "elf arm64"),
        (["--arch=aarch64"], "hello", "elf arm64"),
        (["--target=linux"], "hello", "elf x86_64"),
        (["--target=linux", "--arch=arm64"], "hello", "elf arm64"),
        (["--target=macos"], "hello", "macho x86_64"),
        (["--target=darwin", "--arch=arm64"], "hello", "macho arm64"),
        (["--target=windows"], "hello.exe", "pe"),
        (["--target=win"], "hello.exe", "pe"),
        (["--target=android"], "hello", "elf pie arm64"),
        (["--target=android", "--arch=x86_64"], "hello", "elf pie x86_64"),
        (["--emit=elfexe"], "hello", "elf x86_64"),
        (["--emit=elf"], "hello", "elf x86_64"),
        (["--emit=linux-arm64"], "hello", "elf arm64"),
        (["--emit=elf-arm64"], "hello", "elf arm64"),
        (["--emit=linux-x86-64"], "hello", "elf x86_64"),
        (["--emit=elf", "--arch=arm64"], "hello", "elf arm64"),
        (["--emit=macho"], "hello", "macho x86_64"),
        (["--emit=mac-arm64"], "hello", "macho arm64"),
        (["--emit=pe"], "hello.exe", "pe"),
        (["--emit=win-arm64"], "hello.exe", "pe"),
        (["--emit=android"], "hello", "elf pie arm64"),
        (["--emit=obj"], "hello.o", "elf object x86_64"),
        (["-c"], "hello.o", "elf object x86_64"),
        (["-c", "--arch=arm64"], "hello.o", "elf object arm64"),
        (["-c", "--target=android"], "hello.o", "elf object arm64"),
        (["-c", "--target=windows"], "hello.obj", "coff x86_64"),
        (["-c", "--target=windows", "--arch=arm64"], "hello.obj", "coff arm64"),
        (["-c", "--target=macos"], "hello.o", "macho object x86_64"),
        ([LISTING], "hello", "listing"),
    ],
)
def test_name_and_format_follow_the_options(options: list[str], name: str, expected: str) -> None:
    status, out, err = run_mlrc([*options, write("hello.mlr")])
    assert (status, err) == (0, "")
    assert f"-> {name}" in out
    assert kind(name) == expected
    is_executable = not ({"-c", "--emit=obj", LISTING} & set(options))
    assert bool(mode(name) & 0o111) == is_executable


def test_windows_arm64_is_honoured_in_an_alias() -> None:
    assert run_mlrc(["--emit=windows-arm64", write("hello.mlr")])[0] == 0
    data = Path("hello.exe").read_bytes()
    header = int.from_bytes(data[0x3C:0x40], "little")
    assert data[header + 4 : header + 6] == b"\x64\xaa"


@pytest.mark.parametrize(("options", "note"), [(["-c"], "relocatable"), ([LISTING], "asm listing")])
def test_success_lines_name_the_product(options: list[str], note: str) -> None:  # Q58
    _, out, _ = run_mlrc([*options, write("hello.mlr"), "-o", "made"])
    assert re.fullmatch(rf"\d+ tokens, \d+ nodes, \d+ bytes -> made \({note}\)\n", out)


@pytest.mark.parametrize("output", [["-o", "made"], ["-omade"]])
def test_output_is_given_in_two_ways(output: list[str]) -> None:
    assert run_mlrc([*output, "--arch=x86_64", write("hello.mlr")])[0] == 0
    assert kind("made") == "elf x86_64"


def test_the_second_extension_is_removed_too() -> None:
    assert run_mlrc(["--arch=x86_64", write("hello.kr")])[0] == 0
    assert Path("hello").is_file()


def test_options_may_follow_the_file() -> None:
    assert run_mlrc([write("hello.mlr"), "-o", "made", "--arch=x86_64"])[0] == 0
    assert kind("made") == "elf x86_64"


def test_the_last_plain_argument_is_the_input() -> None:
    write("hello.mlr")
    assert run_mlrc(["missing.mlr", "hello.mlr", "--arch=x86_64"])[0] == 0


def test_targets_make_a_smaller_fat_file() -> None:
    status, out, err = run_mlrc(["--targets=linux-x64,mac-arm64", write("hello.mlr")])
    assert (status, err) == (0, "")
    assert out == "custom fat binary: 2 slices -> hello.mlrbo\n"
    assert kind("hello.mlrbo") == "fat"


def test_targets_make_a_fat_file_even_with_arch() -> None:
    status, out, _ = run_mlrc(["--targets=win-x64", "--arch=arm64", write("hello.mlr")])
    assert (status, out) == (0, "custom fat binary: 1 slices -> hello.mlrbo\n")


def test_all_targets_make_the_usual_fat_file() -> None:
    status, out, _ = run_mlrc(["--targets=all", write("hello.mlr")])
    assert status == 0
    assert out.startswith("fat binary: ")


def test_an_unknown_target_name_is_a_warning() -> None:
    status, out, err = run_mlrc(["--targets=linux-x64,beos", write("hello.mlr")])
    assert status == 0
    assert "unknown --targets name 'beos'" in err
    assert "1 slices" in out


@pytest.mark.parametrize(
    "names",
    [
        "linux-x64,linux-x86_64",
        "win-x64,windows-x64",
        "mac-arm64,macos-arm64",
        "android-x64,android-x86_64",
    ],
)
def test_target_names_have_synonyms(names: str) -> None:
    status, out, err = run_mlrc([f"--targets={names}", write("hello.mlr")])
    assert (status, err, out) == (0, "", "custom fat binary: 1 slices -> hello.mlrbo\n")


def test_a_second_run_gives_the_same_bytes() -> None:
    run_mlrc([write("hello.mlr"), "-o", "first"])
    run_mlrc(["hello.mlr", "-o", "second"])
    assert Path("first").read_bytes() == Path("second").read_bytes()


@pytest.mark.parametrize("product", ["-c", "--emit=asm", "--emit=ir"])
def test_only_programs_need_main(product: str) -> None:
    write("part.mlr", "fn part() -> u64 { return 1 }\n")
    assert run_mlrc([product, "part.mlr"])[0] == 0
    status, _, err = run_mlrc(["--arch=x86_64", "part.mlr"])
    assert status == 1
    assert "no 'main' function found" in err
