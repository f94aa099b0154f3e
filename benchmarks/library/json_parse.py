"""As json_parse.mlr, with the json module (written in C)."""

import json

records = (
    f'{{"id": {i}, "name": "record \\"{i * 7919}\\"", "weight": {i % 1000}.25, '
    '"tags": [true, null, "a\\n", 1, 2, 3], "on": false}'
    for i in range(96000)
)
text = "[" + ",".join(records) + "]"
total, weights = 0, 0.0
for _ in range(10):
    for record in json.loads(text):
        total += record["id"]
        weights += record["weight"]
print(f"{len(text)} {total} {weights:.6f}")
