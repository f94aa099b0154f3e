/* Building a long text piece by piece in a buffer that grows, and hashing it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *bytes;
static uint64_t used;
static uint64_t capacity;

static void reserve(uint64_t count) {
    if (used + count <= capacity) return;
    uint64_t larger = capacity * 2 + count;
    uint8_t *moved = malloc(larger);
    if (used > 0) {
        memcpy(moved, bytes, used);
        free(bytes);
    }
    bytes = moved;
    capacity = larger;
}

static void put_char(uint64_t c) {
    reserve(1);
    bytes[used] = (uint8_t)c;
    used++;
}

static void put_text(const char *text) {
    uint64_t length = strlen(text);
    reserve(length);
    memcpy(bytes + used, text, length);
    used += length;
}

static void put_number(uint64_t value) {
    uint8_t digits[24];
    uint64_t rest = value;
    uint64_t at_digit = 24;
    do {
        at_digit--;
        digits[at_digit] = (uint8_t)(rest % 10 + '0');
        rest = rest / 10;
    } while (rest != 0);
    reserve(24 - at_digit);
    memcpy(bytes + used, digits + at_digit, 24 - at_digit);
    used += 24 - at_digit;
}

int main(void) {
    uint64_t state = 3;
    for (uint64_t i = 0; i < 3000000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        put_text("item ");
        put_number(i);
        put_text(": value=");
        put_number(state >> 40);
        put_char('\n');
    }
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < used; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    printf("%" PRIu64 " %" PRIu64 "\n", used, hash);
    return 0;
}
