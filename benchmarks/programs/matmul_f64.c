/* Matrix product of doubles, rows of B in the inner loop. */
#include <inttypes.h>
#include <stdio.h>

#define N 720u
#define CELLS (N * N)

static double a[CELLS];
static double b[CELLS];
static double c[CELLS];

static void fill(void) {
    uint64_t state = 7;
    for (uint64_t i = 0; i < CELLS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        a[i] = (double)(int64_t)(state >> 53) / 2048.0;
        state = state * 6364136223846793005u + 1442695040888963407u;
        b[i] = (double)(int64_t)(state >> 53) / 2048.0;
    }
}

static void multiply(void) {
    for (uint64_t i = 0; i < N; i++) {
        for (uint64_t k = 0; k < N; k++) {
            double factor = a[i * N + k];
            for (uint64_t j = 0; j < N; j++) {
                c[i * N + j] = c[i * N + j] + factor * b[k * N + j];
            }
        }
    }
}

int main(void) {
    fill();
    for (int round = 0; round < 5; round++) multiply();
    double sum = 0.0;
    for (uint64_t i = 0; i < CELLS; i++) sum = sum + c[i] * (double)(int64_t)(i & 255);
    printf("%" PRId64 "\n", (int64_t)sum);
    return 0;
}
