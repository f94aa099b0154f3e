// Integer arithmetic of all widths, one work item an element.
#include "kernel.h"

KERNEL void divide32(const G u32 *a, const G u32 *b, G u32 *q, G u32 *r, G i32 *sq, G i32 *sr) {
    u32 i = item();
    q[i] = a[i] / b[i];
    r[i] = a[i] % b[i];
    sq[i] = (i32)a[i] / (i32)b[i];
    sr[i] = (i32)a[i] % (i32)b[i];
}

KERNEL void divide64(const G u64 *a, const G u64 *b, G u64 *q, G u64 *r, G i64 *sq, G i64 *sr) {
    u32 i = item();
    q[i] = a[i] / b[i];
    r[i] = a[i] % b[i];
    sq[i] = (i64)a[i] / (i64)b[i];
    sr[i] = (i64)a[i] % (i64)b[i];
}

KERNEL void multiply64(const G u64 *a, const G u64 *b, G u64 *low, G u64 *high, G i64 *shigh) {
    u32 i = item();
    low[i] = a[i] * b[i];
    high[i] = (u64)(((unsigned __int128)a[i] * b[i]) >> 64);
    shigh[i] = (i64)(((__int128)(i64)a[i] * (i64)b[i]) >> 64);
}

KERNEL void shift64(const G u64 *a, const G u64 *b, G u64 *l, G u64 *r, G i64 *s, G u64 *rot) {
    u32 i = item();
    u32 n = b[i] & 63;
    l[i] = a[i] << n;
    r[i] = a[i] >> n;
    s[i] = (i64)a[i] >> n;
    rot[i] = __builtin_rotateleft64(a[i], n);
}

KERNEL void bits(const G u64 *a, G u32 *out) {
    u32 i = item();
    u64 x = a[i];
    u32 y = (u32)x;
    G u32 *o = out + 12 * i;
    o[0] = __builtin_popcountll(x);
    o[1] = x ? __builtin_clzll(x) : 64;
    o[2] = x ? __builtin_ctzll(x) : 64;
    o[3] = __builtin_bitreverse32(y);
    o[4] = __builtin_bswap32(y);
    o[5] = y ? __builtin_clz(y) : 32;
    o[6] = y ? __builtin_ctz(y) : 32;
    o[7] = __builtin_rotateleft32(y, 7);
    o[8] = (y >> 5) & 0x3ff;
    o[9] = (u32)((i32)(y << 9) >> 13);
    o[10] = __builtin_amdgcn_perm(y, (u32)(x >> 32), 0x0c060d01);
    o[11] = __builtin_amdgcn_sad_u8(y, (u32)(x >> 32), 5);
}

KERNEL void small(const G i8 *a, const G i16 *b, const G u8 *c, const G u16 *d, G i16 *x, G u8 *y,
                  G u16 *z) {
    u32 i = item();
    x[i] = (i16)(a[i] * b[i] + c[i]);
    y[i] = (u8)(c[i] / (u8)(d[i] | 1));
    z[i] = (u16)((d[i] << 3) ^ (u16)b[i]) > 1000 ? (u16)(d[i] >> 2) : (u16)b[i];
}

KERNEL void saturate(const G u32 *a, const G u32 *b, G u32 *out) {
    u32 i = item();
    G u32 *o = out + 6 * i;
    i32 s = (i32)a[i], t = (i32)b[i];
    o[0] = __builtin_elementwise_add_sat(a[i], b[i]);
    o[1] = __builtin_elementwise_sub_sat(a[i], b[i]);
    o[2] = (u32)__builtin_elementwise_add_sat(s, t);
    o[3] = (u32)__builtin_elementwise_sub_sat(s, t);
    o[4] = (u32)__builtin_elementwise_max(__builtin_elementwise_min(s, t), (i32)0x1234);
    o[5] = __builtin_elementwise_abs(s);
}

KERNEL void compare64(const G u64 *a, const G u64 *b, G u32 *out) {
    u32 i = item();
    i64 s = (i64)a[i], t = (i64)b[i];
    out[i] = (a[i] < b[i]) | (a[i] <= b[i]) << 1 | (a[i] == b[i]) << 2 | (s < t) << 3 |
             (s >= t) << 4 | (s != t) << 5;
}
