// The same kernels as twins.mlr, for clang: 64-bit indices, pointers that may overlap, no library.
typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef float float4 __attribute__((ext_vector_type(4)));
typedef float float8 __attribute__((ext_vector_type(8)));
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef half half8 __attribute__((ext_vector_type(8)));
typedef half half16 __attribute__((ext_vector_type(16)));

#define KERNEL(size) __attribute__((amdgpu_flat_work_group_size(size, size))) __kernel void
#define LOCAL_X ((ulong)__builtin_amdgcn_workitem_id_x())
#define LOCAL_Y ((ulong)__builtin_amdgcn_workitem_id_y())
#define GROUP_X ((ulong)__builtin_amdgcn_workgroup_id_x())
#define GROUP_Y ((ulong)__builtin_amdgcn_workgroup_id_y())
#define LOWEST -340282346638528859811704183484516925440.0f
#define FLOATS __global float *
#define CONSTANTS __global const float *

static void sync_group(void) {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}

static uint lane_id(void) { return __builtin_amdgcn_mbcnt_lo(~0u, 0); }

// What a careful author writes: lane exchange inside the vector unit, not through LDS.
#define XOR(value, distance) __builtin_bit_cast(float, __builtin_amdgcn_update_dpp( \
    0, __builtin_bit_cast(int, value), 0x160 | (distance), 15, 15, true))

static float other_half(float value) {
    uint bits = __builtin_bit_cast(uint, value);
    return __builtin_bit_cast(float, __builtin_amdgcn_permlanex16(bits, bits, 0x76543210,
                                                                  0xfedcba98, false, false));
}

static uint shuffle(uint value, uint lane) {
    return __builtin_amdgcn_ds_bpermute((int)(lane * 4), (int)value);
}

static float xor_sum(float sum) {
    sum += other_half(sum);
    sum += XOR(sum, 8);
    sum += XOR(sum, 4);
    sum += XOR(sum, 2);
    sum += XOR(sum, 1);
    return sum;
}

static float xor_max(float most) {
    most = __builtin_fmaxf(most, other_half(most));
    most = __builtin_fmaxf(most, XOR(most, 8));
    most = __builtin_fmaxf(most, XOR(most, 4));
    most = __builtin_fmaxf(most, XOR(most, 2));
    most = __builtin_fmaxf(most, XOR(most, 1));
    return most;
}

static float group_of_256_sum(__local float *shared, float value) {
    float sum = xor_sum(value);
    sync_group();
    if (lane_id() == 0) shared[LOCAL_X / 32] = sum;
    sync_group();
    float total = 0;
    for (uint wave = 0; wave < 8; wave++) total += shared[wave];
    return total;
}

static float group_of_256_max(__local float *shared, float value) {
    float most = xor_max(value);
    sync_group();
    if (lane_id() == 0) shared[LOCAL_X / 32] = most;
    sync_group();
    float total = shared[0];
    for (uint wave = 1; wave < 8; wave++) total = __builtin_fmaxf(total, shared[wave]);
    return total;
}

KERNEL(256) saxpy(CONSTANTS x, FLOATS y, ulong n, float a) {
    ulong i = GROUP_X * 256 + LOCAL_X;
    if (i < n) y[i] = y[i] + a * x[i];
}

KERNEL(256) relu(FLOATS buf, ulong n) {
    ulong i = GROUP_X * 256 + LOCAL_X;
    if (i < n && buf[i] < 0) buf[i] = 0;
}

KERNEL(256) silu_mul(CONSTANTS gate, CONSTANTS up, FLOATS out, ulong n) {
    ulong i = GROUP_X * 256 + LOCAL_X;
    if (i < n) {
        float g = gate[i], u = up[i];
        out[i] = g * __builtin_amdgcn_rcpf(1 + __builtin_amdgcn_exp2f(g * -1.442695f)) * u;
    }
}

