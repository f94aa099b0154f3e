"""One source for processor and card: `launch` with std/device_memory.mlr."""

from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.harness.compiler import compile_program, run_mlrc
from tests.kfd.native.programs import EXAMPLES, built, supervised
from tests.support.engines import engine_named

PROGRAM = """
import "std/device_memory.mlr"

@kernel
fn scale(u64 p, u64 n, f32 factor, u64 more) {
    u64 i = tid_x() + grid_dim_x() * block_dim_x() * tid_y()
    f32 x = 0.0f
    if i < n {
        unsafe { *((p + i * 4) as f32) -> x }
        unsafe { *((p + i * 4) as f32) = x * factor + int_to_f32(more) }
    }
}

@kernel
fn fixed(u64 p) {
    assume_group_size(32, 1, 1)
    store64(p + tid_local_x() * 8, 1)
}

static u64 cli_argc

fn main() {
    f32[100] x
    for i in 0..100 { x[i] = int_to_f32(i) }
    u64 p = device_alloc(400)
    device_write(p, x, 400)
    launch_grid(scale, 2, 2, 1, 32, 2, 1, p, 100, 0.5f, 7)
    device_wait()
    device_read(x, p, 400)
    println(x[0], x[99], device_is_card())
    println_str(device_name())
    if cli_argc > 1 { launch(fixed, 1, 16, p) }
    if cli_argc > 2 { device_read(x, p, 4000000000) }
    device_free(p)
    device_free(0)
}
"""
GROUP = "a launch with 16 work items along an axis of a group, the kernel is made for 32"


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "program.mlr"
    path.write_text(PROGRAM)
    return path


def test_the_processor_runs_it(source: Path) -> None:
    engine = engine_named("linux-x64")
    missing = engine.missing()
    if missing is not None:
        pytest.skip(missing)
    image = compile_program(source, [], (LINUX_X86_64,)).images[LINUX_X86_64.name]
    done = engine.run(image)
    assert (done.status, done.stdout) == (0, b"7.000000 56.500000 0\nprocessor\n")
    assert GROUP.encode() in engine.run(image, ["x"]).stderr


def test_the_card_runs_it(source: Path, capfd: pytest.CaptureFixture[str]) -> None:
    expected = "7.000000 56.500000 1\ngfx1100\n"
    assert supervised(built(source), capfd) == (0, expected, "")
    status, output, messages = supervised(built(source), capfd, "x")
    assert (status, output) == (1, expected)
    assert messages == (
        "launch of `fixed`: a group of 16 along an axis; it was compiled for 32\n"
        "launch: invalid configuration argument\n"
    )


def test_memory_of_the_card_without_any_kernel(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "memory.mlr"
    source.write_text(
        'import "std/device_memory.mlr"\n'
        "fn main() {\n"
        "    u64 p = device_alloc(4096)\n"
        '    device_write(p, "four", 4)\n'
        "    println(load8(p))\n"
        "}\n"
    )
    assert supervised(built(source), capfd) == (0, "102\n", "")


def test_a_store_behind_a_buffer_is_told_with_its_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "behind.mlr"
    source.write_text(
        'import "std/device_memory.mlr"\n'
        "@kernel\n"
        "fn behind(u64 p) { store64(p + tid_x() * 8, 7) }\n"
        "fn main() {\n"
        "    u64 p = device_alloc(4096)\n"
        "    launch(behind, 600, 1, p)\n"
        "    device_wait()\n"
        "}\n"
    )
    status, output, messages = supervised(built(source), capfd)
    assert (status, output) == (1, "")
    assert messages.startswith("mlr: emulated device: kernel `behind`: store outside every buffer:")
    assert "0 bytes after the end of `the buffer at 0x" in messages
    assert messages.endswith("/behind.mlr:3), work item (0, 0, 0) of group (512, 0, 0)\n")


def test_the_right_code_is_chosen_or_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "heat.gfx1030"
    words = ["--target=amdgpu-native", "--target-arch=gfx1201,gfx1030"]
    assert run_mlrc([*words, str(EXAMPLES / "heat.mlr"), "-o", str(program)])[0] == 0
    expected = (EXAMPLES / "heat.expected").read_text()
    for made in program.parent.glob("*.co"):
        made.unlink()
    assert supervised(tmp_path / "heat", capfd, chip="gfx1030") == (0, expected, "")
    program.rename(tmp_path / "heat.gfx1100")
    message = (
        "kfd: the program: it has no code for gfx1100, only for gfx1201, gfx1030: compile with"
        " --target-arch=gfx1100\n"
    )
    assert supervised(tmp_path / "heat", capfd) == (1, "", message)
