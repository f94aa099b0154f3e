"""Options for kernels: what goes together, what is refused and how, what is written where."""

import shutil
from pathlib import Path

import pytest

from mlrift.driver.device.named_kernels import OTHER_SPELLINGS, PREFIX, find_named_kernel
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
fn nothing() { }
fn main() { println("host") }
"""


@pytest.fixture(autouse=True)
def _programs() -> None:
    Path("kernels.mlr").write_text(KERNELS)
    Path("plain.mlr").write_text('fn main() { println("hi") }\n')


def refused(*words: str) -> str:
    """Return what is said about options that are refused; nothing is written."""
    before = set(Path().iterdir())
    status, out, err = run_mlrc([*words, "kernels.mlr"])
    assert (status, out) == (1, "")
    assert set(Path().iterdir()) == before
    return err.removeprefix("mlrc: error: ").rstrip("\n")


@pytest.mark.parametrize("words", [["--emit=co"], ["--target=amdgpu-native"]])
def test_an_unknown_chip_is_refused_with_all_that_are_known(words: list[str]) -> None:
    said = refused("--target-arch=gfx1030,gfx900", *words)
    assert said.startswith("unknown --target-arch 'gfx900'; known: gfx1030, gfx1031")
    assert said.endswith("gfx1200, gfx1201")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target-arch=gfx1100"], "--target-arch is for kernels: add --target=amdgpu-native"),
        (
            ["--emit=co", "--targets=all"],
            "--targets makes a fat file: code for AMD cards goes",
        ),
        (["--target=hip-amd", "--targets=all"], "--targets makes a fat file: code for AMD cards"),
        (["--target=amdgpu-native", "--targets=win-x64"], "add linux-x64 to --targets"),
        (["--emit=co", "--target=windows"], "for Linux on x86_64"),
        (["--emit=co", "--arch=arm64"], "for Linux on x86_64"),
        (["--emit=pe", "--target=amdgpu-native"], "--emit=pe does not go with"),
        (["-c", "--target=amdgpu-native"], "--emit=obj does not go with"),
        (["--emit=tape", "--target=amdgpu-native"], "unknown --emit kind 'tape'"),
        (["--emit=co", "--target=hip-amd"], "leaves code objects to hipcc"),
        (["--explain-kernels", "--emit=asm"], "--explain-kernels prints a report"),
        (["--card=rx7900xtx"], "--card is for --explain-kernels"),
        (["--explain-kernels", "--card=gtx"], "unknown --card 'gtx'; known: rx6600, rx6700xt"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: list[str], said: str) -> None:
    assert said in refused(*words)


@pytest.mark.parametrize(
    "words", [["--emit=co"], ["--emit=gpu-asm"], ["--emit=gpu-ir"], ["--explain-kernels"]]
)
def test_a_product_of_kernels_needs_kernels(words: list[str]) -> None:
    status, out, err = run_mlrc([*words, "plain.mlr"])
    assert (status, out) == (1, "")
    assert "error: 'plain.mlr' has no `@kernel` function [E0832]" in err


@pytest.mark.parametrize("target", ["amdgpu-native", "hip-amd"])
def test_a_program_without_kernels_has_no_files_of_kernels(target: str) -> None:
    status, out, err = run_mlrc([f"--target={target}", "plain.mlr", "-o", "made"])
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    assert sorted(row.name for row in Path().iterdir()) == ["kernels.mlr", "made", "plain.mlr"]


def test_an_import_of_hip_means_the_kernel_driver() -> None:
    Path("hip.mlr").write_text("fn which() -> uint64 { return 1 }\n")
    Path("hip_kfd.mlr").write_text("fn which() -> uint64 { return 2 }\n")
    Path("uses.mlr").write_text('import "hip.mlr"\nfn main() { exit(which()) }\n')
    for words, status in ((["--arch=x86_64"], 1), (["--target=amdgpu-native"], 2)):
        assert run_mlrc([*words, "uses.mlr", "-o", "made"])[0] == 0
        made = run_command([str(Path("made").absolute())], Invocation([], b"", {}, Path(), 20))
        assert made.status == status


def test_a_missing_driver_module_says_what_it_stands_for() -> None:
    Path("hip.mlr").write_text("fn which() -> uint64 { return 1 }\n")
    Path("uses.mlr").write_text('import "hip.mlr"\nfn main() { exit(which()) }\n')
    status, _, err = run_mlrc(["--target=amdgpu-native", "uses.mlr", "-o", "made"])
    assert status == 1
    assert "cannot open import: hip_kfd.mlr" in err
    assert "with this --target it stands for 'hip.mlr'" in err


def test_hip_source_is_written_and_its_compiler_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    words = ["--target=hip-amd", "--target-arch=gfx1030,gfx1100", "kernels.mlr", "-o", "made"]
    status, out, err = run_mlrc(words)
    assert (status, err) == (0, "")
    assert "HIP source -> made.hip\n" in out
    assert "note: hipcc is not installed; to compile: hipcc --genco --offload-arch=gfx1030" in out
    text = Path("made.hip").read_text()
    assert 'extern "C" __global__' in text
    assert "void scale(u64 buf, u64 n, float factor) {" in text


def test_hipcc_is_run_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("tools")
    folder.mkdir()
    tool = folder / "hipcc"
    tool.write_text('#!/bin/sh\nfor word; do out=$word; done\necho "$@" > "$out"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder.absolute()}:/usr/bin:/bin")
    assert shutil.which("hipcc")
    status, out, _ = run_mlrc(["--target=hip-amd", "kernels.mlr", "-o", "made"])
    assert status == 0
    assert "code object -> made.co\n" in out
    assert "--offload-arch=gfx1100" in Path("made.co").read_text()
    tool.write_text("#!/bin/sh\nexit 3\n")
    Path("kernels.mlr").write_text(KERNELS + "\n")
    status, _, err = run_mlrc(["--target=hip-amd", "kernels.mlr", "-o", "made"])
    assert (status, err) == (1, "mlrc: error: hipcc failed with status 3\n")


def test_a_mistake_in_a_kernel_is_reported_at_its_line() -> None:
    Path("wrong.mlr").write_text("@kernel\nfn wrong(uint64 p) { println(1) }\nfn main() { }\n")
    status, out, err = run_mlrc(["--target=hip-amd", "wrong.mlr", "-o", "made"])
    assert (status, out) == (1, "")
    assert "wrong.mlr:2:" in err
    assert not Path("made").exists()


def test_named_kernels_are_found_by_their_spellings() -> None:
    status, out, err = run_mlrc(["--emit-amdgpu-rmsnrm-f32=made.co"])
    assert (status, out) == (1, "")
    assert "unknown kernel '--emit-amdgpu-rmsnrm-f32'; nearest: --emit-amdgpu-rmsnorm-f32" in err
    for word, said in (
        ("--emit-amdgpu-saxpy", "write --emit-amdgpu-saxpy=PATH"),
        ("--emit-amdgpu-rope-f32-D=64", "write --emit-amdgpu-rope-f32-D=NUMBER:PATH"),
        ("--emit-amdgpu-rope-f32-D=x:made.co", "write --emit-amdgpu-rope-f32-D=NUMBER:PATH"),
    ):
        status, _, err = run_mlrc([word])
        assert status == 1
        assert said in err
    status, _, err = run_mlrc(["--emit-amdgpu-saxpy=made.co", "kernels.mlr"])
    assert (status, err.count("'kernels.mlr' does not go with")) == (1, 1)
    status, _, err = run_mlrc(["--target-arch=gfx1", "--emit-amdgpu-saxpy=made.co"])
    assert (status, err.count("unknown --target-arch 'gfx1'")) == (1, 1)


# The kernels of MLRift 1.1: names of flags with `_` for `-`.
CATALOGUE = """
    scale_f32 residual_add_f32 pointwise_mul_f32 relu_f32 relu silu_f32 silu_mul_f32
    silu_mul_f32_batched bf16_to_f32 pack_f32_to_bf16 row_scale_f32 _kfd_copy_u64 rmsnorm_f32
    qknorm_f32 residual_rmsnorm_f32 layernorm_f32 softmax_f32 softmax_causal_f32
    qknorm_rope_qk_fused_f32 argmax_logits_f32 embedding_lookup_f32 kv_broadcast_f32 rope_f32
    rope_qwen3_f32 gemv_f32 gemv_coop_f32 gemv_coop_f32_batched gemv_coop_bf16_f32
    gemv_coop_bf16_f32_batched gemv_coop_q4_0_f32_batched gemm_f32 gemm_f32_accum gemm_f32_lds
    gemm_f16f32 gemm_f16f32_wmma gemm_bf16f32_wmma gemm_f32_grouped gemm_bf16_grouped
    attn_decode_f32 qkv_split_f32 extract_q_qwen3_f32 extract_k_qwen3_f32 insert_k_qwen3_f32
    transpose_f32 repack_abw_to_baw_f32 gate_bwd_bs_f32 gate_bwd_dgrad_f32 adamw_step_f32
    adamw_fused decay_step relax_step fill_step lif_integrate lif_spike lif_stp lif_full
    mt_lif_full mt_lif_integrate lif_step csr_i_deliver csr_e_deliver mt_csr_i_deliver
    mt_csr_e_delayed csr_build delivery_step spike_reduce nop sentinel loop_demo per_lane_loop
    atomic_cas_demo f64_atomic_add_demo csr_scatter_demo
"""


def test_every_kernel_of_the_original_has_a_name() -> None:
    for name in CATALOGUE.split():
        word = f"{PREFIX}{name.replace('_', '-')}=made.co"
        found = find_named_kernel(word)
        assert found.kernel in (name, OTHER_SPELLINGS.get(name)), word
        assert str(found.output) == "made.co"
