"""What is made of kernels: code objects, assembler text, IR, reports; and what reads them."""

import stat
from pathlib import Path

import pytest

from mlrift.backends.amdgcn import check
from mlrift.backends.amdgcn.check import Finding, Rule
from mlrift.backends.amdgcn.codeobject.read import read
from mlrift.driver.device.stages import RefusedCode
from tests.harness.compiler import run_mlrc
from tests.support.processes import run_command
from tests.support.results import Invocation

KERNELS = """@kernel
fn scale(uint64 buf, uint64 n, f32 factor) {
    uint64 i = block_idx_x() * 256 + tid_local_x()
    if i < n {
        f32 x = 0.0f
        unsafe { *((buf + i * 4) as f32) -> x }
        unsafe { *((buf + i * 4) as f32) = x * factor }
    }
}
@kernel
fn total(uint64 out, uint64 n) {
    f32 sum = 0.0f
    uint64 i = tid_local_x()
    while i < n {
        f32 x = 0.0f
        unsafe { *((out + i * 4) as f32) -> x }
        sum = sum + x * x
        i = i + block_dim_x()
    }
    sum = lds_reduce_sum_f32(sum)
    if tid_local_x() == 0 { unsafe { *(out as f32) = sum } }
}
fn main() { println("host") }
"""


@pytest.fixture(autouse=True)
def _programs() -> None:
    Path("kernels.mlr").write_text(KERNELS)


def made(*words: str) -> str:
    """Return what a command that succeeds says."""
    status, out, err = run_mlrc([*words, "kernels.mlr"])
    assert (status, err) == (0, "")
    return out


def files() -> list[str]:
    return sorted(row.name for row in Path().iterdir() if row.name != "kernels.mlr")


def test_a_program_has_its_code_object_beside_it() -> None:
    out = made("--target=amdgpu-native", "-o", "run")
    assert out.endswith(" bytes -> run\ncode object -> run.co\n")
    assert files() == ["run", "run.co"]
    assert stat.S_IMODE(Path("run").stat().st_mode) & 0o111
    assert not stat.S_IMODE(Path("run.co").stat().st_mode) & 0o111
    loaded = read(Path("run.co").read_bytes())
    assert loaded.chip.name == "gfx1100"
    assert [row.image.name for row in loaded.kernels] == ["scale", "total"]
    result = run_command([str(Path("run").absolute())], Invocation([], b"", {}, Path(), 20))
    assert (result.status, result.stdout) == (0, b"host\n")


def test_each_of_several_chips_has_a_file() -> None:
    out = made("--target=amdgpu-native", "--target-arch=gfx1030,gfx1201", "-o", "run")
    assert "code object -> run.gfx1030.co\ncode object -> run.gfx1201.co\n" in out
    assert files() == ["run", "run.gfx1030.co", "run.gfx1201.co"]


def test_a_code_object_alone_needs_no_main() -> None:
    Path("kernels.mlr").write_text(KERNELS.rpartition("fn main")[0])
    out = made("--emit=co")
    assert out.startswith("2 kernels, ")
    assert out.endswith(" bytes -> kernels.co (code object)\n")
    assert files() == ["kernels.co"]
    again = made("--emit=co", "--target-arch=gfx1030,gfx1200,gfx1201", "-o", "out.co")
    assert "-> out.gfx1030.co" in again
    assert "code object -> out.gfx1201.co\n" in again
    assert files() == ["kernels.co", *(f"out.gfx{n}.co" for n in (1030, 1200, 1201))]
    for name in ("gfx1030", "gfx1200", "gfx1201"):
        assert read(Path(f"out.{name}.co").read_bytes()).chip.name == name


def test_lines_are_those_of_the_source() -> None:
    made("--emit=co")
    kernel = read(Path("kernels.co").read_bytes()).kernel("scale")
    assert {row.path for row in kernel.image.lines} == {"kernels.mlr"}
    assert {row.line for row in kernel.image.lines} >= {3, 6, 7}
    assert [(row.name, row.kind.value) for row in kernel.image.arguments] == [
        ("buf", "global_buffer"),
        ("n", "by_value"),
        ("factor", "by_value"),
    ]
    assert kernel.image.required_group == (256, 1, 1)


def test_the_second_time_the_result_is_the_same() -> None:
    made("--emit=co", "--target-arch=gfx1030,gfx1100")
    first = [Path(name).read_bytes() for name in files()]
    for name in files():
        Path(name).unlink()
    made("--emit=co", "--target-arch=gfx1030,gfx1100")
    assert [Path(name).read_bytes() for name in files()] == first


def test_assembler_text_has_lines_and_directives() -> None:
    assert "-> kernels.s (assembly)\n" in made("--emit=gpu-asm")
    text = Path("kernels.s").read_text()
    assert '.amdgcn_target "amdgcn-amd-amdhsa--gfx1100"' in text
    assert "\t; kernels.mlr:6\n" in text
    assert "\t.amdhsa_kernel total\n" in text
    made("--emit=asm", "--target-arch=gfx1030,gfx1201", "-o", "text.s")
    assert {"text.gfx1030.s", "text.gfx1201.s"} <= set(files())
    assert "global_load_dword" in Path("text.gfx1030.s").read_text()


