// Moves between lanes, dot products, matrices.
#include "kernel.h"

KERNEL void shuffles(const G u32 *a, G u32 *out) {
    u32 i = item(), x = a[i], l = lane() & 31;
    G u32 *o = out + 12 * i;
    o[0] = __builtin_amdgcn_ds_bpermute((l ^ 5) * 4, x);
    o[1] = __builtin_amdgcn_ds_permute((l * 3 % 32) * 4, x);
    o[2] = __builtin_amdgcn_ds_swizzle(x, 0x041f);
    o[3] = __builtin_amdgcn_readlane(x, 7);
    o[4] = __builtin_amdgcn_readfirstlane(x);
    o[5] = __builtin_amdgcn_update_dpp(1000, x, 0x111, 15, 15, 0);
    o[6] = __builtin_amdgcn_update_dpp(1000, x, 0x102, 15, 15, 1);
    o[7] = __builtin_amdgcn_mov_dpp8(x, 0x05397f);
    o[8] = __builtin_amdgcn_permlane16(7, x, 0x76543210, 0xfedcba98, 0, 0);
    o[9] = __builtin_amdgcn_permlanex16(7, x, 0x01234567, 0x89abcdef, 0, 0);
    o[10] = __builtin_amdgcn_ballot_w32(x & 1);
    o[11] = __builtin_amdgcn_mbcnt_lo(__builtin_amdgcn_ballot_w32(x & 2), 0);
}

typedef f16 half2 __attribute__((ext_vector_type(2)));
KERNEL void dots(const G half2 *a, const G half2 *b, const G float *c, G float *out) {
    u32 i = item();
    out[i] = __builtin_amdgcn_fdot2(a[i], b[i], c[i], 0);
}

KERNEL void byte_dots(const G u32 *a, const G u32 *b, const G i32 *c, G i32 *out) {
    u32 i = item();
#ifdef GFX10
    out[i] = __builtin_amdgcn_sdot4((i32)a[i], (i32)b[i], c[i], 0);
#else
    out[i] = __builtin_amdgcn_sudot4(1, (i32)a[i], 1, (i32)b[i], c[i], 0);
#endif
}

#ifndef GFX10
typedef float float8 __attribute__((ext_vector_type(8)));
typedef i32 int8 __attribute__((ext_vector_type(8)));
#ifdef GFX11
#define HELD 16
#define FIRST(l) 0
#define ROW(r, l) (2 * (r) + (l) / 16)
#define MATRIX(t) __builtin_amdgcn_wmma_f32_16x16x16_##t##_w32
typedef i32 int4 __attribute__((ext_vector_type(4)));
#else
#define HELD 8
#define FIRST(l) (8 * ((l) / 16))
#define ROW(r, l) ((r) + 8 * ((l) / 16))
#define MATRIX(t) __builtin_amdgcn_wmma_f32_16x16x16_##t##_w32_gfx12
typedef i32 int4 __attribute__((ext_vector_type(2)));
#endif
typedef f16 halves __attribute__((ext_vector_type(HELD)));
typedef i16 shorts __attribute__((ext_vector_type(HELD)));
typedef __bf16 bfloats __attribute__((ext_vector_type(HELD)));

KERNEL void matrix_f16(const G f16 *a, const G f16 *b, const G float *c, G float *d) {
    u32 l = lane();
    halves x, y;
    float8 z;
    for (int k = 0; k < HELD; k++) {
        x[k] = a[16 * (l % 16) + FIRST(l) + k];
        y[k] = b[16 * (FIRST(l) + k) + l % 16];
    }
    for (int r = 0; r < 8; r++)
        z[r] = c[16 * ROW(r, l) + l % 16];
    z = MATRIX(f16)(x, y, z);
    for (int r = 0; r < 8; r++)
        d[16 * ROW(r, l) + l % 16] = z[r];
}

KERNEL void matrix_bf16(const G i16 *a, const G i16 *b, const G float *c, G float *d) {
    u32 l = lane();
    shorts x, y;
    float8 z;
    for (int k = 0; k < HELD; k++) {
        x[k] = a[16 * (l % 16) + FIRST(l) + k];
        y[k] = b[16 * (FIRST(l) + k) + l % 16];
    }
    for (int r = 0; r < 8; r++)
        z[r] = c[16 * ROW(r, l) + l % 16];
    z = MATRIX(bf16)(x, y, z);
    for (int r = 0; r < 8; r++)
        d[16 * ROW(r, l) + l % 16] = z[r];
}

KERNEL void matrix_i8(const G i8 *a, const G i8 *b, const G i32 *c, G i32 *d) {
    u32 l = lane();
    union {
        i8 bytes[HELD];
        int4 words;
    } x, y;
    int8 z;
    for (int k = 0; k < HELD; k++) {
        x.bytes[k] = a[16 * (l % 16) + FIRST(l) + k];
        y.bytes[k] = b[16 * (FIRST(l) + k) + l % 16];
    }
    for (int r = 0; r < 8; r++)
        z[r] = c[16 * ROW(r, l) + l % 16];
#ifdef GFX11
    z = __builtin_amdgcn_wmma_i32_16x16x16_iu8_w32(1, x.words, 1, y.words, z, 0);
#else
    z = __builtin_amdgcn_wmma_i32_16x16x16_iu8_w32_gfx12(1, x.words, 1, y.words, z, 0);
#endif
    for (int r = 0; r < 8; r++)
        d[16 * ROW(r, l) + l % 16] = z[r];
}
#endif
