"""Calls of std with handles, texts and sizes that nothing can be done with, and what they do.

`HANDLE_ABORTS` end the program with status 1 and this message. The calls are made in a program with
`SETTING`, each in a process of its own.
"""

IMPORTS = (
    *("alloc", "deflate", "fb", "fmt", "fmt_float", "font", "fixedpoint", "intmap", "map", "math"),
    *("math_float", "math_f32", "math_functions", "mem", "memfast", "png", "snn", "string"),
    *("sync", "text", "thread", "train", "vec", "vec_f64", "vec_f64_avx2", "vec_f64_dispatch"),
    *("vec_f64_mt", "vec_math", "widget", "color", "gguf", "gguf_write", "safetensors"),
    *("model_file", "quantize", "quantize_model", "blocks", "blocks_types", "quant"),
)
SETTING = """
static u64 cli_argv
const u64 HIGH = 0x8000000000000000
const u64 MOST = 0xFFFFFFFFFFFFFFFF
static u64[64] words
static u64[64] more
fn one(u64 a, u64 b) -> u64 { return 1 }
fn vec_freed() -> u64 {
    u64 v = vec_new()
    vec_push(v, 1)
    vec_free(v)
    return v
}
fn map_freed() -> u64 {
    u64 m = map_new()
    map_set(m, "a", 1)
    map_free(m)
    return m
}
fn intmap_freed() -> u64 {
    u64 m = intmap_new()
    intmap_set(m, 0, 1)
    intmap_free(m)
    return m
}
fn sb_freed() -> u64 {
    u64 sb = sb_new(16)
    sb_free(sb)
    return sb
}
fn slice_freed() -> u64 {
    u64 s = slice_of("abc")
    slice_free(s)
    return s
}
fn fb_freed() -> u64 {
    u64 fb = fb_new(2, 2)
    fb_free(fb)
    return fb
}
fn panel_freed() -> u64 {
    u64 panel = panel_new(0, 0, 0, 1, 1, 0, 0)
    panel_free(panel)
    return panel
}
fn textfield_freed() -> u64 {
    u64 field = textfield_new(0, 0, 0, 1, 0, 0)
    textfield_free(field)
    return field
}
fn freed(u64 kind) -> u64 {
    u64 p = 0
    if kind == 0 {
        p = mutex_new()
        mutex_free(p)
    } else if kind == 1 {
        p = cond_new()
        cond_free(p)
    } else if kind == 2 {
        p = semaphore_new(1)
        semaphore_free(p)
    } else if kind == 3 {
        p = barrier_new(1)
        barrier_free(p)
    } else {
        p = channel_new(1 << kind)
        channel_free(p)
    }
    return p
}
fn arena_destroyed() -> u64 {
    u64 arena = arena_new(100)
    arena_destroy(arena)
    return arena
}
fn pool_destroyed() -> u64 {
    u64 pool = pool_new(8, 4)
    pool_destroy(pool)
    return pool
}
fn heap_destroyed() -> u64 {
    u64 heap = heap_new(200)
    heap_destroy(heap)
    return heap
}
"""


def name_function(calls: str, what: str) -> dict[str, str]:
    """Return an abort for each call, with the name of the function and what is wrong."""
    rows = [row.strip() for row in calls.strip().splitlines()]
    return {row: f"{row.partition('(')[0]}: {what}" for row in rows}


_VECS = """
vec_data(V)
vec_len(V)
vec_cap(V)
vec_reserve(V, 1)
vec_push(V, 1)
vec_get(V, 0)
vec_set(V, 0, 1)
vec_pop(V)
vec_last(V)
vec_clear(V)
vec_contains(V, 1)
vec_remove(V, 0)
vec_insert(V, 0, 1)
vec_index_of(V, 1)
vec_extend(V, vec_new())
vec_copy(V)
vec_reverse(V)
vec_dedup(V)
vec_foreach(V, fn_addr("one"))
vec_free(V)
vec_sort(V)
vec_sort_signed(V)
vec_sort_by(V, fn_addr("one"))
vec_sort_unstable_by(V, fn_addr("one"))
vec_is_sorted(V)
vec_lower_bound(V, 1)
vec_binary_search(V, 1)
vec_lower_bound_by(V, 1, fn_addr("one"))
"""