def test_ir_and_machine_ir_are_printed() -> None:
    out = made("--emit=gpu-ir")
    assert "exported function @scale(%buf : i64, %n : i64, %factor : f32)" in out
    assert "slot.get" not in out
    out = made("--emit=mir", "--target-arch=gfx1100,gfx1201")
    assert out.startswith("; gfx1100\n")
    assert "\n; gfx1201\n" in out
    assert "global_load_b32" in out
    assert files() == []


def test_a_report_explains_every_kernel_for_every_chip() -> None:
    out = made("--explain-kernels", "--target-arch=gfx1100,gfx1030", "--card=rx6800xt")
    assert "kernels.mlr:3: scale for gfx1100\n    groups of 256 x 1 x 1 work items\n" in out
    assert "total for gfx1030\n" in out
    assert "each work item: " in out
    assert "4 stored" in out.replace(" bytes stored", " stored")
    assert "loop of line" in out
    assert "rx6800xt (512 GB/s, 20.7 TFLOP/s" in out
    assert files() == []


def test_a_stub_with_a_marker_is_the_library_s_kernel() -> None:
    stub = """fn rms_marker() { }
@kernel
fn rmsnorm_f32(uint64 x, uint64 out, uint64 gamma, uint64 m, uint64 n) { rms_marker() }
@kernel
fn softmax_f32(uint64 x, uint64 out) { rms_marker() }
@kernel
fn layernorm_f32(uint64 x, uint64 out, uint64 m, uint64 n) { }
"""
    Path("kernels.mlr").write_text(stub)
    out = made("--explain-kernels")
    said = "rmsnorm_f32: a stub with a marker; its code is that of std/kernels/rows.mlr\n"
    assert out.endswith(said)
    assert out.count("a stub with a marker") == 1
    assert "std/kernels/rows.mlr:" in out


def test_named_kernels_are_written_without_a_source() -> None:
    words = ["--target-arch=gfx1201", "--emit-amdgpu-rmsnorm-f32-N=1024:norm.co"]
    status, out, err = run_mlrc([*words, "--emit-amdgpu-relu-f32=relu.co"])
    assert (status, err) == (0, "")
    assert "1 kernel, " in out
    for file, name in (("norm.co", "rmsnorm_f32"), ("relu.co", "relu")):
        loaded = read(Path(file).read_bytes())
        assert loaded.chip.name == "gfx1201"
        assert [row.image.name for row in loaded.kernels] == [name]
        assert all(row.path.startswith("std/") for row in loaded.kernels[0].image.lines)


def test_passes_of_the_device_can_be_dumped() -> None:
    status, _, err = run_mlrc(["--emit=co", "--dump=after:device_shape", "kernels.mlr"])
    assert status == 0
    assert "; after device_shape\nmodule @kernels\n" in err


def test_a_disassembly_of_what_was_made() -> None:
    made("--emit=co")
    status, out, err = run_mlrc(["disassemble", "kernels.co"])
    assert (status, err) == (0, "")
    assert "scale:\n" in out
    assert "; kernels.mlr:6\n" in out
    assert "s_endpgm" in out
    status, out, _ = run_mlrc(["disassemble", "--explain", "kernels.co"])
    assert "scale for gfx1100\n" in out


def test_what_was_made_keeps_the_rules() -> None:
    made("--emit=co", "--target-arch=gfx1030,gfx1100,gfx1201")
    status, out, err = run_mlrc(["check-co", *files()])
    assert (status, err) == (0, "")
    assert out.count(" - 2 kernels, OK\n") == 3


def test_code_without_a_wait_is_found() -> None:
    made("--emit=co")
    data = Path("kernels.co").read_bytes()
    wait, nothing = bytes.fromhex("f70389bf"), bytes.fromhex("000080bf")
    assert wait in data, "s_waitcnt vmcnt(0)"
    Path("bad.co").write_bytes(data.replace(wait, nothing))
    status, out, err = run_mlrc(["check-co", "bad.co", "kernels.co"])
    assert status == 1
    assert "kernels.co - 2 kernels, OK" in out
    assert err.startswith("bad.co: kernels.mlr:")
    assert "[wait.read]" in err


@pytest.mark.parametrize("emit", ["co", "gpu-asm"])
def test_code_that_the_checker_refuses_is_never_written(
    emit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = Finding("scale", 8, "v_nop", Rule.WAIT_READ, "v1 is read too early", "a.mlr", 3)
    monkeypatch.setattr(check, "check_code_object", lambda _data: [finding])
    monkeypatch.setenv("MLRIFT_CACHE", str(Path("cache").absolute()))
    with pytest.raises(RefusedCode, match=r"a\.mlr:3: kernel scale, 0x0008 `v_nop`: v1 is read"):
        run_mlrc([f"--emit={emit}", "kernels.mlr"])
    assert files() == []


@pytest.mark.parametrize("command", ["disassemble", "check-co"])
def test_other_files_are_refused_with_a_reason(command: str) -> None:
    Path("text.co").write_text("not a code object")
    status, out, err = run_mlrc([command, "text.co"])
    assert (status, out) == (1, "")
    assert err == f"mlrc {command}: error: ELF header: this is not an ELF file\n"
    status, _, err = run_mlrc([command, "missing.co"])
    assert (status, "missing.co" in err) == (1, True)
    status, _, err = run_mlrc([command, "--target-arch=gfx1", "text.co"])
    assert "unknown --target-arch 'gfx1'; known: gfx1030" in err
    assert run_mlrc([command])[0] == 0
