#include "kernel.h"

KERNEL(256) reverse_lds(__global float *to, __global const float *from) {
    __local float row[256];
    row[LOCAL_X] = from[GROUP_X * 256 + LOCAL_X];
    sync_group();
    to[GROUP_X * 256 + LOCAL_X] = row[255 - LOCAL_X];
}

KERNEL(256) reduce_lds(__global float *to, __global const float *from, uint n) {
    __local float row[256];
    float sum = 0;
    for (uint i = LOCAL_X; i < n; i += 256) sum += from[i];
    row[LOCAL_X] = sum;
    sync_group();
    for (uint half_size = 128; half_size; half_size >>= 1) {
        if (LOCAL_X < half_size) row[LOCAL_X] += row[LOCAL_X + half_size];
        sync_group();
    }
    if (LOCAL_X == 0) to[GROUP_X] = row[0];
}

KERNEL(256) transpose(__global float *to, __global const float *from, uint rows, uint columns) {
    __local float tile[16][17];
    uint x = LOCAL_X & 15, y = LOCAL_X >> 4;
    uint column = GROUP_X * 16 + x, row = GROUP_Y * 16 + y;
    if (row < rows && column < columns) tile[y][x] = from[row * columns + column];
    sync_group();
    uint down = GROUP_X * 16 + y, across = GROUP_Y * 16 + x;
    if (down < columns && across < rows) to[down * rows + across] = tile[x][y];
}

KERNEL(256) tiled_product(__global float *c, __global const float *a, __global const float *b,
                          uint m, uint n, uint k) {
    __local float left[16][16], right[16][16];
    uint x = LOCAL_X & 15, y = LOCAL_X >> 4, row = GROUP_Y * 16 + y, column = GROUP_X * 16 + x;
    float sum = 0;
    for (uint at = 0; at < k; at += 16) {
        left[y][x] = row < m && at + x < k ? a[row * k + at + x] : 0;
        right[y][x] = column < n && at + y < k ? b[(at + y) * n + column] : 0;
        sync_group();
        for (uint i = 0; i < 16; i++) sum += left[y][i] * right[i][x];
        sync_group();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}

KERNEL(256) lds_widths(__global uint *to, __global const uint4 *from) {
    __local uint4 wide[256];
    __local uchar bytes[256];
    __local ushort words[256];
    __local ulong pairs[256];
    uint i = LOCAL_X;
    wide[i] = from[i];
    bytes[i] = i * 3;
    words[i] = i * 5;
    pairs[i] = (ulong)i << 30;
    sync_group();
    uint4 v = wide[i ^ 7];
    to[i] = v.x + v.y * v.z + v.w + bytes[i ^ 1] + words[i ^ 2] + (uint)(pairs[i ^ 3] >> 29);
}

KERNEL(256) histogram(__global uint *to, __global const uchar *from, uint n) {
    __local uint bins[256];
    bins[LOCAL_X] = 0;
    sync_group();
    for (uint i = LOCAL_X; i < n; i += 256) __atomic_fetch_add(&bins[from[i]], 1, __ATOMIC_RELAXED);
    sync_group();
    __atomic_fetch_add(&to[LOCAL_X], bins[LOCAL_X], __ATOMIC_RELAXED);
}

KERNEL(256) atomics_u32(__global uint *p, __global uint *to, uint v) {
    uint i = LOCAL_X;
    to[i] = __opencl_atomic_fetch_add((__global atomic_uint *)p, v, __ATOMIC_RELAXED,
                                      __OPENCL_MEMORY_SCOPE_DEVICE);
    to[i + 256] = __opencl_atomic_exchange((__global atomic_uint *)p + 1 + i, v, __ATOMIC_ACQ_REL,
                                           __OPENCL_MEMORY_SCOPE_DEVICE);
    __opencl_atomic_fetch_max((__global atomic_uint *)p + 300, i, __ATOMIC_RELAXED,
                              __OPENCL_MEMORY_SCOPE_DEVICE);
    __opencl_atomic_fetch_xor((__global atomic_uint *)p + 301, i, __ATOMIC_SEQ_CST,
                              __OPENCL_MEMORY_SCOPE_DEVICE);
}

KERNEL(256) atomics_u64(__global ulong *p, __global ulong *to, ulong v) {
    uint i = LOCAL_X;
    ulong old = p[i];
    while (!__opencl_atomic_compare_exchange_strong((__global atomic_ulong *)p + i, &old, old * v,
               __ATOMIC_RELAXED, __ATOMIC_RELAXED, __OPENCL_MEMORY_SCOPE_DEVICE)) {}
    to[i] = old;
}

KERNEL(256) scatter_f64(__global double *p, __global const uint *index, __global const double *v) {
    uint i = GROUP_X * 256 + LOCAL_X;
    __global ulong *cell = (__global ulong *)(p + index[i]);
    ulong old = *cell;
    ulong want;
    do {
        want = __builtin_bit_cast(ulong, __builtin_bit_cast(double, old) + v[i]);
    } while (!__opencl_atomic_compare_exchange_strong((__global atomic_ulong *)cell, &old, want,
                 __ATOMIC_RELAXED, __ATOMIC_RELAXED, __OPENCL_MEMORY_SCOPE_DEVICE));
}

KERNEL(256) last_group(__global uint *counter, __global float *parts, __global float *to) {
    __local uint order;
    uint i = LOCAL_X;
    parts[GROUP_X * 256 + i] = i;
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "agent");
    sync_group();
    if (i == 0)
        order = __opencl_atomic_fetch_add((__global atomic_uint *)counter, 1, __ATOMIC_RELAXED,
                                          __OPENCL_MEMORY_SCOPE_DEVICE);
    sync_group();
    if (order == 7) {
        __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "agent");
        float sum = 0;
        for (uint g = 0; g < 8; g++) sum += parts[g * 256 + i];
        to[i] = sum;
    }
}

