"""As sorting.mlr, with list.sort."""

COUNT = 1000000
WORD = (1 << 64) - 1
state = 5
total = 0
for _ in range(4):
    v = []
    for _ in range(COUNT):
        state = (state * 6364136223846793005 + 1442695040888963407) & WORD
        v.append(state ^ (state >> 29))
    v.sort()
    for value in v:
        total = (total * 31 + value) & WORD
print(total)
