"""Calls of std with arrays and sizes that nothing can be done with, and odd calls that are right.

`ARRAY_ABORTS` end the program with status 1 and this message; `RESULTS` print this; `PAIRS` have
two results, printed in one line; `NOTHING` do nothing.
"""

from tests.std.bad_handles import name_function

_NULL_ARRAYS = """
text_eq(0, 1, "a", 1)
text_eq("a", 1, 0, 1)
text_compare(0, 1, "a", 1)
text_find_byte(0, 1, 97)
text_find(0, 1, "a", 1)
text_find("a", 1, 0, 1)
text_find_last(0, 1, "a", 1)
slice_new(0, 1)
text_parse_uint(0, 1, 10)
utf8_next_sized(0, 1, 0)
utf8_find_malformed(0, 1)
str_join(0, 1, ",")
memcmp(0, words, 1)
memcmp(words, 0, 1)
memzero(0, 1)
memmove(0, words, 1)
memmove(words, 0, 1)
memcpy32(0, words, 1)
memcpy32(words, 0, 1)
memcpy64(words, 0, 1)
memset32(0, 1, 1)
memset64(0, 1, 1)
zlib_adler32(0, 1)
vec_f64_decay_inplace(0, 1, 0.5)
vec_f64_relax_inplace(0, 1, 0.5, 0.5)
vec_f64_fill(0, 1, 0.5)
vec_f64_sum(0, 1)
vec_f64_sum_into(0, 1, words)
vec_f64_sum_into(words, 1, 0)
vec_f64_total(0, 1)
vec_f64_decay_lanes(0, 1, 0.5)
vec_f64_relax_lanes(0, 1, 0.5, 0.5)
vec_f64_decay_inplace_avx2(0, 1, 0.5)
vec_f64_relax_inplace_avx2(0, 1, 0.5, 0.5)
vec_f64_sum_avx2(0, 1)
vec_f64_sum_avx2_into(words, 1, 0)
vec_f64_cpuid_probe(0, words)
v_decay(0, 1, 0.5)
v_relax(0, 1, 0.5, 0.5)
v_fill(0, 1, 0.5)
v_sum(0, 1)
vec_f64_decay_inplace_mt(0, 1, 0.5)
vec_f64_decay_inplace_mt_avx2(0, 1, 0.5)
vec_f64_relax_inplace_mt(0, 1, 0.5, 0.5)
vec_f64_relax_inplace_mt_avx2(0, 1, 0.5, 0.5)
vec_f64_fill_mt(0, 1, 0.5)
vec_f64_sum_mt(0, 1)
vec_f64_sum_mt_avx2(0, 1)
atomic_add_f64(0, 1.0, 0)
atomic_exchange(0, 1)
atomic_max(0, 1)
atomic_min(0, 1)
vec_f64_exp(0, words, 1)
vec_f64_log(words, 0, 1)
vec_f64_sin(0, words, 1)
vec_f64_cos(words, 0, 1)
vec_f64_tanh(0, words, 1)
vec_f32_exp(words, 0, 1)
vec_f32_log(0, words, 1)
vec_f32_sin(words, 0, 1)
vec_f32_cos(0, words, 1)
vec_f32_tanh(words, 0, 1)
font_set_glyph(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
utf8_decode_at(0, 0, words)
utf8_decode_at("a", 0, 0)
utf8_encode(65, 0)
str_split("a", 97, 0, 1)
str_parse_float("1", 0)
snn_lif_step(0, words, words, words, 1, 0.0, 0.1, 1.0, 1, words, words)
snn_lif_step(words, words, words, words, 1, 0.0, 0.1, 1.0, 1, words, 0)
snn_wta_recall(0, words, 1, 0.1, 0.1, 1, 0.1, 0.1, 0.1, 1.0, 1, words)
snn_wta_recall(words, words, 1, 0.1, 0.1, 1, 0.1, 0.1, 0.1, 1.0, 1, 0)
snn_readout_argmax_margin(0, words, 1, 1, words, words)
snn_readout_argmax_margin(words, words, 1, 1, 0, words)
snn_store_hebbian_build(0, words, words, 1, 1, 1, 1, 1, 1, words)
snn_store_hebbian_build(words, words, words, 1, 1, 1, 1, 1, 1, 0)
snn_store_column_sum(0, 1, words, 1, 1, words)
snn_store_column_sum(words, 1, words, 1, 1, 0)
snn_load_ints("none", 0)
snn_load_f64_bin("none", 1, 0)
embed_f32(0, words, words, 1, 1, 1)
embed_f32(words, words, 0, 1, 1, 1)
embed_bwd(words, words, 1, 1, 1, 0)
softmax_f32_inplace(0, 1)
wzma_f32(words, words, words, words, 0, words, words, 1, 1, 1, 1, 1)
wzma_f32_fwd(words, words, words, words, words, words, words, 1, 1, 1, 1, 1, words, words, 0)
mean_pool_s_f32(words, 0, 1, 1, 1)
meanpool_bwd(0, 1, 1, 1, words)
l2_normalize_f32(0, 1, 1)
l2_normalize_f32_save(words, 1, 1, 0)
l2norm_bwd(words, words, 0, 1, 1, words)
infonce_f32(0, words, 1.0f, 1, 1)
infonce_bwd(words, words, 1.0f, 1, 1, 0, words)
adamw_step(words, words, words, 0, 1, 1, 0.1f, 0.9f, 0.9f, 0.1f, 0.0f)
"""