_MAPS = """
map_cap(M)
map_len(M)
map_keys(M)
map_vals(M)
map_grow(M)
map_set(M, "a", 1)
map_get_or(M, "a", 1)
map_get(M, "a")
map_has(M, "a")
map_del(M, "a")
map_iter_next(M, 0)
map_iter_key(M, 0)
map_iter_val(M, 0)
map_free(M)
"""

_INTMAPS = """
intmap_free(M)
intmap_len(M)
intmap_cap(M)
intmap_reserve(M, 9)
intmap_set(M, 1, 1)
intmap_place(M, 1)
intmap_has(M, 0)
intmap_get_or(M, 1, 1)
intmap_get(M, 0)
intmap_del(M, 1)
intmap_clear(M)
intmap_iter_next(M, 0)
intmap_iter_key(M, 0)
intmap_iter_val(M, 0)
"""

_TEXTS = """
str_hash(0)
str_copy(0)
str_sub(0, 0, 0)
str_repeat(0, 0)
str_find_byte(0, 1)
str_at(0, 0)
str_split(0, 1, words, 1)
str_split_all(0, 1)
str_lower(0)
str_upper(0)
str_trim(0)
str_to_int(0)
str_to_float(0)
str_codepoint_count(0)
str_grapheme_count(0)
str_lower_utf8(0)
str_upper_utf8(0)
sb_append_str(sb_new(0), 0)
pad_left(0, 1, 1)
pad_right(0, 1, 1)
slice_of(0)
slice_eq_text(slice_of("a"), 0)
str_fields(0)
str_lines(0)
str_parse_uint(0)
str_parse_base(0, 2)
str_parse_int(0)
str_parse_bool(0)
str_parse_float(0, words)
str_is_utf8(0)
str_sub_utf8(0, 0, 0)
str_repair_utf8(0)
utf8_next(0, 0)
utf8_previous(0, 1)
utf8_index(0, 0)
"""

_PAIRS = """
str_cat(0, "a")
str_cat("a", 0)
str_compare("a", 0)
str_index_of(0, "a")
str_index_of("a", 0)
str_contains(0, "a")
str_starts("a", 0)
str_ends(0, "a")
str_replace(0, "a", "b")
str_replace("a", 0, "b")
str_replace("a", "a", 0)
str_find_from("a", 0, 0)
str_find_last(0, "a")
str_count("a", 0)
str_eq_ignore_case(0, "a")
str_split_on("a", 0)
str_split_most(0, "a", 1)
str_cut("a", 0)
str_trim_start(0, "a")
str_trim_end("a", 0)
str_trim_set(0, "a")
str_strip_prefix("a", 0)
str_strip_suffix(0, "a")
str_replace_first("a", "a", 0)
"""

_BUILDERS = """
sb_reserve(B, 1)
sb_append_byte(B, 1)
sb_append_str(B, "a")
sb_append_int(B, 1)
sb_append_int_signed(B, 1)
sb_append_hex(B, 1)
sb_append_float(B, 1.0, 1)
sb_append_bool(B, 1)
sb_append_codepoint(B, 65)
sb_len(B)
sb_finish(B)
"""

_SLICES = """
slice_ptr(S)
slice_len(S)
slice_at(S, 0)
slice_sub(S, 0, 0)
slice_eq(S, S)
slice_eq_text(S, "a")
slice_compare(slice_of("a"), S)
slice_find(slice_of("a"), S)
slice_find_byte(S, 97)
slice_trim(S)
slice_next_part(S, 97)
slice_to_str(S)
"""

_WIDGETS = """
panel_draw(W)
label_draw(W)
label_set_text(W, "a")
button_draw(W)
button_contains(W, 0, 0)
button_set_pressed(W, 1)
progress_draw(W)
progress_set(W, 1)
textfield_draw(W)
textfield_append_char(W, 65)
textfield_backspace(W)
textfield_clear(W)
textfield_get_text(W)
textfield_get_len(W)
"""

