/* Matrix product of 64-bit integers, rows of B in the inner loop. */
#include <inttypes.h>
#include <stdio.h>

#define N 720u
#define CELLS (N * N)

static uint64_t a[CELLS];
static uint64_t b[CELLS];
static uint64_t c[CELLS];

static void fill(void) {
    uint64_t state = 7;
    for (uint64_t i = 0; i < CELLS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        a[i] = state >> 40;
        state = state * 6364136223846793005u + 1442695040888963407u;
        b[i] = state >> 40;
    }
}

static void multiply(void) {
    for (uint64_t i = 0; i < N; i++) {
        for (uint64_t k = 0; k < N; k++) {
            uint64_t factor = a[i * N + k];
            for (uint64_t j = 0; j < N; j++) {
                c[i * N + j] = c[i * N + j] + factor * b[k * N + j];
            }
        }
    }
}

int main(void) {
    fill();
    for (int round = 0; round < 2; round++) multiply();
    uint64_t sum = 0;
    for (uint64_t i = 0; i < CELLS; i++) sum = sum + c[i] * (i & 255);
    printf("%" PRIu64 "\n", sum);
    return 0;
}
