// As allocation.mlr, with malloc and memset; the size is kept in front of a block there, too.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

static const int THREADS = 4;
static const uint64_t ROUNDS = 5000000;

static unsigned char *zeroed(uint64_t size) {
    uint64_t *block = (uint64_t *)malloc(size + 8);
    asm volatile("" : "+r"(block));     // or it becomes calloc
    *block = size;
    return (unsigned char *)memset(block + 1, 0, size);
}

static void work(uint64_t seed, uint64_t *result) {
    unsigned char *live[1024] = {};
    uint64_t state = seed * 77 + 1, sum = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        unsigned char **slot = &live[state >> 54];
        if (*slot) {
            sum += ((uint64_t *)*slot)[-1] + **slot;
            free(*slot - 8);
        }
        uint64_t size = (state >> 33) & 255;
        if ((state >> 60) == 0) size *= 16;
        *slot = zeroed(size + 8);
        **slot = (unsigned char)size;
    }
    for (unsigned char *block : live) {
        if (block) free(block - 8);
    }
    *result = sum;
}

int main() {
    uint64_t results[THREADS];
    std::thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = std::thread(work, i + 1, &results[i]);
    for (int i = 0; i < THREADS; i++) threads[i].join();
    for (uint64_t result : results) printf("%llu\n", (unsigned long long)result);
}