_FREED = """
mutex_lock(freed(0))
mutex_free(freed(0))
cond_wait_for(freed(1), words, 1)
cond_signal(freed(1))
cond_broadcast(freed(1))
cond_free(freed(1))
semaphore_try_acquire(freed(2))
semaphore_release(freed(2))
semaphore_free(freed(2))
barrier_wait(freed(3))
barrier_free(freed(3))
channel_send(freed(4), 1)
channel_try_send(freed(14), 1)
channel_receive(freed(13))
channel_close(freed(5))
channel_len(freed(6))
channel_free(freed(14))
"""

HANDLE_ABORTS = {
    **name_function(_FREED, "it was freed"),
    "mutex_unlock(freed(0))": "mutex_unlock: the mutex is not locked",
    **name_function(_VECS.replace("V", "0"), "the handle is 0"),
    **name_function(_MAPS.replace("M", "0"), "the handle is 0"),
    **name_function(_INTMAPS.replace("M", "0"), "the handle is 0"),
    "map_free(map_freed())": "map_free: the map was freed",
    "map_grow(map_freed())": "map_grow: the map was freed",
    'map_set(map_freed(), "b", 1)': "map_set: the map was freed",
    "intmap_free(intmap_freed())": "intmap: the map was freed",
    "intmap_set(intmap_freed(), 7, 1)": "intmap: the map was freed",
    "intmap_set(intmap_freed(), 0, 1)": "intmap: the map was freed",
    "intmap_place(intmap_freed(), 7)": "intmap: the map was freed",
    "intmap_reserve(intmap_freed(), 9)": "intmap: the map was freed",
    **name_function(_TEXTS, "the text is 0"),
    **name_function(_PAIRS, "a text is 0"),
    **name_function(_BUILDERS.replace("B", "0"), "the builder is 0"),
    **name_function(_BUILDERS.replace("B", "sb_freed()"), "the builder was freed"),
    **name_function(_SLICES.replace("S", "0"), "the slice is 0"),
    **name_function(_SLICES.replace("S", "slice_freed()"), "the slice was freed"),
    **name_function(_WIDGETS.replace("W", "0"), "the widget is 0"),
    **name_function(_WIDGETS.replace("W", "panel_freed()"), "the widget was freed"),
    "vec_extend(vec_new(), 0)": "vec_extend: the handle is 0",
    "vec_foreach(vec_new(), 0)": "vec_foreach: the function is 0",
    "vec_sort_by(vec_new(), 0)": "vec_sort_by: the function is 0",
    "vec_sort_unstable_by(vec_new(), 0)": "vec_sort_unstable_by: the function is 0",
    "vec_lower_bound_by(vec_new(), 1, 0)": "vec_lower_bound_by: the function is 0",
    "vec_get(vec_new(), HIGH)": "vec_get: index 9223372036854775808 is out of range (length 0)",
    "vec_set(vec_new(), MOST, 1)": "vec_set: index 18446744073709551615 is out of range (length 0)",
    "vec_insert(vec_new(), MOST, 1)": "vec_insert: index 18446744073709551615 is out of range",
    "vec_reserve(vec_new(), MOST)": "vec: out of memory",
    "vec_reserve(vec_new(), HIGH)": "vec: out of memory",
    "vec_free(vec_freed())": "vec_free: the vec was freed",
    "vec_push(vec_freed(), 1)": "vec_push: the vec was freed",
    "vec_insert(vec_freed(), 0, 1)": "vec_insert: the vec was freed",
    "vec_reserve(vec_freed(), 1)": "vec_reserve: the vec was freed",
    "vec_get(vec_freed(), 0)": "vec_get: index 0 is out of range (length 0)",
    "map_set(map_new(), 0, 1)": "map: key is 0",
    "intmap_reserve(intmap_new(), MOST)": "intmap: out of memory",
    "intmap_reserve(intmap_new(), HIGH)": "intmap: out of memory",
    "intmap_reserve(intmap_new(), 0x400000000000000)": "intmap: out of memory",
    'str_at("abc", MOST)': "str_at: the index is too large",
    'str_repeat("ab", MOST)': "str_repeat: the result is too long",
    'str_repeat("ab", HIGH)': "str_repeat: the result is too long",
    'str_join(words, 1, ",")': "str_join: a part is 0",
    "str_join(words, 1, 0)": "str_join: the separator is 0",
    "str_free_all(0)": "str_free_all: the handle is 0",
    'str_join_all(0, ",")': "str_join_all: the handle is 0",
    "str_join_all(vec_new(), 0)": "str_join_all: the separator is 0",
    "sb_new(MOST)": "sb_new: out of memory",
    "sb_new(HIGH)": "sb_new: out of memory",
    "sb_reserve(sb_new(0), MOST)": "sb_reserve: out of memory",
    "sb_reserve(sb_new(0), HIGH)": "sb_reserve: out of memory",
    "sb_free(sb_freed())": "sb_free: the builder was freed",
    'pad_left("a", MOST, 32)': "pad_left: out of memory",
    'pad_right("a", HIGH, 32)': "pad_right: out of memory",
    "opt_some(MOST)": "opt_some: value equals sentinel",
    "opt_unwrap(MOST)": "opt_unwrap: sentinel",
    "slice_free(slice_freed())": "slice_free: the slice was freed",
    'slice_at(slice_of("a"), 1)': "slice_at: index out of range",
    'slice_at(slice_of("a"), MOST)': "slice_at: index out of range",
    "alloc_aligned(8, 0)": "alloc_aligned: align must be a power of two",
    "alloc_aligned(8, MOST)": "alloc_aligned: align must be a power of two",
    "arena_new(MOST)": "arena: out of memory",
    "arena_alloc(arena_new(8), MOST)": "arena: out of memory",
    "arena_alloc(arena_destroyed(), 1)": "arena_alloc: it was destroyed",
    "arena_reset(arena_destroyed())": "arena_reset: it was destroyed",
    "arena_stats(arena_destroyed())": "arena_stats: it was destroyed",
    "arena_destroy(arena_destroyed())": "arena_destroy: it was destroyed",
    "pool_new(MOST, 1)": "pool: out of memory",
    "pool_new(16, HIGH)": "pool: out of memory",
    "pool_free(pool_new(8, 1), 0)": "pool: not a slot of this pool",
    "pool_alloc(pool_destroyed())": "pool_alloc: it was destroyed",
    "pool_free(pool_destroyed(), 8)": "pool_free: it was destroyed",
    "pool_stats(pool_destroyed())": "pool_stats: it was destroyed",
    "pool_destroy(pool_destroyed())": "pool_destroy: it was destroyed",
    "heap_new(0)": "heap: capacity is too small",
    "heap_new(MOST)": "heap: out of memory",
    "heap_alloc(heap_new(200), MOST)": "heap: out of memory",
    "heap_free(heap_new(200), 0)": "heap: not a block of this heap",
    "heap_free(heap_new(200), MOST)": "heap: not a block of this heap",
    "heap_alloc(heap_destroyed(), 1)": "heap_alloc: it was destroyed",
    "heap_free(heap_destroyed(), 8)": "heap_free: it was destroyed",
    "heap_stats(heap_destroyed())": "heap_stats: it was destroyed",
    "heap_destroy(heap_destroyed())": "heap_destroy: it was destroyed",
    "arena_alloc(0, 1)": "arena_alloc: the handle is 0",
    "arena_reset(0)": "arena_reset: the handle is 0",
    "arena_stats(0)": "arena_stats: the handle is 0",
    "pool_alloc(0)": "pool_alloc: the handle is 0",
    "pool_free(0, 0)": "pool_free: the handle is 0",
    "pool_stats(0)": "pool_stats: the handle is 0",
    "heap_alloc(0, 1)": "heap_alloc: the handle is 0",
    "heap_free(0, 1)": "heap_free: the handle is 0",
    "heap_stats(0)": "heap_stats: the handle is 0",
    "fb_free(fb_freed())": "fb_free: the framebuffer was freed",
    "panel_free(panel_freed())": "panel_free: the widget was freed",
    "label_free(panel_freed())": "label_free: the widget was freed",
    "button_free(panel_freed())": "button_free: the widget was freed",
    "progress_free(panel_freed())": "progress_free: the widget was freed",
    "textfield_free(textfield_freed())": "textfield_free: the widget was freed",
    "thread_pool_for(0, 5, 1)": "thread_pool_for: the function is 0",
    "tp_spawn_raw(0, 0, 0)": "tp_spawn_raw: the function is 0",
    "channel_receive(0)": "channel_receive: the address is 0",
    "channel_try_receive(0)": "channel_receive: the address is 0",
}
