"""As lines.mlr, with a binary file."""

import sys

count = size = total = 0
with open(sys.argv[1], "rb") as file:
    for line in file:
        count += 1
        size += len(line) - 1
        if len(line) > 1:
            total += line[0]
print(count, size, total)
