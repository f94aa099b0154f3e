// Divergence, groups, memory of all kinds.
#include "kernel.h"

KERNEL void collatz(const G u32 *a, G u32 *steps, u32 limit) {
    u32 i = item(), x = a[i], n = 0;
    while (x != 1) {
        if (n >= limit)
            break;
        x = x & 1 ? 3 * x + 1 : x / 2;
        n++;
    }
    steps[i] = n;
}

KERNEL void nested(const G u32 *a, G u32 *out) {
    u32 i = item(), sum = 0;
    for (u32 j = 0; j < a[i] % 17; j++) {
        if (j % 3 == 1)
            continue;
        for (u32 k = 0; k < j; k++) {
            if ((k * j + i) % 7 == 6)
                break;
            sum += k ^ j;
        }
        if (sum > 400)
            return;
        switch ((sum + i) & 3) {
        case 0: sum += 11; break;
        case 1: sum ^= 5; break;
        case 2: sum *= 3;
        default: sum -= 1;
        }
    }
    out[i] = sum;
}

LDS u32 shared[GROUP];
KERNEL void group_sum(const G u32 *a, G u32 *out) {
    u32 l = lane();
    shared[l] = a[item()];
    barrier();
    for (u32 n = GROUP / 2; n; n /= 2) {
        if (l < n)
            shared[l] += shared[l + n];
        barrier();
    }
    if (l == 0)
        out[__builtin_amdgcn_workgroup_id_x()] = shared[0];
}

LDS u32 bins[16];
KERNEL void histogram(const G u32 *a, G u32 *out) {
    u32 l = lane();
    if (l < 16)
        bins[l] = 0;
    barrier();
    __atomic_fetch_add(&bins[a[item()] & 15], 1, __ATOMIC_RELAXED);
    barrier();
    if (l < 16)
        __atomic_fetch_add(&out[l], bins[l], __ATOMIC_RELAXED);
}