KERNEL(256) grid_barrier(__global uint *counter, __global float *data, uint groups) {
    data[GROUP_X * 256 + LOCAL_X] = LOCAL_X;
    sync_group();
    if (LOCAL_X == 0) {
        __opencl_atomic_fetch_add((__global atomic_uint *)counter, 1, __ATOMIC_RELEASE,
                                  __OPENCL_MEMORY_SCOPE_DEVICE);
        while (__opencl_atomic_load((__global atomic_uint *)counter, __ATOMIC_ACQUIRE,
                                    __OPENCL_MEMORY_SCOPE_DEVICE) < groups)
            __builtin_amdgcn_s_sleep(2);
    }
    sync_group();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "agent");
    data[65536 + GROUP_X * 256 + LOCAL_X] = data[((GROUP_X + 1) % groups) * 256 + LOCAL_X];
}

KERNEL(32) wave_operations(__global float *to, __global const float *from) {
    float v = from[LOCAL_X];
    for (uint d = 16; d; d >>= 1)
        v += __builtin_bit_cast(float, __builtin_amdgcn_ds_bpermute((int)((LOCAL_X ^ d) * 4),
                                                                  __builtin_bit_cast(int, v)));
    int swapped = __builtin_amdgcn_update_dpp(0, __builtin_bit_cast(int, v), 0xB1, 15, 15, 1);
    uint mask = __builtin_amdgcn_ballot_w32(v > 3);
    uint first = __builtin_amdgcn_readfirstlane((int)v);
    uint lane = __builtin_amdgcn_mbcnt_lo(~0u, 0);
    to[LOCAL_X] = v + __builtin_bit_cast(float, swapped) + mask + first + lane;
    to[LOCAL_X + 32] = __builtin_amdgcn_readlane((int)v, 5);
}

KERNEL(32) permutations(__global uint *to, __global const uint *from) {
    uint v = from[LOCAL_X];
    if (v & 1) {
        v = __builtin_amdgcn_permlanex16(v, v, 0x76543210, 0xfedcba98, 0, 0);
    } else if (LOCAL_X > 7) {
        v = __builtin_amdgcn_permlane16(v, v, 0x01234567, 0x89abcdef, 0, 0);
    }
    to[LOCAL_X] = v + (uint)__builtin_amdgcn_ds_swizzle((int)v, 0x401F);
}
