"""Bad arguments of the model modules: the program ends with the function's name, and no worse."""

import re
import subprocess
from pathlib import Path

import pytest

from mlrift.targets import LINUX_X86_64
from tests.extern.programs import compile_for
from tests.support.engines import engine_named

STD = Path(__file__).resolve().parents[2] / "std"
MODULES = (
    "matmul", "inference", "inference_gpu", "qwen3", "qwen35", "qwen36", "gemma2", "gemma3",
)  # fmt: skip
# a function has a description, or follows one that has in the next line
_PUBLIC = re.compile(r"(?:^/// [^\n]*|\})\nfn (\w+)\(\s*([^)]*?)\s*\)(?: -> \w+)? \{", re.MULTILINE)
_ZEROS = {"f32": "0.0f", "f64": "0.0"}
_SETTING = """
import "std/string.mlr"
static u64 cli_argv
static u64[64] words
const u64 MOST = 0xFFFFFFFFFFFFFFFF
fn weights_without(u64 slot) -> u64 {
    u64 record = alloc(128)
    for i in 0..16 { store64(record + i * 8, words) }
    store64(record + slot * 8, 0)
    return record
}
fn small() -> u64 {
    qwen3_set_arch(8, 4, 2, 1, 8)
    qwen3_set_max_seq(2)
    gemma2_set_arch(8, 4, 2, 1, 8)
    gemma3_set_arch(8, 4, 2, 1, 8)
    gemma3_set_max_seq(2)
    return words
}
"""
ABORTS = {
    "matmul_f32_weights_f32(words, words, words, 1, 1, 8, 0, 0)": "num_workers is 0",
    "matmul_f32_weights_f32(words, words, words, MOST, 2, 8, 1, 0)": "a size is too large",
    "matmul_bf16_weights_f32(words, words, 0, 1, 1, 8, 1, 0)": "the address is 0",
    "matmul_q8_0_weights_f32(words, words, words, 1, 1, 33, 1)": "K is no multiple of 32",
    "matmul_q8_0_q8_0_f32(words, words, words, 1, 1, 16, 1)": "K is no multiple of 32",
    "quantize_row_q8_0(words, words, 31)": "K is no multiple of 32",
    "embed_bf16_rows_scaled_f32(words, words, 4, 4, 8, 1.0f)": "there is no row 4 (of 4)",
    "qwen3_set_matmul_kind(3)": "the kind is none of",
    "qwen3_set_norm_kind(2)": "the kind is neither",
    "qwen3_set_rope_pair_layout(2)": "the layout is neither",
    "qwen3_set_arch(8, 4, 2, 0, 8)": "a size is 0",
    "qwen3_set_arch(8, 4, 1 << 40, 1, 8)": "a size is too large",
    "qwen3_rope_apply_partial(words, words, words, 1, 4, 8)": "rope_dim is above head_dim",
    "qwen3_attn_cached(words, words, words, words, 1, 2, 3, 4)": "n_kv_heads is no number",
    "qwen3_forward_layer(small(), words, words, 2, words, words, 1)": "position 2 is beyond",
    "qwen3_forward_layer(small(), words, weights_without(6), 0, words, words, 1)": "o_proj_w is 0",
    "qwen3_forward_layer(small(), words, words, 0, 0, words, 1)": "k_cache_layer is 0",
    "gemma3_forward_layer(small(), words, weights_without(5), 0, words, words, 1, 0)": "weight",
    "gemma3_forward_layer(small(), words, words, 9, words, words, 1, 0)": "position 9 is beyond",
    "gemma2_forward_layer(small(), words, words, 0, words, words, 0, 0)": "num_workers is 0",
    "qwen35_set_ssm(4, 8, 3, 4, 8, 4)": "n_v_heads is no multiple of n_k_heads",
}


def _zero_calls() -> list[str]:
    """Return a call with zeros of every documented function."""
    calls = []
    for module in MODULES:
        source = (STD / f"{module}.mlr").read_text(encoding="utf-8")
        for name, parameters in _PUBLIC.findall(source):
            types = [row.split()[0] for row in parameters.split(",") if row.strip()]
            calls.append(f"{name}({', '.join(_ZEROS.get(row, '0') for row in types)})")
    return calls


ZERO_CALLS = _zero_calls()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    imports = "".join(f'import "std/{name}.mlr"\n' for name in MODULES)
    rows = "".join(
        f"    if wanted == {number} {{ {call} }}\n"
        for number, call in enumerate([*ABORTS, *ZERO_CALLS])
    )
    main = f"fn main() {{\n    u64 wanted = str_to_int(load64(cli_argv + 8))\n{rows}}}\n"
    return compile_for(
        tmp_path_factory.mktemp("misuse"), imports + _SETTING + main, LINUX_X86_64, "--O0"
    )


def make(program: Path, number: int) -> subprocess.CompletedProcess[str]:
    """Make one call in a process of its own."""
    words = [str(program), str(number)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_bad_arguments_end_the_program_with_a_message(program: Path) -> None:
    wrong: dict[str, tuple[int, str]] = {}
    for number, (call, message) in enumerate(ABORTS.items()):
        done = make(program, number)
        is_named = done.stderr.startswith(call.partition("(")[0] + ": ")
        if done.returncode != 1 or not is_named or message not in done.stderr:
            wrong[call] = (done.returncode, done.stderr)
    assert wrong == {}


def test_zeros_do_not_crash(program: Path) -> None:
    assert len(ZERO_CALLS) > 150
    wrong: dict[str, tuple[int, str]] = {}
    for number, call in enumerate(ZERO_CALLS):
        done = make(program, len(ABORTS) + number)
        is_named = done.returncode == 1 and re.match(r"\w+: .*\D0?\n?$", done.stderr)
        if done.returncode != 0 and not is_named:
            wrong[call] = (done.returncode, done.stderr)
    assert wrong == {}
