"""The functions of the model modules that tests call with arrays, and the program that has them."""

from pathlib import Path

from tests.llm_compat.calls import compile_table

MODULES = ("matmul", "qwen3", "qwen36", "qwen35", "gemma2", "gemma3")
FUNCTIONS = (
    "matmul_bf16_weights_f32", "matmul_f32_weights_f32", "matmul_q8_0_weights_f32",
    "matmul_q8_0_q8_0_f32", "quantize_row_q8_0", "nearest_half", "dot", "exponential",
    "qwen3_axpy_avx2", "qwen3_scale_vvw_avx2", "qwen3_scale_vv_bf16w_avx2", "qwen3_rmsnorm_bf16",
    "qwen3_rmsnorm_f32_weights", "qwen3_main_rmsnorm", "qwen3_set_norm_kind",
    "qwen3_bf16_row_to_f32", "qwen3_silu_mul", "qwen3_silu_mul_avx2", "qwen3_rope_compute",
    "qwen3_rope_apply", "qwen3_set_rope_pair_layout", "qwen3_set_rope_freqs",
    "qwen3_rope_compute_imrope_text", "qwen3_set_imrope_sections", "qwen3_rope_apply_partial",
    "qwen3_attn_cached", "rmsnorm_bf16_weights_f32", "embed_bf16_scaled_f32", "qwen3_main_matmul",
    "qwen3_set_matmul_kind", "qwen3_set_q8_bitexact", "rebase", "qwen3_set_arch",
    "qwen3_set_fuse_qkv", "qwen3_set_down_proj_kahan", "qwen3_set_qknorm", "qwen3_set_rope_base",
    "qwen3_set_rmsnorm_eps_bits", "qwen3_forward_layer", "qwen36_set_arch", "qwen35_set_arch",
    "qwen35_set_head_order", "qwen35_forward_layer", "gemma2_set_arch",
    "gemma2_set_sliding_window", "gemma2_forward_layer", "gemma3_set_arch",
    "gemma3_set_sliding_window", "gemma3_set_swa_period", "gemma3_set_rope_bases",
    "gemma3_forward_layer", "gemma2_gelu_mul", "gemma3_gelu_mul_direct", "gemma2_softcap_logits",
    "gemma2_scale_embed_inplace", "reset_records",
)  # fmt: skip
_WRAPPERS = """
fn nearest_half(u64 out, u64 x) { store16(out, _q8q8_fp32_to_fp16_rne(load32(x))) }
fn dot(u64 out, u64 a, u64 b, u64 n) { store32(out, qwen3_dot_avx2(a, b, n)) }
fn exponential(u64 out, u64 x, u64 n) {
    for i in 0..n {
        f32 one = load32(x + i * 4)
        store32(out + i * 4, exp_f32_fast(one))
    }
}
fn rebase(u64 record, u64 memory, u64 n) {
    for i in 0..n {
        u64 offset = load64(record + i * 8)
        if offset != 0 { store64(record + i * 8, offset + memory) }
    }
}
fn reset_records() {
    qwen3_context_use(qwen3_context_new())
}
"""


def compile_library(folder: Path) -> Path:
    """Return the program."""
    return compile_table(folder, MODULES, FUNCTIONS, _WRAPPERS)