KERNEL void atomics(G u32 *w, G u64 *d, const G u32 *a, G u32 *old) {
    u32 i = item(), x = a[i];
    old[i] = __atomic_fetch_add(&w[0], x, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&w[1], x, __ATOMIC_RELAXED);
    __atomic_fetch_and(&w[2], x | 0xff, __ATOMIC_RELAXED);
    __atomic_fetch_or(&w[3], x & 0xf0f0, __ATOMIC_RELAXED);
    __atomic_fetch_xor(&w[4], x, __ATOMIC_RELAXED);
    __atomic_fetch_max(&w[5], x, __ATOMIC_RELAXED);
    __atomic_fetch_min(&w[6], x, __ATOMIC_RELAXED);
    __atomic_fetch_max((G i32 *)&w[7], (i32)x, __ATOMIC_RELAXED);
    __atomic_fetch_add(&d[0], (u64)x << 20, __ATOMIC_RELAXED);
    __atomic_fetch_max(&d[1], (u64)x << 9, __ATOMIC_RELAXED);
    u32 seen = __atomic_load_n(&w[8], __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&w[8], &seen, seen * 5 + 3, 0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        ;
    u64 before = __atomic_load_n(&d[2], __ATOMIC_RELAXED), after;
    do {
        double sum = __builtin_bit_cast(double, before) + 0.5;
        after = __builtin_bit_cast(u64, sum);
    } while (!__atomic_compare_exchange_n(&d[2], &before, after, 0, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}

KERNEL void float_atomics(G float *f, const G float *a) {
    u32 i = item();
    __scoped_atomic_fetch_add(&f[0], a[i], __ATOMIC_RELAXED, __MEMORY_SCOPE_DEVICE);
}

KERNEL void private_array(const G u32 *a, G u32 *out) {
    u32 i = item(), table[20];
    for (u32 k = 0; k < 20; k++)
        table[(k * 7) % 20] = a[i] + k * i;
    u32 sum = 0;
    for (u32 k = 0; k < 5; k++)
        sum = sum * 31 + table[(a[i] + k * k) % 20];
    out[i] = sum;
}

static const u32 constants[7] = {3, 141, 59, 26, 535, 8979, 323846};
KERNEL void constant_table(const G u32 *a, G u32 *out) {
    u32 i = item();
    out[i] = constants[a[i] % 7] + constants[__builtin_amdgcn_workgroup_id_x() % 7];
}

__attribute__((noinline)) static u32 helper(u32 x, u32 n) {
    u32 y = x;
    for (u32 k = 0; k < n; k++)
        y = y * 1664525 + 1013904223;
    return y ^ x;
}
KERNEL void calls(const G u32 *a, G u32 *out) {
    u32 i = item();
    out[i] = helper(a[i], i & 7) + helper(a[i] + 1, 3);
}

KERNEL void three_axes(G u32 *out) {
    u32 x = __builtin_amdgcn_workitem_id_x(), y = __builtin_amdgcn_workitem_id_y(),
        z = __builtin_amdgcn_workitem_id_z();
    u32 gx = __builtin_amdgcn_workgroup_id_x(), gy = __builtin_amdgcn_workgroup_id_y(),
        gz = __builtin_amdgcn_workgroup_id_z();
    u32 sx = __builtin_amdgcn_workgroup_size_x(), sy = __builtin_amdgcn_workgroup_size_y(),
        sz = __builtin_amdgcn_workgroup_size_z();
    u32 wide = 2 * sx, high = 3 * sy;
    out[((gz * sz + z) * high + gy * sy + y) * wide + gx * sx + x] =
        x | y << 4 | z << 8 | gx << 12 | gy << 16 | gz << 20;
}

typedef u32 u32x4 __attribute__((ext_vector_type(4)));
typedef u32 u32x3 __attribute__((ext_vector_type(3)));
KERNEL void wide(const G u32x4 *a, G u32x4 *out, const G u64 *b, G u64 *out2) {
    u32 i = item();
    out[i] = a[i].wzyx + (u32x4){1, 2, 3, 4};
    out2[i] = b[i] * 3;
}

LDS u64 wide_shared[2 * GROUP];
LDS u32x4 quads[GROUP];
KERNEL void wide_lds(const G u64 *b, G u64 *out, const G u32x4 *a, G u32x4 *out4) {
    u32 l = lane(), i = item();
    wide_shared[2 * l] = b[i];
    wide_shared[2 * l + 1] = b[i] + 1;
    quads[l] = a[i];
    barrier();
    out[i] = wide_shared[(2 * l + 2) % (2 * GROUP)] * wide_shared[(2 * l + 3) % (2 * GROUP)];
    out4[i] = quads[GROUP - 1 - l];
}

KERNEL void grid_barrier(G u32 *counter, G u32 *slots, G u32 *out, u32 groups) {
    u32 l = lane(), g = __builtin_amdgcn_workgroup_id_x();
    if (l == 0) {
        __scoped_atomic_store_n(&slots[g], g * g + 1, __ATOMIC_RELAXED, __MEMORY_SCOPE_DEVICE);
        __scoped_atomic_fetch_add(counter, 1, __ATOMIC_RELEASE, __MEMORY_SCOPE_DEVICE);
        while (__scoped_atomic_load_n(counter, __ATOMIC_ACQUIRE, __MEMORY_SCOPE_DEVICE) < groups)
            __builtin_amdgcn_s_sleep(1);
    }
    barrier();
    u32 sum = 0;
    for (u32 k = 0; k < groups; k++)
        sum += __scoped_atomic_load_n(&slots[k], __ATOMIC_RELAXED, __MEMORY_SCOPE_DEVICE);
    out[item()] = sum;
}

KERNEL void races(G u32 *out) {
    u32 l = lane();
    shared[l] = l;
    out[l] = shared[GROUP - 1 - l];
}
