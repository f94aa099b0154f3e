/* A hash map of integers, open addressing with linear probing: insert, count, look up. */
#include <inttypes.h>
#include <stdio.h>

#define SLOTS 2097152u
#define LAST_SLOT 2097151u
#define KEYS 1200000u

static uint64_t keys[SLOTS];
static uint64_t counts[SLOTS];

static uint64_t next_key(uint64_t state) {
    return ((state >> 33) * 0x9E3779B97F4A7C15u) % KEYS + 1;
}

static uint64_t slot_of(uint64_t key) {
    uint64_t slot = (key * 0x9E3779B97F4A7C15u) >> 43;
    while (keys[slot] != 0 && keys[slot] != key) slot = (slot + 1) & LAST_SLOT;
    return slot;
}

int main(void) {
    uint64_t state = 11;
    for (uint64_t i = 0; i < 6000000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint64_t key = next_key(state);
        uint64_t slot = slot_of(key);
        keys[slot] = key;
        counts[slot] = counts[slot] + 1;
    }
    uint64_t sum = 0;
    for (uint64_t key = 1; key < 6000000; key++) {
        uint64_t slot = slot_of(key * 3);
        sum = sum * 3 + counts[slot];
    }
    uint64_t used = 0;
    for (uint64_t i = 0; i < SLOTS; i++) {
        if (keys[i] != 0) used++;
    }
    printf("%" PRIu64 " %" PRIu64 "\n", used, sum);
    return 0;
}