_LONG_ARRAYS = """
text_eq("a", MOST, "a", MOST)
text_compare("a", HIGH, "a", HIGH)
text_find_byte("a", MOST, 1)
text_find("a", HIGH, "b", 1)
text_find_last("a", MOST, "b", HIGH)
slice_new("a", MOST)
text_parse_uint("1", MOST, 10)
utf8_next_sized("a", MOST, HIGH)
utf8_find_malformed("a", HIGH)
str_join(words, MOST, ",")
memcmp(words, words, MOST)
memcmp(words, words, HIGH)
memzero(words, MOST)
memmove(words, words, HIGH)
memmove(words, more, MOST)
memcpy32(words, words, 0x4000000000000000)
memcpy64(words, words, 0x2000000000000001)
memset32(words, 1, 0x4000000000000001)
memset64(words, 1, MOST)
zlib_adler32(words, MOST)
vec_f64_decay_inplace(words, MOST, 0.5)
vec_f64_relax_inplace(words, HIGH, 0.5, 0.5)
vec_f64_fill(words, 0x2000000000000001, 0.5)
vec_f64_sum(words, MOST)
vec_f64_total(words, HIGH)
vec_f64_sum_avx2(words, MOST)
v_decay(words, MOST, 0.5)
vec_f64_sum_mt(words, MOST)
vec_f64_exp(words, words, HIGH)
vec_f32_tanh(words, words, 0x4000000000000001)
snn_lif_step(words, words, words, words, MOST, 0.0, 0.1, 1.0, 1, words, words)
snn_wta_recall(words, words, 0x2000000000000001, 0.1, 0.1, 1, 0.1, 0.1, 0.1, 1.0, 1, words)
softmax_f32_inplace(words, 0x4000000000000001)
"""

_LARGE_SIZES = """
snn_readout_argmax_margin(words, words, HIGH, 2, words, words)
snn_store_hebbian_build(words, words, words, HIGH, 1, 1, 1, 1, 2, words)
snn_store_column_sum(words, HIGH, words, 1, 2, words)
embed_f32(words, words, words, HIGH, 2, 1)
embed_bwd(words, words, 0x100000000, 0x100000000, 1, words)
wzma_f32(words, words, words, words, words, words, words, 1, 1, HIGH, 2, 1)
mean_pool_s_f32(words, words, HIGH, 1, 2)
meanpool_bwd(words, 1, HIGH, 2, words)
infonce_f32(words, words, 1.0f, HIGH, 2)
l2_normalize_f32(words, 1, 0x4000000000000)
"""

