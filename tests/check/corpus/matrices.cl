#include "kernel.h"

#ifdef GFX11
KERNEL(32) product_f16(__global float *c, __global const half *a, __global const half *b, uint k) {
    float8 sum = 0, other = 0;
    uint lane = LOCAL_X & 15;
    for (uint at = 0; at < k; at += 16) {
        half16 left = *(__global const half16 *)(a + lane * k + at);
        half16 right = *(__global const half16 *)(b + lane * k + at);
        sum = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(left, right, sum);
        other = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(right, left, other);
    }
    for (uint i = 0; i < 8; i++) c[(2 * i + LOCAL_X / 16) * 16 + lane] = sum[i] + other[i];
}

KERNEL(32) product_bf16(__global float *c, __global const short *a, __global const short *b) {
    float8 sum = 0;
    uint lane = LOCAL_X & 15;
    short16 left = *(__global const short16 *)(a + lane * 16);
    short16 right = *(__global const short16 *)(b + lane * 16);
    sum = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(left, right, sum);
    for (uint i = 0; i < 8; i++) c[(2 * i + LOCAL_X / 16) * 16 + lane] = sum[i];
}
#endif

#ifdef GFX12
KERNEL(32) product_f16(__global float *c, __global const half *a, __global const half *b, uint k) {
    float8 sum = 0, other = 0;
    uint lane = LOCAL_X & 15, side = LOCAL_X / 16;
    for (uint at = 0; at < k; at += 16) {
        half8 left = *(__global const half8 *)(a + lane * k + at + side * 8);
        half8 right = *(__global const half8 *)(b + lane * k + at + side * 8);
        sum = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32_gfx12(left, right, sum);
        other = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32_gfx12(right, left, other);
    }
    for (uint i = 0; i < 8; i++) c[(i + side * 8) * 16 + lane] = sum[i] + other[i];
}

KERNEL(32) product_bf16(__global float *c, __global const short *a, __global const short *b) {
    float8 sum = 0;
    uint lane = LOCAL_X & 15, side = LOCAL_X / 16;
    short8 left = *(__global const short8 *)(a + lane * 16 + side * 8);
    short8 right = *(__global const short8 *)(b + lane * 16 + side * 8);
    sum = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32_gfx12(left, right, sum);
    for (uint i = 0; i < 8; i++) c[(i + side * 8) * 16 + lane] = sum[i];
}
#endif

KERNEL(64) dots(__global int *to, __global const int *a, __global const int *b) {
    int sum = 0;
    for (uint i = 0; i < 8; i++) {
#if defined(GFX11) || defined(GFX12)
        sum = __builtin_amdgcn_sudot4(true, a[i * 64 + LOCAL_X], true, b[i * 64 + LOCAL_X], sum, false);
#else
        sum = __builtin_amdgcn_sdot4(a[i * 64 + LOCAL_X], b[i * 64 + LOCAL_X], sum, false);
#endif
    }
    to[LOCAL_X] = sum;
}
