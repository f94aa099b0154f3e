/* The sieve of Eratosthenes over bytes: how many primes there are below 16 million, six times. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMIT 16000000

static uint8_t composite[LIMIT];

static uint64_t sieve(void) {
    memset(composite, 0, LIMIT);
    uint64_t count = 0;
    for (uint64_t i = 2; i < LIMIT; i++) {
        if (composite[i] == 0) {
            count++;
            uint64_t multiple = i * i;
            while (multiple < LIMIT) {
                composite[multiple] = 1;
                multiple += i;
            }
        }
    }
    return count;
}

int main(void) {
    uint64_t total = 0;
    for (int round = 0; round < 6; round++) total += sieve();
    printf("%" PRIu64 "\n", total);
    return 0;
}
