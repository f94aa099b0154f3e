"""Large programs for measuring the compiler: a number of lines in, source text out.

The program is made of units, each with constants, a static array, a struct with a method, and
functions with loops, branches, calls and prints. Every function is reached from main, the program
ends quickly, and the same arguments give the same text.
`python -m benchmarks.generate LINES` prints one.
"""

import random
import sys

UNITS_PER_GROUP = 20
_SEED = 20_000
_OPERATORS = ("+", "-", "*", "&", "|", "^")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def generate_program(lines: int) -> str:
    """Return a program of at least `lines` lines, and less than a hundred more."""
    maker = _Maker(random.Random(_SEED))
    out = ["// A generated program; see benchmarks/generate.py.", ""]
    groups: list[list[int]] = []
    unit = 0
    while len(out) + _tail_size(unit) < lines:
        out += maker.unit(unit)
        if unit % UNITS_PER_GROUP == 0:
            groups.append([])
        groups[-1].append(unit)
        unit += 1
    for number, members in enumerate(groups):
        out += _group(number, members)
    out += _main(len(groups))
    return "\n".join(out) + "\n"


def _tail_size(units: int) -> int:
    return units + 6 * (units // UNITS_PER_GROUP) + 10


def _group(number: int, members: list[int]) -> list[str]:
    calls = [f"    total = total ^ run_{unit}(seed + {unit})" for unit in members]
    return [
        f"fn group_{number}(u64 seed) -> u64 {{",
        "    u64 total = 0",
        *calls,
        "    return total",
        "}",
        "",
    ]


def _main(groups: int) -> list[str]:
    calls = [f"    total += group_{number}({number} + 1)" for number in range(groups)]
    head = ["fn main() -> u64 {", "    u64 total = 0"]
    return [*head, *calls, "    println(total)", "    return 0", "}"]


class _Maker:
    """Makes units; all choices come from one random generator."""

    def __init__(self, choices: random.Random) -> None:
        self._choices = choices

    def unit(self, number: int) -> list[str]:
        """Return the lines of one unit; `run_NUMBER` calls all else in it."""
        return [
            *self._declarations(number),
            *self._method(number),
            *self._mixer(number),
            *self._table_loop(number),
            *self._chooser(number),
            *self._float_loop(number),
            *self._run(number),
        ]

    def _expression(self, names: tuple[str, ...], depth: int) -> str:
        if depth == 0 or self._choices.random() < 0.2:
            if self._choices.random() < 0.3:
                return str(self._choices.randrange(1, 1000))
            return self._choices.choice(names)
        left = self._expression(names, depth - 1)
        right = self._expression(names, depth - 1)
        shape = self._choices.random()
        if shape < 0.1:
            return f"({left} >> {self._choices.randrange(1, 20)})"
        if shape < 0.2:
            return f"({left} / ({right} | 1))"
        return f"({left} {self._choices.choice(_OPERATORS)} {right})"

    def _condition(self, names: tuple[str, ...]) -> str:
        left, right = self._expression(names, 1), self._expression(names, 1)
        return f"{left} {self._choices.choice(_COMPARISONS)} {right}"

    def _declarations(self, n: int) -> list[str]:
        return [
            f"// Unit {n}.",
            f"const u64 LIMIT_{n} = {self._choices.randrange(3, 9)}",
            f"static u64[16] table_{n}",
            f"static u64 calls_{n} = 0",
            "",
            f"struct Record_{n} {{",
            "    u64 id",
            "    u32 weight",
            "    i64 balance",
            "}",
            "",
        ]

    def _method(self, n: int) -> list[str]:
        names = ("amount", "self.id", "self.weight")
        return [
            f"fn Record_{n}.deposit_{n}(Record_{n} self, u64 amount) {{",
            f"    self.balance += {self._expression(names, 2)}",
            f"    if {self._condition(names)} {{ self.weight += 1 }}",
            "}",
            "",
        ]

    def _mixer(self, n: int) -> list[str]:
        names = ("a", "b", "mixed")
        return [
            f"fn mix_{n}(u64 a, u64 b) -> u64 {{",
            f"    u64 mixed = {self._expression(('a', 'b'), 3)}",
            f"    if {self._condition(names)} {{",
            f"        mixed = {self._expression(names, 2)}",
            f"    }} else if {self._condition(names)} {{",
            f"        mixed += {self._expression(names, 2)}",
            "    } else {",
            f"        mixed = mixed ^ {self._choices.randrange(1 << 32)}",
            "    }",
            f"    return mixed + {self._expression(('a', 'b'), 2)}",
            "}",
            "",
        ]

    def _table_loop(self, n: int) -> list[str]:
        names = ("seed", "i", "sum")
        return [
            f"fn fill_{n}(u64 seed) -> u64 {{",
            "    u64 sum = 0",
            "    for i in 0..16 {",
            f"        table_{n}[i] = {self._expression(names, 2)}",
            f"        if table_{n}[i] % 7 == {self._choices.randrange(7)} {{ continue }}",
            f"        sum += table_{n}[i] & 0xFFFF",
            "    }",
            "    u64 left = 0",
            f"    while left < LIMIT_{n} {{",
            f"        sum = sum + mix_{n}(table_{n}[left], {self._expression(names[::2], 1)})",
            "        left += 1",
            "    }",
            "    return sum",
            "}",
            "",
        ]

    def _chooser(self, n: int) -> list[str]:
        names = ("value", "other")
        arms = [
            f"        {k} => {{ return {self._expression(names, 2)} }}"
            for k in range(self._choices.randrange(2, 6))
        ]
        return [
            f"fn choose_{n}(u64 value, u64 other) -> u64 {{",
            "    match value % 9 {",
            *arms,
            f"        6..9 => {{ return other + {self._choices.randrange(100)} }}",
            f"        _ => {{ return mix_{n}(other, value) }}",
            "    }",
            "}",
            "",
        ]

    def _float_loop(self, n: int) -> list[str]:
        scale = self._choices.randrange(1, 9) / 8
        return [
            f"fn average_{n}(u64 count) -> f64 {{",
            "    f64 sum = 0.0",
            "    for i in 1..count {",
            f"        f64 x = int_to_f64(i) * {scale}",
            f"        sum = sum + x / (x + {self._choices.randrange(1, 50)}.5)",
            "    }",
            "    return sum / int_to_f64(count + 1)",
            "}",
            "",
        ]

    def _run(self, n: int) -> list[str]:
        names = ("first", "second", "seed")
        return [
            f"fn run_{n}(u64 seed) -> u64 {{",
            f"    calls_{n} += 1",
            f"    Record_{n} record",
            f"    record.id = seed * {self._choices.randrange(1, 99)}",
            f"    record.deposit_{n}(seed & 255)",
            f"    u64 first = fill_{n}(record.id)",
            f"    u64 second = choose_{n}(first, seed)",
            f"    f64 share = average_{n}(LIMIT_{n} + {self._choices.randrange(8)})",
            f"    if {self._condition(names)} {{",
            f'        println(f"unit {n}: {{first}} {{second}} {{share}}")',
            "    }",
            f"    return {self._expression(names, 2)} + record.weight",
            "}",
            "",
        ]


if __name__ == "__main__":
    sys.stdout.write(generate_program(int(sys.argv[1])))
