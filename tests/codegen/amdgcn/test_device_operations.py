"""What only devices do, executed: ids and sizes of grids, LDS, atomics, private memory, dots, waits
for the whole grid.
"""

import numpy as np

from tests.codegen.amdgcn.execution import run_everywhere


def test_ids_and_sizes_of_a_grid_of_three_dimensions() -> None:
    source = """
@kernel
fn k(uint64 out) {
    uint64 x = tid_x()
    uint64 y = tid_y()
    uint64 z = tid_z()
    uint64 wide = block_dim_x() * grid_dim_x()
    uint64 high = block_dim_y() * grid_dim_y()
    uint64 place = out + ((z * high + y) * wide + x) * 8
    uint64 mix = tid_local_x() + tid_local_y() * 16 + tid_local_z() * 256
    mix = mix + (block_idx_x() + block_idx_y() * 16 + block_idx_z() * 256) * 65536
    unsafe { *(place as uint64) = mix + block_dim_z() * 4294967296 }
}
"""
    group, grid = (4, 3, 2), (3, 2, 2)
    run_everywhere(source, grid, group, [np.zeros(24 * 12, np.uint64)])


def test_groups_that_are_no_multiple_of_a_wave() -> None:
    source = """
@kernel
fn k(uint64 out, uint64 n) {
    uint64 i = block_idx_x() * block_dim_x() + tid_local_x()
    f32 all = lds_reduce_sum_f32(1.0f)
    if i < n {
        unsafe { *((out + i * 4) as f32) = all }
    }
}
"""
    run_everywhere(source, (3, 1, 1), (40, 1, 1), [np.zeros(120, np.float32), np.uint64(113)])


def test_workgroup_memory_of_all_widths_and_its_atomics() -> None:
    source = """
@kernel
fn k(uint64 out) {
    assume_group_size(64, 1, 1)
    uint64 bytes = lds_u8(64)
    uint64 counts = lds_u32(4)
    uint64 sums = lds_u64(1)
    uint64 doubles = lds_f64(64)
    uint64 i = tid_local_x()
    if i < 4 { lds_write_u32(counts, i, 0) }
    if i == 0 { lds_write_u64(sums, 0, 5) }
    lds_write_u8(bytes, i, i * 5)
    lds_write_f64(doubles, i, 1.5)
    sync_block()
    lds_add_u32(counts, i % 4, i)
    lds_add_u64(sums, 0, i * 4294967296)
    sync_block()
    uint64 seen = lds_read_u8(bytes, 63 - i) + lds_read_u32(counts, i % 4) * 256
    seen = seen + lds_read_u64(sums, 0)
    f64 d = lds_read_f64(doubles, (i + 7) % 64)
    if d == 1.5 { seen = seen + 1 }
    unsafe { *((out + i * 8) as uint64) = seen }
}
"""
    run_everywhere(source, (1, 1, 1), (64, 1, 1), [np.zeros(64, np.uint64)])


def test_global_atomics_of_words_and_floats() -> None:
    source = """
@kernel
fn k(uint64 out) {
    assume_group_size(64, 1, 1)
    uint64 i = tid_x()
    uint64 own = out + 64 + i * 32
    atomic_add_u64(out, i)
    atomic_add_u32(out + 8, i)
    atomic_add_f32(out + 16, 1.0f)
    atomic_add_f64(out + 24, 0.5)
    f64 old = atomic_add_f64(own, 2.5)
    f32 before = atomic_add_f32(own + 8, 1.25f)
    uint64 last = atomic_add_u64(own + 16, 7)
    unsafe { *((own + 24) as f32) = before + old as f32 }
    if i % 3 == 0 { atomic_add_u64(own + 16, last + 1) }
}
"""
    run_everywhere(source, (2, 1, 1), (64, 1, 1), [np.ones(8 + 4 * 128, np.float64)])


def test_private_memory_under_an_index_that_is_not_constant() -> None:
    source = """
@kernel
fn k(uint64 out, uint64 n) {
    assume_group_size(32, 1, 1)
    uint64[16] table
    uint64 i = tid_local_x()
    uint64 j = 0
    while j < 16 {
        table[(i + j) % 16] = i * 100 + j
        j = j + 1
    }
    uint64 sum = 0
    j = 0
    while j < n {
        sum = sum * 3 + table[(i * j) % 16]
        j = j + 1
    }
    unsafe { *((out + i * 8) as uint64) = sum }
}
"""
    run_everywhere(source, (1, 1, 1), (32, 1, 1), [np.zeros(32, np.uint64), np.uint64(9)])


