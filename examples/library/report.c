/* Reads numbers from standard input and reports on them with the library in stats.mlr. */

#include "libstats.h"

#include <stdio.h>
#include <stdlib.h>

#define BINS 5

static double *read_numbers(uint64_t *count)
{
    uint64_t room = 16;
    double *numbers = malloc(room * sizeof *numbers);
    *count = 0;
    while (numbers != NULL && scanf("%lf", &numbers[*count]) == 1) {
        if (++*count == room) {
            double *larger = realloc(numbers, (room *= 2) * sizeof *numbers);
            if (larger == NULL)
                free(numbers);
            numbers = larger;
        }
    }
    return numbers;
}

int main(void)
{
    uint64_t count, length;
    double *numbers = read_numbers(&count);
    uint32_t bins[BINS] = {0};
    uint32_t problem;
    Summary found;
    if (numbers == NULL)
        return 1;
    problem = summarize(numbers, count, &found);
    if (problem != Problem_NONE) {
        printf("no summary: problem %u\n", problem);
        return problem == Problem_TOO_FEW ? 2 : 1;
    }
    printf("%u numbers, mean %.3f, deviation %.3f\n", (unsigned)found.count, found.mean,
           found.deviation);
    printf("from %.3f over %.3f to %.3f\n", found.low, found.median, found.high);
    histogram(numbers, count, found.low, found.high + 1e-9, bins, BINS);
    for (int i = 0; i < BINS; i++)
        printf("%u%c", bins[i], i + 1 < BINS ? ' ' : '\n');
    printf("rises at %u", (unsigned)longest_rise(numbers, count, &length));
    printf(" for %u\n", (unsigned)length);
    printf("looked at %u numbers\n", (unsigned)numbers_seen);
    free(numbers);
    return 0;
}