KERNEL(256) rmsnorm_row(CONSTANTS x, FLOATS out, CONSTANTS gamma, ulong n) {
    __local float shared[8];
    ulong base = GROUP_X * n;
    float squares = 0;
    for (ulong i = LOCAL_X; i < n; i += 256) squares += x[base + i] * x[base + i];
    float mean = group_of_256_sum(shared, squares) * __builtin_amdgcn_rcpf((float)n);
    float factor = __builtin_amdgcn_rsqf(mean + 0.00001f);
    for (ulong i = LOCAL_X; i < n; i += 256) out[base + i] = x[base + i] * factor * gamma[i];
}

KERNEL(256) softmax_row(CONSTANTS x, FLOATS out, ulong n) {
    __local float shared[8];
    ulong base = GROUP_X * n;
    float most = LOWEST, sum = 0;
    for (ulong i = LOCAL_X; i < n; i += 256) most = __builtin_fmaxf(most, x[base + i]);
    most = group_of_256_max(shared, most);
    for (ulong i = LOCAL_X; i < n; i += 256)
        sum += __builtin_amdgcn_exp2f((x[base + i] - most) * 1.442695f);
    float factor = __builtin_amdgcn_rcpf(group_of_256_sum(shared, sum));
    for (ulong i = LOCAL_X; i < n; i += 256)
        out[base + i] = __builtin_amdgcn_exp2f((x[base + i] - most) * 1.442695f) * factor;
}

KERNEL(256) layernorm_row(CONSTANTS x, FLOATS out, ulong n) {
    __local float shared[8];
    ulong base = GROUP_X * n;
    float scale = __builtin_amdgcn_rcpf((float)n), sum = 0, squares = 0;
    for (ulong i = LOCAL_X; i < n; i += 256) sum += x[base + i];
    float mean = group_of_256_sum(shared, sum) * scale;
    for (ulong i = LOCAL_X; i < n; i += 256)
        squares += (x[base + i] - mean) * (x[base + i] - mean);
    float factor = __builtin_amdgcn_rsqf(group_of_256_sum(shared, squares) * scale + 0.00001f);
    for (ulong i = LOCAL_X; i < n; i += 256) out[base + i] = (x[base + i] - mean) * factor;
}

KERNEL(64) rope(CONSTANTS x, FLOATS out, CONSTANTS cosines, CONSTANTS sines, ulong m) {
    ulong row = GROUP_X, i = LOCAL_X;
    if (row < m) {
        ulong low = row * 128 + i, high = low + 64, entry = row * 64 + i;
        float a = x[low], b = x[high], c = cosines[entry], s = sines[entry];
        out[low] = a * c - b * s;
        out[high] = b * c + a * s;
    }
}

KERNEL(32) gemv_f32(CONSTANTS a, CONSTANTS b, FLOATS c, ulong m, ulong k) {
    ulong row = GROUP_X, lane = LOCAL_X;
    float sum = 0;
    for (ulong i = lane; i < k; i += 32) sum += a[row * k + i] * b[i];
    sum = xor_sum(sum);
    if (lane == 0) c[row] = sum;
}

KERNEL(32) gemv_bf16(__global const ushort *a, CONSTANTS b, FLOATS c, ulong m, ulong k) {
    ulong row = GROUP_X, lane = LOCAL_X;
    float sum = 0;
    for (ulong i = lane; i < k; i += 32)
        sum += __builtin_bit_cast(float, (uint)a[row * k + i] << 16) * b[i];
    sum = xor_sum(sum);
    if (lane == 0) c[row] = sum;
}

KERNEL(32) gemv_q4_0(__global const uchar *a, CONSTANTS b, FLOATS c, ulong m, ulong k) {
    ulong row = GROUP_X, lane = LOCAL_X, blocks = k / 32;
    float sum = 0;
    for (ulong at = lane; at < blocks; at += 32) {
        __global const uchar *block = a + (row * blocks + at) * 18;
        CONSTANTS part = b + at * 32;
        float inner = 0;
        for (uint j = 0; j < 16; j++) {
            inner += ((float)(block[2 + j] & 15) - 8.0f) * part[j];
            inner += ((float)(block[2 + j] >> 4) - 8.0f) * part[j + 16];
        }
        sum += (float)*(__global const half *)block * inner;
    }
    sum = xor_sum(sum);
    if (lane == 0) c[row] = sum;
}

