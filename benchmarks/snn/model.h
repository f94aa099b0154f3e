/* What the hand-written programs share: the model's constants, its graph, memory and the clock.

   The programs are compiled once for f64 and once, with -DSINGLE, for f32; `real` is the element, and
   vectors have LANES of them. Needs AVX-512. */
#include "machine.h"
#include <immintrin.h>
#include <string.h>

#define SEED 0xDEADBEEF12345678ull
#define DT 0.1
#define V_REST -65.0
#define V_RESET -70.0
#define V_THRESHOLD -50.0
#define TAU_M 10.0
#define TAU_E 10.0
#define TAU_I 5.0
#define TAU_TRACE 20.0
#define RESTING_STEPS 20

#ifdef SINGLE
typedef float real;
typedef __m512 vector;
typedef __mmask16 mask;
#define LANES 16
#define V(operation) _mm512_##operation##_ps
#define AT_LEAST(a, b) _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ)
#else
typedef double real;
typedef __m512d vector;
typedef __mmask8 mask;
#define LANES 8
#define V(operation) _mm512_##operation##_pd
#define AT_LEAST(a, b) _mm512_cmp_pd_mask(a, b, _CMP_GE_OQ)
#endif

static size_t cells, fan_out, exciting;
static double weight_ee, weight_ei, weight_ie;

static inline uint64_t target_of(size_t i, size_t k)
{
    uint64_t z = SEED + (i * fan_out + k) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    uint64_t t = (z ^ (z >> 31)) % cells;
    return t == i ? (t + 1) % cells : t;
}

static inline double weight_of(size_t i, size_t target)
{
    if (i >= exciting)
        return weight_ie;
    return target >= exciting ? weight_ei : weight_ee;
}

static inline void report(size_t spikes, int64_t started, int64_t built)
{
    int64_t ended = now_ns();
    printf("spikes=%zu\nbuild_ns=%ld\nsim_ns=%ld\n", spikes, built - started, ended - built);
}

/* The state of the cells, streamed together by a step: a trace pointer of 0 is none. */
struct state {
    real *v, *drive, *s_exc, *s_inh, *trace_pre, *trace_post;
    uint8_t *resting;
};

static inline void decay_trace(real *trace, size_t i, mask fires)
{
    vector x = V(load)(trace + i);
    x = V(fnmadd)(V(set1)(DT / TAU_TRACE), x, x);
    V(store)(trace + i, V(mask_add)(x, fires, x, V(set1)(1)));
}

/* Decay, integrate and test the cells [first, end) in one pass; the list gets those that fire, and
   needs room for LANES more. */
static __attribute__((noinline)) size_t step_cells(
    const struct state s, size_t first, size_t end, uint32_t *list)
{
    const vector reset = V(set1)(V_RESET);
    size_t count = 0;
    for (size_t i = first; i < end; i += LANES) {
        vector e = V(load)(s.s_exc + i), h = V(load)(s.s_inh + i), v = V(load)(s.v + i);
        e = V(fnmadd)(V(set1)(DT / TAU_E), e, e);
        h = V(fnmadd)(V(set1)(DT / TAU_I), h, h);
        V(store)(s.s_exc + i, e);
        V(store)(s.s_inh + i, h);
        vector pull = V(sub)(V(add)(V(load)(s.drive + i), e), h);
        pull = V(add)(V(sub)(V(set1)(V_REST), v), pull);
#ifdef SINGLE
        v = V(fmadd)(V(set1)(DT / TAU_M), pull, v);
        __m128i rests = _mm_load_si128((__m128i *)(s.resting + i));
        mask waits = _mm_test_epi8_mask(rests, rests);
#else
        v = V(add)(v, V(div)(V(mul)(V(set1)(DT), pull), V(set1)(TAU_M)));
        __m128i rests = _mm_loadl_epi64((__m128i *)(s.resting + i));
        mask waits = _mm_test_epi8_mask(rests, rests) & 0xff;
#endif
        mask fires = AT_LEAST(v, V(set1)(V_THRESHOLD)) & ~waits;
        V(store)(s.v + i, V(mask_mov)(v, waits | fires, reset));
        rests = _mm_subs_epu8(rests, _mm_set1_epi8(1));
        rests = _mm_mask_mov_epi8(rests, fires, _mm_set1_epi8(RESTING_STEPS));
#ifdef SINGLE
        _mm_store_si128((__m128i *)(s.resting + i), rests);
#else
        _mm_storel_epi64((__m128i *)(s.resting + i), rests);
#endif
        if (s.trace_pre) {
            decay_trace(s.trace_pre, i, fires);
            decay_trace(s.trace_post, i, fires);
        }
        if (fires) {
#ifdef SINGLE
            __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            __m512i numbers = _mm512_add_epi32(_mm512_set1_epi32(i), lanes);
            _mm512_storeu_si512(list + count, _mm512_maskz_compress_epi32(fires, numbers));
#else
            __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            __m256i numbers = _mm256_add_epi32(_mm256_set1_epi32(i), lanes);
            _mm256_storeu_si256((__m256i *)(list + count), _mm256_maskz_compress_epi32(fires, numbers));
#endif
            count += __builtin_popcount(fires);
        }
    }
    return count;
}