ARRAY_ABORTS = {
    **name_function(_NULL_ARRAYS, "the address is 0"),
    **name_function(_LONG_ARRAYS, "the length is too large"),
    **name_function(_LARGE_SIZES, "a size is too large"),
    "vec_mt_chunk_start(0, 0, 1)": "vec_mt_chunk_start: the number of workers is 0",
    "vec_mt_chunk_end(0, 0, 1)": "vec_mt_chunk_end: the number of workers is 0",
    "snn_load_ints(0, words)": "snn_load_ints: the address is 0",
    "snn_load_f64_bin(0, 0, 0)": "snn_load_f64_bin: the path is 0",
    "snn_store_column_sum(words, 0, words, 1, 1, words)": (
        "snn_store_column_sum: a cell is not below Mc"
    ),
    "adamw_step(words, words, words, words, 1, 0, 0.1f, 0.9f, 0.9f, 0.1f, 0.0f)": (
        "adamw_step: step counts from 1"
    ),
}
RESULTS: dict[str, str] = {
    "vec_pop(vec_new())": "0",
    "vec_last(vec_freed())": "0",
    'map_get_or(map_freed(), "a", 7)': "7",
    'map_has(map_freed(), "a") + map_del(map_freed(), "a") + map_len(map_freed())': "0",
    "map_iter_next(map_freed(), 0) == MAP_NONE": "1",
    "intmap_get_or(intmap_freed(), 0, 7)": "7",
    "intmap_get(intmap_freed(), 7) + intmap_del(intmap_freed(), 0)": "0",
    "intmap_iter_next(intmap_freed(), 0) == INTMAP_NONE": "1",
    "map_iter_key(map_new(), MOST)": "0",
    "map_iter_val(map_new(), 64)": "0",
    "map_iter_next(map_new(), HIGH) == MAP_NONE": "1",
    "intmap_iter_key(intmap_new(), MOST)": "0",
    "intmap_iter_val(intmap_new(), HIGH)": "0",
    "intmap_iter_next(intmap_new(), MOST) == INTMAP_NONE": "1",
    "alloc(MOST)": "0",
    "realloc(0, MOST, MOST)": "0",
    "realloc(words, 8, HIGH)": "0",
    "load64(realloc(alloc(8), MOST, 4096) + 4088)": "0",
    "alloc_aligned(HIGH, HIGH)": "0",
    "alloc_aligned(MOST, 8)": "0",
    "alloc_aligned(8, HIGH)": "0",
    "memcmp(0, 0, 0)": "0",
    "alloc_install_guard(MOST)": "0",
    "alloc_install_guard(0)": "0",
    'str_len(str_sub("abc", HIGH, MOST))': "0",
    'str_len(str_repeat("", MOST))': "0",
    'str_len(str_repeat("ab", 0))': "0",
    'str_find_from("abc", "c", MOST) == STRING_NONE': "1",
    'str_find_byte("abc", MOST) == STRING_NONE': "1",
    'str_split("a,b", 44, 0, 0)': "0",
    'str_len(str_join(0, 0, ","))': "0",
    "str_len(str_from_codepoint(MOST))": "3",
    "str_len(str_from_float(1.5, MOST))": "17",
    'utf8_index("abc", MOST)': "3",
    'utf8_previous("abc", 0)': "0",
    "text_eq(0, 0, 0, 0)": "1",
    'text_find("a", 1, 0, 0)': "0",
    "slice_len(slice_new(0, 0))": "0",
    'slice_len(slice_sub(slice_of("abc"), MOST, MOST))': "0",
    'str_len(pad_left("abc", 0, 32))': "3",
    "fp_div(1, 0) == FIXEDPOINT_LARGEST": "1",
    "fp_div(HIGH, MOST)": "0",
    "fp_sqrt(MOST)": "0",
    "pow(MOST, MOST)": "18446744073709551615",
    "sqrt_int(MOST)": "4294967295",
    "gcd(0, 0)": "0",
    "is_prime(MOST)": "0",
    "f64_double_n(1.0, MOST) > 1.0": "1",
    "f64_scale10(1.0, HIGH) > 1.0": "1",
    "sqrt_iter(2.0, 1.0, MOST) > 1.41": "1",
    "log_iter(2.0, 1.0, MOST) > 0.69": "1",
    "str_len(fmt_f64(1.5, MOST))": "17",
    "str_len(fmt_f64_rounded(0.5, MOST))": "1076",
    "str_len(fmt_f32(0.5f, HIGH))": "9",
    "fb_new(MOST, 1)": "0",
    "fb_new(HIGH, HIGH)": "0",
    "fb_init(0, 1, 1, 4, 32)": "0",
    "fb_init(words, MOST, 1, 4, 32)": "0",
    "fb_init(words, 2, 4, HIGH, 32)": "0",
    "fb_width(fb_freed())": "0",
    "fb_get(fb_freed(), 0, 0)": "0",
    "fb_get(fb_new(1, 1), MOST, HIGH)": "0",
    "color_lerp(1, 2, MOST) != 0": "1",
    "semaphore_try_acquire(semaphore_new(0))": "0",
    "channel_new(HIGH)": "0",
    'snn_load_ints("no such file", words)': "0",
}
NOTHING = (
    "intmap_clear(intmap_freed())",
    "vec_remove(vec_new(), MOST)",
    "memzero(0, 0)",
    "memmove(0, 0, 0)",
    "memcpy32(0, 0, 0)",
    "memset64(0, 1, 0)",
    "alloc_aligned_free(0)",
    "arena_destroy(0)",
    "pool_destroy(0)",
    "heap_destroy(0)",
    "sb_free(0)",
    "slice_free(0)",
    "fb_free(0)",
    "fb_pixel(fb_new(1, 1), MOST, HIGH, 1)",
    "fb_line(fb_new(1, 1), HIGH, 0, MOST, HIGH, 1)",
    "fb_rect(fb_new(1, 1), HIGH, MOST, 0x7FFFFFFFFFFFFFFF, MOST, 1)",
    "fb_rect_outline(fb_new(1, 1), MOST, 1, 0x7FFFFFFFFFFFFFFF, 2, 1)",
    "fb_blit(fb_new(1, 1), 0, 0, 0, 1, 1)",
    "fb_blit(fb_new(4, 4), 0, 0, words, 0x4000000000000000, 4)",
    "fb_blit(fb_new(4, 4), MOST, 0, words, 0x7FFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF)",
    "fb_char(fb_new(1, 1), 0, 0, MOST, 1)",
    "fb_text(fb_new(1, 1), 0, 0, 0, 1)",
    'fb_text(0, 0, 0, "a", 1)',
    "label_draw(label_new(fb_new(9, 9), HIGH, MOST, 0, 1, 1))",
    "button_draw(button_new(fb_new(9, 9), MOST, HIGH, MOST, HIGH, 0, 1, 2))",
    "progress_draw(progress_new(fb_new(9, 9), 0, 0, HIGH, MOST, 1, 2))",
    "textfield_draw(textfield_new(fb_new(9, 9), MOST, MOST, MOST, 1, 2))",
    "panel_draw(panel_new(0, 0, 0, MOST, MOST, 1, 2))",
    "panel_free(0)",
    "textfield_free(0)",
    "vec_f64_fill(0, 0, 1.0)",
    "vec_f64_exp(0, 0, 0)",
    "snn_lif_step(0, 0, 0, 0, 0, 0.0, 0.1, 1.0, 1, 0, words)",
    "snn_readout_argmax_margin(0, 0, 0, MOST, words, words)",
    "snn_store_hebbian_build(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
    'snn_load_f64_bin("no such file", 1, words)',
    "embed_f32(0, 0, 0, 0, 1, 1)",
    "softmax_f32_inplace(0, 0)",
    "wzma_f32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1)",
    "mean_pool_s_f32(0, 0, 0, 1, 1)",
    "infonce_bwd(0, 0, 1.0f, 0, 1, 0, 0)",
    "adamw_step(0, 0, 0, 0, 0, 1, 0.1f, 0.9f, 0.9f, 0.1f, 0.0f)",
    "atomic_min(words, MOST)",
    "fb_fill(fb_freed(), 7)",
)
PAIRS = {
    "deflate_pack(0, 1)": "0 0",
    "deflate_pack(words, MOST)": "0 0",
    "zlib_pack(words, HIGH)": "0 0",
    "zlib_pack(0, 1)": "0 0",
    "png_encode(0)": "0 0",
    "png_encode(fb_freed())": "0 0",
    "png_encode_alpha(0)": "0 0",
    'str_parse_uint("18446744073709551616")': "0 0",
    'str_parse_base("1", MOST)': "0 0",
    'str_parse_base("1", 0)': "0 0",
    'utf8_next("", 0)': "0 0",
    "utf8_next_sized(words, 4, MOST)": "0 0",
}