def test_dots_and_halves() -> None:
    source = """
@kernel
fn k(uint64 words, uint64 out) {
    assume_group_size(32, 1, 1)
    uint64 i = tid_local_x()
    uint64 a = 0
    uint64 b = 0
    unsafe { *((words + i * 8) as uint32) -> a }
    unsafe { *((words + i * 8 + 4) as uint32) -> b }
    uint64 dot = dot4_i8(a, b, i)
    f32 two = dot2_f16(a & 2088533116, b & 2088533116, 0.5f)
    unsafe { *((out + i * 16) as uint64) = dot }
    unsafe { *((out + i * 16 + 8) as f32) = two }
}
"""
    random = np.random.default_rng(1)
    words = random.integers(0, 1 << 32, 64, dtype=np.uint32)
    words[1::2] &= 0x3C003C00
    run_everywhere(source, (1, 1, 1), (32, 1, 1), [words, np.zeros(64, np.uint64)])


def test_the_whole_grid_waits_and_sees_what_others_wrote() -> None:
    source = """
@kernel
fn k(uint64 data, uint64 out, uint64 counter) {
    assume_group_size(64, 1, 1)
    uint64 i = tid_x()
    unsafe { *((data + i * 4) as uint32) = i * 3 }
    mega_barrier(counter, 0, 4)
    uint64 other = 255 - i
    uint64 seen = 0
    unsafe { *((data + other * 4) as uint32) -> seen }
    mega_barrier(counter, 1, 4)
    unsafe { *((out + i * 4) as uint32) = seen + 1 }
}
"""
    buffers = [np.zeros(256, np.uint32), np.zeros(256, np.uint32), np.zeros(2, np.uint32)]
    run_everywhere(source, (4, 1, 1), (64, 1, 1), buffers)


def test_atomics_and_volatile_accesses_of_the_host_language() -> None:
    source = """
@kernel
fn k(uint64 data, uint64 out) {
    assume_group_size(32, 1, 1)
    uint64 i = tid_local_x()
    uint64 own = data + i * 48
    uint64 a = atomic_add(own, i + 1)
    uint64 b = atomic_xor(own + 8, i * 4294967297)
    uint64 c = atomic_cas(own + 16, 3, i)
    uint64 d = atomic_cas(own + 24, 4, i)
    uint64 e = atomic_load(own + 32)
    atomic_store(own + 40, e + a)
    fence_device()
    unsafe { *((out + i * 8) as uint64) = a + b * 3 + c * 5 + d * 7 + e }
}
"""
    run_everywhere(
        source, (1, 1, 1), (32, 1, 1), [np.full(6 * 32, 3, np.uint64), np.zeros(32, np.uint64)]
    )


def test_fragments_of_both_layouts() -> None:
    source = """
@kernel
fn k(uint64 a, uint64 b, uint64 c) {
    assume_group_size(32, 1, 1)
    wmma_load_c(0, c, 64)
    wmma_load_a_f16(0, a, 32)
    wmma_load_b_f16(0, b, 32)
    wmma_f16(0, 0, 0)
    wmma_store(0, c, 64)
}
"""
    random = np.random.default_rng(3)
    factors = [random.integers(-8, 8, 256).astype(np.float16) for _ in range(2)]
    total = random.integers(-8, 8, 256).astype(np.float32)
    run_everywhere(source, (1, 1, 1), (32, 1, 1), [*factors, total], ["gfx1100", "gfx1201"])


def test_ballots_count_only_the_lanes_that_take_part() -> None:
    source = """
@kernel
fn k(uint64 out, uint64 n) {
    uint64 i = tid_local_x()
    uint64 all = ballot(n > 3)
    uint64 some = 0
    if i % 3 == 1 { some = ballot(i > 4) + ballot(n < 100) * 3 }
    unsafe { *((out + i * 8) as uint64) = all * 7 + some }
}
"""
    run_everywhere(source, (1, 1, 1), (39, 1, 1), [np.zeros(39, np.uint64), np.uint64(9)])
