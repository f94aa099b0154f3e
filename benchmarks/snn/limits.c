/* What one and two threads get from this machine: `limits` prints NAME= and a whole number, for each
   of 1 and 2 threads:

   flops_T    multiply-adds in registers, million operations a second
   update_T   reading and writing an array as large as the state of a million cells, MB/s
   adds_T     adding to random places of 8 MB, million a second

   Each is the best of many short turns, so that what else runs disturbs little. Needs AVX-512. */
#include "machine.h"
#include <immintrin.h>
#include <pthread.h>

#define STATE_ELEMENTS (33 << 17) /* 33 MiB of doubles */
#define TARGET_ELEMENTS (1 << 20)
#define MULTIPLIES 400000
#define CHAINS 8
#define ADDS (1 << 17)
#define ROUNDS 64 /* random places: so many times ADDS */
#define TURNS 150

enum work { FLOPS, UPDATE, RANDOM };

static int threads;
static enum work work;
static double *state;
static uint32_t *places;
static size_t round_number;
static pthread_barrier_t barrier;
static volatile double kept;

static void multiply(void)
{
    __m512d x[CHAINS];
    for (int c = 0; c < CHAINS; c++)
        x[c] = _mm512_set1_pd(c);
    for (int i = 0; i < MULTIPLIES / threads; i++)
        for (int c = 0; c < CHAINS; c++)
            x[c] = _mm512_fmadd_pd(x[c], _mm512_set1_pd(0.99), _mm512_set1_pd(1e-3));
    for (int c = 0; c < CHAINS; c++)
        kept = _mm512_reduce_add_pd(x[c]);
}

static void update(int own)
{
    size_t share = STATE_ELEMENTS / threads;
    for (size_t i = own * share; i < (own + 1) * share; i += 8) {
        __m512d x = _mm512_loadu_pd(state + i);
        _mm512_storeu_pd(state + i, _mm512_mul_pd(x, _mm512_set1_pd(0.999)));
    }
}

/* Each thread adds to its own part, as the owner of targets does. */
static void add_at_random(int own)
{
    size_t share = ADDS / threads, part = TARGET_ELEMENTS / threads;
    const uint32_t *list = places + round_number * ADDS + own * share;
    double *mine = state + own * part;
    for (size_t k = 0; k < share; k++)
        mine[((uint64_t)list[k] * part) >> 32] += 1.0;
}

static void do_share(int own)
{
    if (work == FLOPS)
        multiply();
    else if (work == UPDATE)
        update(own);
    else
        add_at_random(own);
}

static void *second_thread(void *unused)
{
    pthread_barrier_wait(&barrier);
    do_share(1);
    pthread_barrier_wait(&barrier);
    return unused;
}

static int64_t turn_ns(void)
{
    pthread_t other;
    round_number = (round_number + 1) % ROUNDS;
    if (threads == 2) {
        pthread_create(&other, 0, second_thread, 0);
        pthread_barrier_wait(&barrier);
    }
    int64_t started = now_ns();
    do_share(0);
    if (threads == 1)
        return now_ns() - started;
    pthread_barrier_wait(&barrier);
    int64_t taken = now_ns() - started;
    pthread_join(other, 0);
    return taken;
}

static void report(enum work what, const char *name, double amount)
{
    int64_t best[3] = {0, INT64_MAX, INT64_MAX};
    work = what;
    for (int turn = 0; turn < TURNS; turn++)
        for (threads = 1; threads <= 2; threads++) {
            int64_t taken = turn_ns();
            if (taken < best[threads])
                best[threads] = taken;
        }
    for (int t = 1; t <= 2; t++)
        printf("%s_%d=%.0f\n", name, t, amount * 1e3 / best[t]);
}

int main(void)
{
    pthread_barrier_init(&barrier, 0, 2);
    state = memory(STATE_ELEMENTS * sizeof(double));
    places = memory((size_t)ROUNDS * ADDS * 4);
    for (size_t i = 0; i < STATE_ELEMENTS; i++)
        state[i] = 1;
    uint64_t draw = 1;
    for (size_t i = 0; i < (size_t)ROUNDS * ADDS; i++) {
        draw = draw * 6364136223846793005ull + 1442695040888963407ull;
        places[i] = draw >> 32;
    }
    report(FLOPS, "flops", (double)MULTIPLIES * CHAINS * 16);
    report(UPDATE, "update", (double)STATE_ELEMENTS * 16);
    report(RANDOM, "adds", ADDS);
    return 0;
}
