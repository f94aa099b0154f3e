// As sorting_by.mlr: std::stable_sort, and a function that is known when it runs only.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

static bool before(uint64_t a, uint64_t b) {
    return a * 0x9E3779B97F4A7C15u < b * 0x9E3779B97F4A7C15u;
}

bool (*volatile chosen)(uint64_t, uint64_t) = before;

int main() {
    uint64_t state = 5, sum = 0;
    std::vector<uint64_t> v;
    for (int i = 0; i < 1000000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        v.push_back(state ^ (state >> 29));
    }
    std::stable_sort(v.begin(), v.end(), chosen);
    for (uint64_t value : v) sum = sum * 31 + value;
    printf("%llu\n", (unsigned long long)sum);
}
