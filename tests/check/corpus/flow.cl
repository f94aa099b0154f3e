#include "kernel.h"

KERNEL(64) branches(__global uint *to, __global const uint *from) {
    uint v = from[LOCAL_X], r;
    if (v > 100) {
        if (v & 1) r = v * 3;
        else r = v / 5;
    } else if (v > 50) r = from[v] + 7;
    else {
        r = v;
        while (r < 1000) r = r * 2 + 1;
    }
    to[LOCAL_X] = r;
}

KERNEL(64) collatz(__global uint *to, __global const ulong *from) {
    ulong v = from[LOCAL_X];
    uint steps = 0;
    while (v != 1) {
        v = v & 1 ? 3 * v + 1 : v >> 1;
        if (++steps == 100000) break;
    }
    to[LOCAL_X] = steps;
}

KERNEL(64) nested_loops(__global uint *to, __global const uint *from, uint n) {
    uint sum = 0, limit = from[LOCAL_X];
    for (uint i = 0; i < limit; i++) {
        if (i % 7 == 3) continue;
        for (uint j = i; j < n; j++) {
            uint v = from[j];
            if (v == i) break;
            if (v == 0) { to[LOCAL_X] = sum; return; }
            sum += v ^ i;
        }
    }
    to[LOCAL_X] = sum;
}

KERNEL(64) choices(__global uint *to, __global const uint *from, uint mode) {
    uint v = from[LOCAL_X];
    switch (v % 9) {
        case 0: v += 3; break;
        case 1: v *= v; break;
        case 2: v = from[v & 63];  // falls through
        case 3: v ^= mode; break;
        case 5: v = v << (mode & 31); break;
        case 7: v = ~v; break;
        default: v -= mode;
    }
    switch (mode) {
        case 1: v += from[1]; break;
        case 2: v += from[20]; break;
        case 3: v += from[300]; break;
        case 4: v += from[4000]; break;
    }
    to[LOCAL_X] = v;
}

KERNEL(64) uniform_flow(__global float *to, __global const float *from, uint n, uint mode) {
    float sum = 0;
    if (mode == 1) {
        for (uint i = 0; i < n; i++) sum += from[i * 64 + LOCAL_X];
    } else if (mode == 2) {
        for (uint i = 0; i < n; i += 2) sum -= from[i * 64 + LOCAL_X];
    } else {
        sum = from[LOCAL_X];
    }
    to[LOCAL_X] = sum;
}

KERNEL(64) short_circuit(__global uint *to, __global const uint *a, __global const uint *b, uint n) {
    uint i = LOCAL_X;
    uint hits = 0;
    for (uint k = 0; k < n; k++)
        if ((a[k] == i && b[k] != i) || (a[i] > k && b[i] < k)) hits++;
    to[i] = hits;
}

KERNEL(64) early_return(__global float *to, __global const float *from, uint n) {
    if (LOCAL_X >= n) return;
    float v = from[LOCAL_X];
    if (v < 0) return;
    to[LOCAL_X] = __builtin_sqrtf(v);
}

KERNEL(256) guarded_barriers(__global float *to, __global const float *from, uint rounds) {
    __local float row[256];
    row[LOCAL_X] = from[LOCAL_X];
    if (GROUP_X & 1) sync_group();
    if (rounds > 3) {
        sync_group();
        row[LOCAL_X ^ 1] *= 2;
    }
    sync_group();
    if (row[LOCAL_X ^ 5] > 1) to[LOCAL_X] = row[LOCAL_X];
}

KERNEL(256) barrier_after_divergence(__global float *to, __global const float *from) {
    __local float row[256];
    float v = from[LOCAL_X];
    while (v > 1) v = v * 0.5f - from[(uint)v];
    row[LOCAL_X] = v;
    sync_group();
    if (v < row[LOCAL_X ^ 1]) v = from[LOCAL_X + 4];
    sync_group();
    row[LOCAL_X] += v;
    sync_group();
    to[LOCAL_X] = row[255 - LOCAL_X];
}

KERNEL(64) binary_search(__global uint *to, __global const uint *keys, __global const uint *from,
                         uint n) {
    uint want = from[GROUP_X * 64 + LOCAL_X], low = 0, high = n;
    while (low < high) {
        uint middle = (low + high) >> 1;
        if (keys[middle] < want) low = middle + 1;
        else high = middle;
    }
    to[GROUP_X * 64 + LOCAL_X] = low;
}
