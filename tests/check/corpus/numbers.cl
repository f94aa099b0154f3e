#include "kernel.h"

KERNEL(64) divide_u32(__global uint *to, __global const uint *a, __global const uint *b) {
    to[LOCAL_X] = a[LOCAL_X] / b[LOCAL_X] + a[LOCAL_X] % b[LOCAL_X];
}

KERNEL(64) divide_i32(__global int *to, __global const int *a, __global const int *b, int by) {
    to[LOCAL_X] = a[LOCAL_X] / b[LOCAL_X] + a[LOCAL_X] % by + a[LOCAL_X] / 7;
}

KERNEL(64) divide_u64(__global ulong *to, __global const ulong *a, __global const ulong *b) {
    to[LOCAL_X] = a[LOCAL_X] / b[LOCAL_X] + a[LOCAL_X] % b[LOCAL_X];
}

KERNEL(64) divide_uniform(__global ulong *to, ulong a, ulong b, uint c, uint d) {
    to[LOCAL_X] = a / b + a % b + c / d + c % d;
}

KERNEL(64) divide_f32(__global float *to, __global const float *a, __global const float *b) {
    to[LOCAL_X] = a[LOCAL_X] / b[LOCAL_X];
}

KERNEL(64) divide_f64(__global double *to, __global const double *a, __global const double *b) {
    to[LOCAL_X] = a[LOCAL_X] / b[LOCAL_X] + __builtin_sqrt(a[LOCAL_X]);
}

KERNEL(64) lif_f64(__global double *v, __global ulong *refractory, __global const double *drive,
                   __global ulong *spikes, uint n, double dt, double rest, double threshold) {
    uint i = GROUP_X * 64 + LOCAL_X;
    if (i >= n) return;
    if (refractory[i] > 0) {
        refractory[i] -= 1;
        v[i] = rest;
    } else {
        double next = v[i] + dt * (rest - v[i] + drive[i]) / 20.0;
        if (next >= threshold) {
            v[i] = rest;
            refractory[i] = 20;
            spikes[i] += 1;
        } else v[i] = next;
    }
}

KERNEL(64) transcendental(__global float *to, __global const float *from) {
    float v = from[LOCAL_X];
    float a = __builtin_amdgcn_exp2f(v), b = __builtin_amdgcn_logf(v + 2);
    float c = __builtin_amdgcn_rcpf(a + b), d = __builtin_amdgcn_rsqf(c);
    float e = __builtin_amdgcn_sinf(d) * __builtin_amdgcn_cosf(d);
    float f = __builtin_amdgcn_sqrtf(e * e) + __builtin_amdgcn_rcpf(v);
    to[LOCAL_X] = a * b + c / d + e + f;
}

KERNEL(256) silu_mul(__global const float *gate, __global const float *up, __global float *to, uint n) {
    uint i = GROUP_X * 256 + LOCAL_X;
    if (i < n) {
        float x = gate[i];
        to[i] = x * __builtin_amdgcn_rcpf(1 + __builtin_amdgcn_exp2f(x * -1.44269504f)) * up[i];
    }
}

KERNEL(64) conversions(__global double *to, __global const float *from, __global const long *ints) {
    uint i = LOCAL_X;
    float v = from[i];
    double d = (double)v + (double)(int)v + (double)(uint)v + (double)ints[i] + (double)(ulong)ints[i];
    to[i] = d + (double)(float)ints[i] + (double)(half)v + (double)(long)(v * 3) + (double)(ulong)(v * 5);
}

KERNEL(64) halves(__global half2 *to, __global const half2 *a, __global const half2 *b) {
    half2 v = a[LOCAL_X] * b[LOCAL_X] + a[LOCAL_X + 1];
    float dot = __builtin_amdgcn_fdot2(v, b[LOCAL_X], 1.0f, false);
    to[LOCAL_X] = v + (half)dot;
}

KERNEL(64) shifts_u64(__global ulong *to, __global const ulong *a, __global const uint *b, ulong m) {
    uint i = LOCAL_X;
    ulong v = a[i];
    to[i] = (v << b[i]) + (v >> (b[i] & 7)) + (ulong)((long)v >> 3) + v * m + (v > m ? v - m : m - v);
}

KERNEL(64) bits(__global uint *to, __global const uint *from) {
    uint v = from[LOCAL_X];
    to[LOCAL_X] = __builtin_popcount(v) + __builtin_clz(v | 1) * __builtin_ctz(v | 16) +
                  ((v >> 5) & 0x7ff) + (v << 7 | v >> 25) + __builtin_bitreverse32(v) +
                  ((v & 0xff00) << 8 | (v >> 16 & 0xff));
}

KERNEL(256) adamw(__global float *p, __global const float *g, __global float *m, __global float *v,
                  uint n, float rate, float b1, float b2, float decay, float eps) {
    uint i = GROUP_X * 256 + LOCAL_X;
    if (i >= n) return;
    float gradient = g[i];
    float first = m[i] * b1 + gradient * (1 - b1), second = v[i] * b2 + gradient * gradient * (1 - b2);
    m[i] = first;
    v[i] = second;
    p[i] = p[i] * decay - rate * first / (__builtin_sqrtf(second) + eps);
}

KERNEL(64) splitmix(__global ulong *to, ulong seed, uint n) {
    ulong z = seed + (GROUP_X * 64 + LOCAL_X) * 0x9E3779B97F4A7C15ul;
    for (uint i = 0; i < n; i++) {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ul;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBul;
        z ^= z >> 31;
    }
    to[GROUP_X * 64 + LOCAL_X] = z;
}

KERNEL(64) big_polynomial(__global float *to, __global const float *from) {
    float x = from[LOCAL_X], y = from[LOCAL_X + 64], sum = 0;
#pragma unroll
    for (uint i = 0; i < 64; i++) {
        x = x * 0.99f + y;
        y = y * x - from[i * 128 + LOCAL_X];
        sum += x * y * (float)i;
        to[i * 64 + LOCAL_X] = sum;
    }
    to[LOCAL_X + 4096] = sum;
}

KERNEL(64) many_registers(__global float *to, __global const float *from) {
    float row[96];
#pragma unroll
    for (uint i = 0; i < 96; i++) row[i] = from[i * 64 + LOCAL_X];
#pragma unroll
    for (uint i = 0; i < 96; i++) to[i * 64 + LOCAL_X] = row[i] * row[95 - i] + row[(i * 7) % 96];
}

KERNEL(64) many_uniform(__global float *to, __constant float *from, uint n) {
    float sum = 0;
    for (uint k = 0; k < n; k++) {
#pragma unroll
        for (uint i = 0; i < 80; i++) sum = sum * from[i] + from[i + k];
    }
    to[LOCAL_X] = sum;
}
