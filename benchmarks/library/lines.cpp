// As lines.mlr, with std::getline.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

int main(int, char **argv) {
    std::ios::sync_with_stdio(false);
    std::ifstream file(argv[1]);
    std::string line;
    uint64_t lines = 0, bytes = 0, sum = 0;
    while (std::getline(file, line)) {
        lines++;
        bytes += line.size();
        sum += (unsigned char)line.c_str()[0];
    }
    printf("%llu %llu %llu\n", (unsigned long long)lines, (unsigned long long)bytes,
           (unsigned long long)sum);
}