KERNEL(256) gemm_naive(CONSTANTS a, CONSTANTS b, FLOATS c, ulong m, ulong n, ulong k) {
    ulong column = GROUP_X * 16 + LOCAL_X, row = GROUP_Y * 16 + LOCAL_Y;
    if (row < m && column < n) {
        float sum = 0;
        for (ulong i = 0; i < k; i++) sum += a[row * k + i] * b[i * n + column];
        c[row * n + column] = sum;
    }
}

KERNEL(256) gemm_tiled(CONSTANTS a, CONSTANTS b, FLOATS c, ulong m, ulong n, ulong k) {
    __local float left[256], right[256];
    ulong x = LOCAL_X, y = LOCAL_Y, column = GROUP_X * 16 + x, row = GROUP_Y * 16 + y;
    float sum = 0;
    for (ulong at = 0; at < k; at += 16) {
        float u = 0, v = 0;
        if (row < m && at + x < k) u = a[row * k + at + x];
        if (column < n && at + y < k) v = b[(at + y) * n + column];
        left[y * 16 + x] = u;
        right[y * 16 + x] = v;
        sync_group();
        for (uint i = 0; i < 16; i++) sum += left[y * 16 + i] * right[i * 16 + x];
        sync_group();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}

KERNEL(256) transpose(CONSTANTS from, FLOATS to, ulong rows, ulong columns) {
    __local float tile[272];
    ulong x = LOCAL_X, y = LOCAL_Y, column = GROUP_X * 16 + x, row = GROUP_Y * 16 + y;
    if (row < rows && column < columns) tile[y * 17 + x] = from[row * columns + column];
    sync_group();
    ulong down = GROUP_X * 16 + y, across = GROUP_Y * 16 + x;
    if (down < columns && across < rows) to[down * rows + across] = tile[x * 17 + y];
}

KERNEL(32) attention_decode(CONSTANTS q, CONSTANTS keys, CONSTANTS values, FLOATS out,
                            ulong length, ulong ratio, float scale) {
    __constant uint *hidden = (__constant uint *)__builtin_amdgcn_implicitarg_ptr();
    ulong head = GROUP_X, heads = hidden[0] / ratio, group = head / ratio, lane = LOCAL_X;
    float4 query = *(__global const float4 *)(q + head * 128 + lane * 4), sums = 0;
    float most = LOWEST, sum = 0;
    for (ulong t = 0; t < length; t++) {
        ulong row = (t * heads + group) * 128 + lane * 4;
        float4 k = *(__global const float4 *)(keys + row);
        float score = xor_sum(query.x * k.x + query.y * k.y + query.z * k.z + query.w * k.w) * scale;
        float more = __builtin_fmaxf(most, score);
        float kept = __builtin_amdgcn_exp2f((most - more) * 1.442695f);
        float weight = __builtin_amdgcn_exp2f((score - more) * 1.442695f);
        k = *(__global const float4 *)(values + row);
        sums = sums * kept + weight * k;
        sum = sum * kept + weight;
        most = more;
    }
    *(__global float4 *)(out + head * 128 + lane * 4) = sums * __builtin_amdgcn_rcpf(sum);
}

KERNEL(32) argmax(CONSTANTS logits, __global uint *out, ulong n) {
    ulong lane = LOCAL_X, best = 0;
    float most = LOWEST;
    for (ulong i = lane; i < n; i += 32) {
        if (logits[i] > most) {
            most = logits[i];
            best = i;
        }
    }
    for (uint d = 16; d; d /= 2) {
        uint bits = shuffle(__builtin_bit_cast(uint, most), (uint)lane ^ d);
        float other = __builtin_bit_cast(float, bits);
        ulong place = shuffle((uint)best, (uint)lane ^ d);
        if (other > most) {
            most = other;
            best = place;
        } else if (other == most && place < best) {
            best = place;
        }
    }
    if (lane == 0) *out = (uint)best;
}

KERNEL(256) histogram(__global const uchar *from, __global uint *to, ulong n) {
    __local uint bins[256];
    ulong lane = LOCAL_X;
    bins[lane] = 0;
    sync_group();
    for (ulong i = lane; i < n; i += 256) __atomic_fetch_add(&bins[from[i]], 1, __ATOMIC_RELAXED);
    sync_group();
    __opencl_atomic_fetch_add((__global atomic_uint *)to + lane, bins[lane], __ATOMIC_RELAXED,
                              __OPENCL_MEMORY_SCOPE_DEVICE);
}

KERNEL(256) lif_step(__global double *v, __global ulong *refractory, __global const double *drive,
                     __global ulong *spikes, ulong n, double dt, double rest, double threshold,
                     double tau) {
#pragma STDC FP_CONTRACT OFF
    ulong i = GROUP_X * 256 + LOCAL_X;
    if (i < n) {
        ulong left = refractory[i];
        if (left > 0) {
            refractory[i] = left - 1;
            v[i] = rest;
        } else {
            double next = v[i] + dt * (rest - v[i] + drive[i]) / tau;
            if (next >= threshold) {
                v[i] = rest;
                refractory[i] = 20;
                spikes[i] = spikes[i] + 1;
            } else v[i] = next;
        }
    }
}

KERNEL(256) csr_scatter(__global const ulong *rows, __global const ulong *targets,
                        __global const double *weights, __global double *sums, ulong n,
                        double release) {
    ulong i = GROUP_X * 256 + LOCAL_X;
    if (i < n) {
        ulong edge = rows[i], end = rows[i + 1];
        for (; edge < end; edge++) {
            __global ulong *cell = (__global ulong *)(sums + targets[edge]);
            double add = weights[edge] * release;
            ulong old = *cell, want;
            do {
                want = __builtin_bit_cast(ulong, __builtin_bit_cast(double, old) + add);
            } while (!__opencl_atomic_compare_exchange_strong((__global atomic_ulong *)cell, &old,
                         want, __ATOMIC_RELAXED, __ATOMIC_RELAXED, __OPENCL_MEMORY_SCOPE_DEVICE));
        }
    }
}

KERNEL(256) adamw(FLOATS p, CONSTANTS g, FLOATS m, FLOATS v, ulong n, float rate, float b1,
                  float b2, float decay, float eps) {
    ulong i = GROUP_X * 256 + LOCAL_X;
    if (i < n) {
        float gradient = g[i], first = m[i], second = v[i], weight = p[i];
        first = first * b1 + gradient * (1 - b1);
        second = second * b2 + gradient * gradient * (1 - b2);
        m[i] = first;
        v[i] = second;
        p[i] = weight * decay - rate * first / (__builtin_amdgcn_sqrtf(second) + eps);
    }
}

KERNEL(256) divide_u64(__global const ulong *a, __global const ulong *b, __global ulong *out, ulong n) {
    ulong i = GROUP_X * 256 + LOCAL_X;
    if (i < n) out[i] = a[i] / b[i];
}

#if defined(GFX11) || defined(GFX12)
KERNEL(32) gemm_matrix(__global const half *a, __global const half *b, FLOATS c, ulong n, ulong k) {
    ulong row = GROUP_Y * 16, column = GROUP_X * 16, lane = LOCAL_X % 16, side = LOCAL_X / 16;
    float8 sum = 0;
    for (ulong at = 0; at < k; at += 16) {
#ifdef GFX11
        half16 left, right;
        __builtin_memcpy(&left, a + (row + lane) * k + at, 32);
        __builtin_memcpy(&right, b + (column + lane) * k + at, 32);
        sum = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(left, right, sum);
    }
    for (uint i = 0; i < 8; i++) c[(row + 2 * i + side) * n + column + lane] = sum[i];
#else
        half8 left, right;
        __builtin_memcpy(&left, a + (row + lane) * k + at + side * 8, 16);
        __builtin_memcpy(&right, b + (column + lane) * k + at + side * 8, 16);
        sum = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32_gfx12(left, right, sum);
    }
    for (uint i = 0; i < 8; i++) c[(row + side * 8 + i) * n + column + lane] = sum[i];
#endif
}
#endif
