/* What the machine allows: `limits THREADS ELEMENTS`.

   Prints fma_gflops= (f32 multiply-adds in registers, two operations each), copy_gbps= (an array
   copied, read and written bytes), both the best of several rounds, and for each round chain_ns= (the
   element-wise chain of the benchmark, by hand). Needs AVX-512. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define ROUNDS 7
#define CHAIN_ROUNDS 21
#define MULTIPLY_ADDS 20000000
#define CHAINS 16 /* independent sums, enough to hide the latency */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static float *array(size_t elements)
{
    size_t bytes = elements * sizeof(float);
    float *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    madvise(p, bytes, MADV_HUGEPAGE);
#pragma omp parallel for
    for (size_t i = 0; i < elements; i++)
        p[i] = (float)(i % 1000) / 1000.0f - 0.5f;
    return p;
}

static float multiply_add(void)
{
    __m512 sum[CHAINS], a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    for (int k = 0; k < CHAINS; k++)
        sum[k] = _mm512_set1_ps((float)k);
    for (int i = 0; i < MULTIPLY_ADDS / CHAINS; i++) {
#pragma GCC unroll 16
        for (int k = 0; k < CHAINS; k++)
            sum[k] = _mm512_fmadd_ps(sum[k], a, b);
    }
    for (int k = 1; k < CHAINS; k++)
        sum[0] = _mm512_add_ps(sum[0], sum[k]);
    return _mm512_reduce_add_ps(sum[0]);
}

static double fma_gflops(int threads)
{
    int64_t best = INT64_MAX;
    volatile float kept = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = now_ns();
#pragma omp parallel
        kept = multiply_add();
        int64_t spent = now_ns() - start;
        best = spent < best ? spent : best;
    }
    (void)kept;
    return 2.0 * 16 * MULTIPLY_ADDS * threads / best;
}

static double copy_gbps(float *to, const float *from, size_t elements)
{
    int64_t best = INT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = now_ns();
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < elements; i++)
            to[i] = from[i];
        int64_t spent = now_ns() - start;
        best = spent < best ? spent : best;
    }
    return 2.0 * sizeof(float) * elements / best;
}

static void chain(float *to, const float *x, const float *y, const float *z, size_t elements)
{
    for (int round = 0; round < CHAIN_ROUNDS; round++) {
        int64_t start = now_ns();
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < elements; i++) {
            float t = x[i] * y[i] + z[i];
            to[i] = (t > 0 ? t : 0) * (x[i] - z[i]);
        }
        printf("chain_ns=%ld\n", now_ns() - start);
    }
}

int main(int count, char **words)
{
    if (count != 3) {
        fprintf(stderr, "usage: limits THREADS ELEMENTS\n");
        return 2;
    }
    int threads = atoi(words[1]);
    size_t elements = atol(words[2]);
    omp_set_num_threads(threads);
    float *to = array(elements), *x = array(elements), *y = array(elements), *z = array(elements);
    printf("fma_gflops=%.1f\n", fma_gflops(threads));
    printf("copy_gbps=%.1f\n", copy_gbps(to, x, elements));
    chain(to, x, y, z, elements);
}
