"""As map_of_texts.mlr, with a dict."""

KEYS = 1000000
WORD = (1 << 64) - 1
m = {}
for i in range(KEYS):
    m[f"key-{i * 7919}"] = i
total = 0
state = 1
for _ in range(KEYS):
    state = (state * 6364136223846793005 + 1442695040888963407) & WORD
    total += m.get(f"key-{(state >> 33) % KEYS * 7919}", 0)
missing = sum(f"key-{i * 7919 + 1}" not in m for i in range(KEYS))
print(len(m), total, missing)
