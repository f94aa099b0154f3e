/* The spectral norm of the infinite matrix 1 / ((i + j)(i + j + 1) / 2 + i + 1), cut to N x N. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define N 2500

static double u[N];
static double v[N];
static double w[N];

static double entry(uint64_t i, uint64_t j) {
    return 1.0 / (double)(int64_t)((i + j) * (i + j + 1) / 2 + i + 1);
}

static void multiply(const double *from, double *to) {
    for (uint64_t i = 0; i < N; i++) {
        double sum = 0.0;
        for (uint64_t j = 0; j < N; j++) sum = sum + entry(i, j) * from[j];
        to[i] = sum;
    }
}

static void multiply_transposed(const double *from, double *to) {
    for (uint64_t i = 0; i < N; i++) {
        double sum = 0.0;
        for (uint64_t j = 0; j < N; j++) sum = sum + entry(j, i) * from[j];
        to[i] = sum;
    }
}

static void multiply_both(const double *from, double *to) {
    multiply(from, w);
    multiply_transposed(w, to);
}

int main(void) {
    for (int i = 0; i < N; i++) u[i] = 1.0;
    for (int round = 0; round < 10; round++) {
        multiply_both(u, v);
        multiply_both(v, u);
    }
    double uv = 0.0;
    double vv = 0.0;
    for (int i = 0; i < N; i++) {
        uv = uv + u[i] * v[i];
        vv = vv + v[i] * v[i];
    }
    printf("%" PRId64 "\n", (int64_t)(sqrt(uv / vv) * 1000000000.0));
    return 0;
}
