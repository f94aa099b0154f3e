"""As sorting_by.mlr, with a key."""

WORD = (1 << 64) - 1
state = 5
v = []
for _ in range(1000000):
    state = (state * 6364136223846793005 + 1442695040888963407) & WORD
    v.append(state ^ (state >> 29))
v.sort(key=lambda value: value * 0x9E3779B97F4A7C15 & WORD)
total = 0
for value in v:
    total = (total * 31 + value) & WORD
print(total)
