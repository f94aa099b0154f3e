"""`mlrc emulate`: arguments from words and files, results, counts, faults with their line."""

from pathlib import Path

import numpy
import pytest

from tests.harness.compiler import run_mlrc

SAXPY = """@kernel
fn saxpy(uint64 x, uint64 y, uint64 n, f32 a) {
    uint64 i = block_idx_x() * 64 + tid_local_x()
    if i < n {
        f32 u = 0.0f
        f32 v = 0.0f
        unsafe { *((x + i * 4) as f32) -> u }
        unsafe { *((y + i * 4) as f32) -> v }
        unsafe { *((y + i * 4) as f32) = v + a * u }
    }
}
"""
GRID = ["--grid=2", "--block=64"]
BUFFERS = ["--arg=buffer:f32:range:100", "--arg=buffer:f32:ones:100"]


@pytest.fixture(autouse=True)
def _code_object() -> None:
    Path("saxpy.mlr").write_text(SAXPY)
    status, _, err = run_mlrc(["--emit=co", "saxpy.mlr"])
    assert (status, err) == (0, "")


def emulate(*words: str) -> tuple[int, str, str]:
    return run_mlrc(["emulate", "saxpy.co", "saxpy", *words])


def refused(*words: str) -> str:
    status, out, err = emulate(*words)
    assert (status, out) == (1, "")
    return err.removeprefix("mlrc emulate: error: ").rstrip("\n")


def test_buffers_are_shown_after_the_run() -> None:
    status, out, err = emulate(*GRID, *BUFFERS, "--arg=u64:100", "--arg=f32:2")
    assert (status, err) == (0, "")
    assert out == (
        "argument 0, 100 x float32: 0 1 2 3 4 5 6 7 ...\n"
        "argument 1, 100 x float32: 1 3 5 7 9 11 13 15 ...\n"
    )


def test_files_go_in_and_out() -> None:
    x = numpy.linspace(0, 1, 100, dtype=numpy.float32)
    numpy.save("x.npy", x)
    words = ["--arg=buffer:x.npy", "--arg=buffer:f32:zeros:100", "--arg=u64:0x64", "--arg=f32:-3"]
    status, out, _ = emulate(*GRID, *words, "--out", "1=y.npy", "--seed=3")
    assert status == 0
    assert "argument 1 -> y.npy\n" in out
    assert numpy.array_equal(numpy.load("y.npy"), x * numpy.float32(-3))
    assert numpy.array_equal(numpy.load("x.npy"), x)


def test_counts_are_printed_on_demand() -> None:
    status, out, _ = emulate(*GRID, *BUFFERS, "--arg=u64:100", "--arg=f32:2", "--count")
    assert status == 0
    assert "kernel saxpy: 2 groups, 4 waves" in out
    assert "bytes stored" in out


def test_random_buffers_depend_on_the_seed() -> None:
    words = ["--arg=buffer:f32:random:100", BUFFERS[1], "--arg=u64:100", "--arg=f32:1"]
    first, second, other = (emulate(*GRID, *words, f"--seed={seed}")[1] for seed in ("1", "1", "2"))
    assert first == second != other


def test_an_access_outside_names_the_line_and_the_buffer() -> None:
    words = [BUFFERS[0], "--arg=buffer:f32:ones:90", "--arg=u64:100", "--arg=f32:2"]
    said = refused(*GRID, *words)
    assert "kernel `saxpy`: load outside every buffer" in said
    assert "after the end of `y`" in said
    assert "saxpy.mlr:8" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (BUFFERS, "saxpy takes 4 arguments, not 2: x (buffer), y (buffer), n (8 bytes), a (4"),
        ([*BUFFERS, "--arg=u64:x", "--arg=f32:2"], "'u64:x': 'x' is no u64"),
        ([*BUFFERS, "--arg=u64:-1", "--arg=f32:2"], "'u64:-1': '-1' is no u64"),
        ([*BUFFERS, "--arg=u32:1", "--arg=f32:2"], "'u32:1': `n` has 8 bytes"),
        ([*BUFFERS, "--arg=7", "--arg=f32:2"], "'7': write TYPE:NUMBER or buffer:..."),
        ([BUFFERS[0], "--arg=buffer:f32:twos:9", "--arg=u64:1", "--arg=f32:2"], "write buffer:"),
        ([BUFFERS[0], "--arg=buffer:f32:ones:0", "--arg=u64:1", "--arg=f32:2"], "a count is a"),
        ([BUFFERS[0], "--arg=buffer:no.npy", "--arg=u64:1", "--arg=f32:2"], "no.npy"),
        ([BUFFERS[0], "--arg=buffer:bad.npy", "--arg=u64:1", "--arg=f32:2"], "not an array"),
        ([BUFFERS[0], "--arg=buffer:text.npy", "--arg=u64:1", "--arg=f32:2"], "is no buffer"),
        ([*BUFFERS, "--arg=u64:1", "--arg=f32:2", "--out=2=a.npy"], "argument 2 is no buffer"),
        ([*BUFFERS, "--arg=u64:1", "--arg=f32:2", "--out=a.npy"], "write --out N=FILE.npy"),
    ],
)
def test_wrong_arguments_are_refused(words: list[str], said: str) -> None:
    Path("bad.npy").write_bytes(b"not numpy")
    numpy.save("text.npy", numpy.array(["a"]))
    assert said in refused(*GRID, *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--grid=2", "--block=32"], "needs groups of (64, 1, 1)"),
        (["--grid=0", "--block=64"], "--grid=0: write one to three numbers, as 4,2,1"),
        (["--grid=1", "--block=64,a"], "--block=64,a: write one to three numbers"),
        (["--grid=1"], "--grid and --block are needed"),
    ],
)
def test_wrong_extents_are_refused(words: list[str], said: str) -> None:
    assert said in refused(*words, *BUFFERS, "--arg=u64:100", "--arg=f32:2")


def test_an_unknown_kernel_and_a_wrong_file_are_refused() -> None:
    status, _, err = run_mlrc(["emulate", "saxpy.co", "axpy", *GRID])
    assert (status, err) == (
        1,
        "mlrc emulate: error: code object: there is no kernel `axpy`, only: saxpy\n",
    )
    status, _, err = run_mlrc(["emulate", "saxpy.mlr", "saxpy", *GRID])
    assert (status, err) == (1, "mlrc emulate: error: ELF header: this is not an ELF file\n")
    assert run_mlrc(["emulate"])[0] == 0
