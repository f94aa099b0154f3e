#include "kernel.h"

KERNEL(256) copy_u8(__global uchar *to, __global const uchar *from, uint n) {
    uint i = GROUP_X * 256 + LOCAL_X;
    if (i < n) to[i] = from[i] + 1;
}

KERNEL(256) copy_i8(__global int *to, __global const char *from, uint n) {
    uint i = GROUP_X * 256 + LOCAL_X;
    if (i < n) to[i] = from[i];
}

KERNEL(256) copy_u16(__global ushort *to, __global const ushort *from, uint n) {
    uint i = GROUP_X * 256 + LOCAL_X;
    if (i < n) to[i] = from[i] * 3;
}

KERNEL(256) copy_f16(__global half *to, __global const half *from, uint n) {
    uint i = GROUP_X * 256 + LOCAL_X;
    if (i < n) to[i] = from[i] * (half)2.0f + from[i + 1];
}

KERNEL(256) copy_u32(__global uint *to, __global const uint *from, ulong n) {
    ulong i = (ulong)GROUP_X * 256 + LOCAL_X;
    if (i < n) to[i] = from[i] ^ 0x12345;
}

KERNEL(256) copy_u64(__global ulong *to, __global const ulong *from, ulong n) {
    ulong i = (ulong)GROUP_X * 256 + LOCAL_X;
    if (i < n) to[i] = from[i] * 0x9E3779B97F4A7C15ul;
}

KERNEL(256) copy_f32x4(__global float4 *to, __global const float4 *from, float scale) {
    uint i = GROUP_X * 256 + LOCAL_X;
    to[i] = from[i] * scale + from[i + 64];
}

KERNEL(256) copy_f32x8(__global float8 *to, __global const float8 *from, float scale) {
    uint i = GROUP_X * 256 + LOCAL_X;
    to[i] = from[i] * scale;
}

KERNEL(256) many_loads(__global float *to, __global const float *from) {
    uint i = GROUP_X * 256 + LOCAL_X;
    float sum = 0;
    for (uint k = 0; k < 24; k++) sum = sum * 0.5f + from[i + k * 1024];
    to[i] = sum;
}

KERNEL(256) overlapping(__global float *a, __global float *b) {
    uint i = GROUP_X * 256 + LOCAL_X;
    a[i] = b[i] + 1;
    b[i + 1] = a[i + 2] * 2;
    a[i + 3] = b[i + 1] - 3;
}

KERNEL(256) pointers(__global float *__global *table, uint n) {
    uint i = LOCAL_X;
    __global float *row = table[i];
    for (uint k = 0; k < n; k++) row[k] = row[k] + table[k][i];
}

KERNEL(64) uniform_loads(__global float *to, __constant float *from, uint n) {
    float sum = 0;
    for (uint k = 0; k < n; k++) sum += from[k + GROUP_X * 4] * from[k * 2];
    to[GROUP_X * 64 + LOCAL_X] = sum;
}

KERNEL(1024) three_dimensions(__global uint *to, uint a, uint b) {
    uint x = GROUP_X * 4 + LOCAL_X, y = GROUP_Y * 4 + LOCAL_Y, z = GROUP_Z * 4 + LOCAL_Z;
    to[(z * a + y) * b + x] = x + y * 10 + z * 100;
}

KERNEL(64) mixed_arguments(__global float *to, uchar a, ushort b, uint c, ulong d, half e, double f) {
    to[LOCAL_X] = a + b + c + d + (float)e + (float)f;
}

KERNEL(64) generic_pointer(__global float *to, uint n) {
    __local float here[64];
    float *p = n & 1 ? (float *)to : (float *)here;
    here[LOCAL_X] = n;
    p[LOCAL_X] += 2;
    to[LOCAL_X + 64] = here[LOCAL_X ^ 1] + p[LOCAL_X];
}

KERNEL(64) private_array(__global uint *to, __global const uint *from, uint n) {
    uint stack[24];
    for (uint k = 0; k < 24; k++) stack[k] = from[k * 64 + LOCAL_X];
    uint at = 0;
    for (uint k = 0; k < n; k++) {
        at = stack[at % 24] + k;
        stack[(at + k) % 24] = at;
    }
    to[LOCAL_X] = at;
}

struct Pair { uint low, high; float scale; };

KERNEL(64) structures(__global struct Pair *to, __global const struct Pair *from, struct Pair by) {
    struct Pair it = from[LOCAL_X];
    it.low += by.high;
    it.high ^= by.low;
    it.scale *= by.scale;
    to[LOCAL_X ^ 1] = it;
}

KERNEL(256) volatile_spin(__global volatile uint *flag, __global uint *to) {
    while (__opencl_atomic_load((__global atomic_uint *)flag, __ATOMIC_ACQUIRE,
                                __OPENCL_MEMORY_SCOPE_DEVICE) == 0)
        __builtin_amdgcn_s_sleep(1);
    to[LOCAL_X] = *flag;
}
