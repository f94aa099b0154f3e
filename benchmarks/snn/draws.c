/* The connections of scale_50k: a draw of a 32-bit xorshift generator for every pair of 50,000 cells.
   Prints how many draws are multiples of 500. */
#include <stdint.h>
#include <stdio.h>

#define CELLS 50000
#define ODDS 500
#define MOST 5200000

static uint32_t target[MOST];
static uint64_t state = 0x12345678;

static inline uint64_t draw(void)
{
    uint64_t x = state;
    x = (x ^ (x << 13)) & 0xFFFFFFFF;
    x = x ^ (x >> 17);
    x = (x ^ (x << 5)) & 0xFFFFFFFF;
    state = x;
    return x;
}

int main(void)
{
    uint64_t synapses = 0;
    for (uint64_t i = 0; i < CELLS; i++)
        for (uint64_t j = 0; j < CELLS; j++)
            if (i != j && draw() % ODDS == 0)
                target[synapses++] = j;
    printf("%lu\n", synapses);
    return 0;
}
