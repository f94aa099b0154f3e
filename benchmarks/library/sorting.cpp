// As sorting.mlr, with std::vector and std::sort.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

static const uint64_t COUNT = 1000000;

int main() {
    uint64_t state = 5, sum = 0;
    for (int round = 0; round < 4; round++) {
        std::vector<uint64_t> v;
        for (uint64_t i = 0; i < COUNT; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            v.push_back(state ^ (state >> 29));
        }
        std::sort(v.begin(), v.end());
        for (uint64_t value : v) sum = sum * 31 + value;
    }
    printf("%llu\n", (unsigned long long)sum);
}
