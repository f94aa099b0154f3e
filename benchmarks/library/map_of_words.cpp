// As map_of_words.mlr, with std::unordered_map.
#include <cstdint>
#include <cstdio>
#include <unordered_map>

static const uint64_t KEYS = 1000000;

int main() {
    std::unordered_map<uint64_t, uint64_t> m;
    for (uint64_t i = 0; i < KEYS; i++) m[i * 7919] = i;
    uint64_t sum = 0, state = 1, missing = 0;
    for (int round = 0; round < 4; round++) {
        for (uint64_t i = 0; i < KEYS; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            auto found = m.find((state >> 33) % KEYS * 7919);
            if (found != m.end()) sum += found->second;
        }
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        if (m.find(i * 7919 + 1) == m.end()) missing++;
    }
    printf("%zu %llu %llu\n", m.size(), (unsigned long long)sum, (unsigned long long)missing);
}
