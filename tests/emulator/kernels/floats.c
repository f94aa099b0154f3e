// Float arithmetic of f16, f32 and f64, conversions, and functions of the hardware.
#include "kernel.h"

KERNEL void divide(const G float *a, const G float *b, G float *q, G float *s, const G double *c,
                   const G double *d, G double *qd, G double *sd) {
    u32 i = item();
    q[i] = a[i] / b[i];
    s[i] = __builtin_sqrtf(a[i]);
    qd[i] = c[i] / d[i];
    sd[i] = __builtin_sqrt(c[i]);
}

KERNEL void arithmetic(const G float *a, const G float *b, const G float *c, G float *out) {
    u32 i = item();
    G float *o = out + 10 * i;
    o[0] = a[i] + b[i];
    o[1] = a[i] - b[i];
    o[2] = a[i] * b[i];
    o[3] = __builtin_fmaf(a[i], b[i], c[i]);
    o[4] = __builtin_fminf(a[i], b[i]);
    o[5] = __builtin_fmaxf(a[i], b[i]);
    o[6] = __builtin_floorf(a[i]) + __builtin_ceilf(b[i]);
    o[7] = __builtin_truncf(a[i]) - __builtin_rintf(b[i]);
    o[8] = __builtin_fabsf(a[i]) * -b[i];
    o[9] = __builtin_copysignf(a[i], b[i]);
}

KERNEL void doubles(const G double *a, const G double *b, const G double *c, G double *out) {
    u32 i = item();
    G double *o = out + 9 * i;
    o[0] = a[i] + b[i];
    o[1] = a[i] - b[i];
    o[2] = a[i] * b[i];
    o[3] = __builtin_fma(a[i], b[i], c[i]);
    o[4] = __builtin_fmin(a[i], b[i]);
    o[5] = __builtin_fmax(a[i], b[i]);
    o[6] = __builtin_floor(a[i]) + __builtin_ceil(b[i]);
    o[7] = __builtin_trunc(a[i]) - __builtin_rint(b[i]);
    o[8] = __builtin_ldexp(a[i], (int)(i & 31) - 16);
}

KERNEL void halves(const G f16 *a, const G f16 *b, const G f16 *c, G f16 *out) {
    u32 i = item();
    G f16 *o = out + 8 * i;
    o[0] = a[i] + b[i];
    o[1] = a[i] - b[i];
    o[2] = a[i] * b[i];
    o[3] = __builtin_fmaf16(a[i], b[i], c[i]);
    o[4] = __builtin_fmaxf16(a[i], b[i]);
    o[5] = a[i] / b[i];
    o[6] = __builtin_floorf16(a[i]);
    o[7] = a[i] < b[i] ? c[i] : -c[i];
}

typedef f16 half2 __attribute__((ext_vector_type(2)));
KERNEL void packed(const G half2 *a, const G half2 *b, const G half2 *c, G half2 *out) {
    u32 i = item();
    G half2 *o = out + 4 * i;
    o[0] = a[i] + b[i];
    o[1] = a[i] * -b[i].yx;
    o[2] = __builtin_elementwise_fma(a[i], b[i], c[i]);
    o[3] = __builtin_elementwise_max(a[i], b[i].xx);
}

KERNEL void convert(const G float *f, const G double *d, const G i32 *n, const G u64 *m, G i32 *si,
                    G u32 *ui, G float *out, G double *dout, G f16 *h, G i64 *sl) {
    u32 i = item();
    si[2 * i] = (i32)f[i];
    si[2 * i + 1] = (i32)d[i];
    ui[2 * i] = (u32)f[i];
    ui[2 * i + 1] = (u32)d[i];
    out[4 * i] = (float)n[i];
    out[4 * i + 1] = (float)(u32)n[i];
    out[4 * i + 2] = (float)d[i];
    out[4 * i + 3] = (float)m[i];
    dout[3 * i] = (double)f[i];
    dout[3 * i + 1] = (double)n[i];
    dout[3 * i + 2] = (double)m[i];
    h[i] = (f16)f[i];
    sl[i] = (i64)d[i];
}

KERNEL void hardware(const G float *x, G float *out) {
    u32 i = item();
    G float *o = out + 8 * i;
    float v = x[i];
    o[0] = __builtin_amdgcn_exp2f(v);
    o[1] = __builtin_amdgcn_logf(v);
    o[2] = __builtin_amdgcn_rcpf(v);
    o[3] = __builtin_amdgcn_rsqf(v);
    o[4] = __builtin_amdgcn_sqrtf(v);
    o[5] = __builtin_amdgcn_sinf(v);
    o[6] = __builtin_amdgcn_cosf(v);
    o[7] = __builtin_amdgcn_fractf(v);
}
