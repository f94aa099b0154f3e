// As json_parse.mlr, with nlohmann::json (Debian's nlohmann-json3-dev).
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

int main() {
    std::string text = "[";
    for (unsigned long i = 0; i < 96000; i++) {
        if (i > 0) text += ",";
        text += "{\"id\": " + std::to_string(i) + ", \"name\": \"record \\\"";
        text += std::to_string(i * 7919) + "\\\"\", \"weight\": " + std::to_string(i % 1000);
        text += ".25, \"tags\": [true, null, \"a\\n\", 1, 2, 3], \"on\": false}";
    }
    text += "]";
    unsigned long sum = 0;
    double weights = 0;
    for (int round = 0; round < 10; round++) {
        auto document = nlohmann::json::parse(text);
        for (const auto &record : document) {
            sum += record["id"].get<unsigned long>();
            weights += record["weight"].get<double>();
        }
    }
    std::printf("%zu %lu %.6f\n", text.size(), sum, weights);
}
