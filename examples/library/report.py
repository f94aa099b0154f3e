"""Reads numbers from standard input and reports on them with the library in stats.mlr."""

import sys
from array import array

import stats

numbers = array("d", map(float, sys.stdin.read().split()))
found = stats.Summary()
problem = stats.Problem(stats.summarize(numbers, found))
if problem is not stats.Problem.NONE:
    sys.exit(f"no summary: {problem.name}")
print(f"{found.count} numbers, mean {found.mean:.3f}, deviation {found.deviation:.3f}")
print(f"from {found.low:.3f} over {found.median:.3f} to {found.high:.3f}")
bins = array("I", [0] * 5)
stats.histogram(numbers, found.low, found.high + 1e-9, bins)
print(*bins)
start, length = stats.longest_rise(numbers)
print(f"rises at {start} for {length}")
print(f"looked at {stats.numbers_seen.value} numbers")
