// As text_building.mlr, with std::string.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

int main() {
    uint64_t state = 3;
    std::string text;
    for (uint64_t i = 0; i < 3000000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        text += "item ";
        text += std::to_string(i);
        text += ": value=";
        text += std::to_string(state >> 40);
        text += '\n';
    }
    std::string copy(text);
    uint64_t sum = 0;
    for (unsigned char c : copy) sum = sum * 31 + c;
    printf("%zu %llu\n", text.size(), (unsigned long long)sum);
}
