/* What the machine gives to plain C: arguments and output as in kernels.mlr. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double sink;

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static __attribute__((noinline)) void decay(double *x, long n, double k) {
    for (long i = 0; i < n; i++) x[i] -= x[i] * k;
}

static __attribute__((noinline)) void relax(double *x, long n, double t, double k) {
    for (long i = 0; i < n; i++) x[i] += (t - x[i]) * k;
}

static __attribute__((noinline)) void fill(double *x, long n, double v) {
    for (long i = 0; i < n; i++) x[i] = v;
}

static __attribute__((noinline)) double total(const double *x, long n) {
    double s[32] = {0};
    for (long i = 0; i + 32 <= n; i += 32)
        for (int j = 0; j < 32; j++) s[j] += x[i + j];
    double r = 0;
    for (int j = 0; j < 32; j++) r += s[j];
    return r;
}

int main(int argc, char **argv) {
    long n = atol(argv[1]), rounds = atol(argv[2]);
    double *x = aligned_alloc(64, (n * 8 + 63) / 64 * 64);
    const char *names[] = {"decay", "relax", "fill", "total"};
    for (int which = 0; which < 4; which++) {
        long least = 1L << 62;
        fill(x, n, 0.5);
        for (long r = 0; r < rounds; r++) {
            long start = now();
            if (which == 0) decay(x, n, 1e-7);
            if (which == 1) relax(x, n, 0.75, 1e-7);
            if (which == 2) fill(x, n, 0.5);
            if (which == 3) sink += total(x, n);
            long spent = now() - start;
            if (spent < least) least = spent;
        }
        printf("%s %ld\n", names[which], least);
    }
    return 0;
}
