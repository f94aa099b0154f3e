/* What this processor can do at most, with T threads for S seconds each: limits T S
 * Prints lines "name value": reading memory in GB/s, then multiplications and additions in GOP/s. */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { CHAINS = 16, INNER = 100000 };
static const size_t BYTES = (size_t)512 << 20;
static double seconds;
static int kind;
static pthread_barrier_t barrier;
static double results[256];
static char *memory[256];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double reading(const char *from) {
    double begin = now(), end;
    double bytes = 0;
    __m512i sum = _mm512_setzero_si512();
    do {
        for (size_t i = 0; i < BYTES; i += 256) {
            __m512i a = _mm512_loadu_si512(from + i), b = _mm512_loadu_si512(from + i + 64);
            __m512i c = _mm512_loadu_si512(from + i + 128), d = _mm512_loadu_si512(from + i + 192);
            sum = _mm512_xor_si512(sum, _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d)));
        }
        bytes += BYTES;
        end = now();
    } while (end - begin < seconds);
    volatile int64_t keep = _mm512_reduce_add_epi64(sum);
    (void)keep;
    return bytes / (end - begin) / 1e9;
}

#define ONE(CODE, C) __asm__ volatile(CODE " %1, %2, %0" : "+v"(C) : "v"(a), "v"(b));
#define FOUR(CODE, A, B, C, D) ONE(CODE, A) ONE(CODE, B) ONE(CODE, C) ONE(CODE, D)

/* Sixteen chains of one instruction; CODE takes two factors and the sum. */
#define PEAK(NAME, CODE, LANES)                                             \
    static double NAME(void) {                                              \
        __m512i a = _mm512_set1_epi32(0x3f003f00), b = a;                   \
        __m512i c0 = _mm512_setzero_si512(), c1 = c0, c2 = c0, c3 = c0;     \
        __m512i c4 = c0, c5 = c0, c6 = c0, c7 = c0, c8 = c0, c9 = c0;       \
        __m512i c10 = c0, c11 = c0, c12 = c0, c13 = c0, c14 = c0, c15 = c0; \
        double begin = now(), end, count = 0;                               \
        do {                                                                \
            for (int k = 0; k < INNER; k++) {                               \
                FOUR(CODE, c0, c1, c2, c3)                                  \
                FOUR(CODE, c4, c5, c6, c7)                                  \
                FOUR(CODE, c8, c9, c10, c11)                                \
                FOUR(CODE, c12, c13, c14, c15)                              \
            }                                                               \
            count += (double)INNER * CHAINS * LANES * 2;                    \
            end = now();                                                    \
        } while (end - begin < seconds);                                    \
        return count / (end - begin) / 1e9;                                 \
    }

PEAK(peak_f32, "vfmadd231ps", 16)
PEAK(peak_bf16, "vdpbf16ps", 32)
PEAK(peak_int8, "vpdpbusd", 64)

static void *work(void *argument) {
    long id = (long)argument;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(id, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    if (kind == 0) {
        memory[id] = mmap(0, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(memory[id], BYTES, MADV_HUGEPAGE);
        memset(memory[id], 1, BYTES);
    }
    pthread_barrier_wait(&barrier);
    switch (kind) {
    case 0: results[id] = reading(memory[id]); munmap(memory[id], BYTES); break;
    case 1: results[id] = peak_f32(); break;
    case 2: results[id] = peak_bf16(); break;
    default: results[id] = peak_int8(); break;
    }
    return 0;
}

int main(int count, char **arguments) {
    static const char *const names[] = {"bandwidth", "f32", "bf16", "int8"};
    long threads = count > 1 ? atol(arguments[1]) : 1;
    seconds = count > 2 ? atof(arguments[2]) : 1.0;
    if (threads < 1 || threads > 256) return 2;
    for (kind = 0; kind < 4; kind++) {
        pthread_t made[256];
        pthread_barrier_init(&barrier, 0, threads);
        for (long i = 0; i < threads; i++) pthread_create(&made[i], 0, work, (void *)i);
        double sum = 0;
        for (long i = 0; i < threads; i++) {
            pthread_join(made[i], 0);
            sum += results[i];
        }
        printf("%s %.2f\n", names[kind], sum);
    }
    return 0;
}
