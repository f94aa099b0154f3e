"""`--emit=ir` and `--emit=asm`: the shapes of cli.md 2.2."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

PROGRAM = """
static u64 total = 0
fn helper(u64 n) -> u64 { if n > 3 { return n * 2 } return n + 1 }
@section(".boot") fn boot() -> u64 { return 3 }
@export fn api(f64 x, u64 n) -> f64 { return x + int_to_f64(n) }
fn main() {
    for i in 0..cli() { total += helper(i) }
    println(total, api(1.5, total))
}
fn cli() -> u64 { u64 p = alloc(8) return load64(p) + 7 }
"""
LINE = re.compile(r"  ([0-9a-f]{4,}): ((?:[0-9a-f]{2} )*[0-9a-f]{2}) +(\S.*)")


@pytest.fixture(autouse=True)
def _program() -> None:
    Path("a.mlr").write_text(PROGRAM)


def listing(*options: str) -> str:
    assert run_mlrc(["--emit=asm", "a.mlr", "-o", "a.s", *options])[0] == 0
    return Path("a.s").read_text()


@pytest.mark.parametrize("cpu", ["x86_64", "arm64"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_a_listing_has_offsets_bytes_and_mnemonics(cpu: str, level: str) -> None:
    lines = listing(f"--arch={cpu}", level).splitlines()
    assert lines[0].startswith(f"; {cpu} ")
    for name in ("helper", "boot", "api", "main", "cli"):
        assert lines.count(f"{name}:") == 1
    assert lines[lines.index("boot:") - 1] == '.section .boot,"ax",@progbits'
    code = [line for line in lines if line.startswith("  ")]
    assert code
    assert all(LINE.fullmatch(line) for line in code)


@pytest.mark.parametrize("cpu", ["x86_64", "arm64"])
def test_offsets_are_where_the_bytes_are(cpu: str) -> None:
    position = 0
    for line in listing(f"--arch={cpu}").splitlines():
        match = LINE.fullmatch(line)
        if line.endswith(":") and not line.startswith("."):
            position = 0
        elif match:
            assert int(match[1], 16) == position
            position += len(bytes.fromhex(match[2]))


def test_the_bytes_are_those_of_a_disassembler() -> None:
    if shutil.which("objdump") is None:
        pytest.skip("needs objdump")
    wanted = bytes.fromhex("".join(m[2] for m in map(LINE.fullmatch, listing().splitlines()) if m))
    Path("code").write_bytes(wanted)
    command = ["objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "code"]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert "(bad)" not in text
    count = len([line for line in text.splitlines() if re.match(r" +[0-9a-f]+:\t.*\t\S", line)])
    ours = len(
        [m for m in map(LINE.fullmatch, listing().splitlines()) if m and "(padding)" not in m[3]]
    )
    assert ours <= count <= ours + 8


def test_the_dump_has_functions_blocks_numbers_and_a_summary() -> None:
    status, out, err = run_mlrc(["--emit=ir", "a.mlr", "-o", "ignored"])
    assert (status, err) == (0, "")
    assert not Path("ignored").exists()
    lines = out.splitlines()
    for name in ("helper", "boot", "api", "main", "cli"):
        assert lines.count(f"function {name}:") == 1
    helper = lines[lines.index("function helper:") :]
    body = helper[: helper.index("")]
    assert [line for line in body if line.startswith("bb")] == ["bb0:", "bb1:", "bb2:"]
    numbers = [int(match[1]) for match in (re.match(r" +(\d+): ", line) for line in body) if match]
    assert numbers == list(range(len(numbers)))
    assert re.fullmatch(r"; \d+ functions, \d+ blocks, \d+ instructions, \d+ globals", lines[-1])


def test_the_dump_has_domain_ops_before_and_after_expansion() -> None:
    Path("a.mlr").write_text("fn main() { tensor f32[3] x = 1.0\n println(x @ x) }\n")
    before, _, after = run_mlrc(["--emit=ir", "a.mlr"])[1].partition("; after expansion\n")
    assert before.startswith("; before expansion\nfunction main:\n")
    assert "tensor.matmul" in before
    assert "tensor.matmul" not in after
    assert "core.tensorproduct" in after


def test_a_function_with_unknown_names_is_left_out_of_listings() -> None:
    Path("a.mlr").write_text("fn broken() { lost() }\nfn user() { broken() }\nfn main() { }\n")
    assert "broken" not in listing()
    assert "function broken:" not in run_mlrc(["--emit=ir", "a.mlr"])[1]
