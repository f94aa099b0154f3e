// As map_of_texts.mlr, with std::unordered_map.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <charconv>
#include <unordered_map>

static const uint64_t KEYS = 1000000;

static void write_key(std::string &key, uint64_t number) {
    char digits[24];
    key.assign("key-");
    key.append(digits, std::to_chars(digits, digits + 24, number).ptr - digits);
}

int main() {
    std::unordered_map<std::string, uint64_t> m;
    std::string key;
    for (uint64_t i = 0; i < KEYS; i++) {
        write_key(key, i * 7919);
        m[key] = i;
    }
    uint64_t sum = 0, state = 1, missing = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        write_key(key, (state >> 33) % KEYS * 7919);
        auto found = m.find(key);
        if (found != m.end()) sum += found->second;
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        write_key(key, i * 7919 + 1);
        if (m.find(key) == m.end()) missing++;
    }
    printf("%zu %llu %llu\n", m.size(), (unsigned long long)sum, (unsigned long long)missing);
}
