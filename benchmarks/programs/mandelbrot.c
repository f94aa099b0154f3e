/* The Mandelbrot set: how many steps all points of a grid take to escape. */
#include <inttypes.h>
#include <stdio.h>

#define SIZE 900
#define MOST_STEPS 100

static uint64_t steps_to_escape(double re, double im) {
    double x = 0.0;
    double y = 0.0;
    uint64_t steps = 0;
    while (steps < MOST_STEPS) {
        double xx = x * x;
        double yy = y * y;
        if (xx + yy > 4.0) return steps;
        y = 2.0 * x * y + im;
        x = xx - yy + re;
        steps++;
    }
    return steps;
}

int main(void) {
    uint64_t total = 0;
    double size = SIZE;
    for (uint64_t round = 0; round < 5; round++) {
        for (uint64_t row = 0; row < SIZE; row++) {
            double im = (double)(int64_t)row * 2.0 / size - 1.0;
            for (uint64_t column = 0; column < SIZE; column++) {
                double re = (double)(int64_t)(column + round) * 3.0 / size - 2.0;
                total += steps_to_escape(re, im);
            }
        }
    }
    printf("%" PRIu64 "\n", total);
    return 0;
}
