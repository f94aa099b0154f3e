"""A large program of many files for measuring the compiler: a folder and a number of lines in.

Every file declares constants, statics, structs with methods and functions of 20 to 80 lines, and
imports some of the files before it, whose functions it calls; `main.mlr` imports all of them. Every
function is reached from main, the program ends quickly, and the same arguments give the same text.
`python -m benchmarks.generate_project FOLDER LINES` writes one.
"""

import random
import sys
from pathlib import Path

LINES_PER_FILE = 1_500
MAIN = "main.mlr"
_SEED = 60_000
_MOST_IMPORTS = 4
_SHORTEST, _LONGEST = 20, 80
_OPERATORS = ("+", "-", "*", "&", "|", "^")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
_LOCALS = ("a", "b", "c", "d")
_BLOCK_LINES = 14


def generate_project(folder: Path, lines: int) -> Path:
    """Write a program of about `lines` lines into a folder; return its main file."""
    choices = random.Random(_SEED)
    count = max(1, round(lines / LINES_PER_FILE))
    for number in range(count):
        text = "\n".join(_FileMaker(choices, number).lines()) + "\n"
        (folder / _file_name(number)).write_text(text, encoding="utf-8")
    main = folder / MAIN
    main.write_text(_main(count), encoding="utf-8")
    return main


def line_count(folder: Path) -> int:
    """Return how many lines the program of a folder has."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.mlr"))


def _file_name(number: int) -> str:
    return f"part_{number}.mlr"


def _main(count: int) -> str:
    imports = [f'import "{_file_name(number)}"' for number in range(count)]
    calls = [
        f"    total = total * 31 + enter_{number}({number + 1}, depth)" for number in range(count)
    ]
    head = [
        "static u64 cli_argc",
        "fn main() -> u64 {",
        "    u64 total = 0",
        "    u64 depth = 1 + cli_argc / 256   // 1, which no compiler can know",
    ]
    tail = ["    println(total)", "    return 0", "}", ""]
    return "\n".join([*imports, "", *head, *calls, *tail])


class _FileMaker:
    """Makes one file; all choices come from one random generator."""

    def __init__(self, choices: random.Random, number: int) -> None:
        self._choices = choices
        self._number = number
        earlier = range(number)
        self._imports = sorted(choices.sample(earlier, min(number, _MOST_IMPORTS)))
        self._functions = 0
        self._names = 0

    def lines(self) -> list[str]:
        """Return the lines of the file; `enter_NUMBER` calls every function in it."""
        out = [f'import "{_file_name(row)}"' for row in self._imports]
        out += self._declarations()
        while len(out) < LINES_PER_FILE - self._functions - _SHORTEST:
            out += self._function(self._choices.randint(_SHORTEST, _LONGEST))
        return out + self._entry()

    def _declarations(self) -> list[str]:
        n, limit = self._number, self._choices.randrange(3, 9)
        return [
            f"const u64 LIMIT_{n} = {limit}",
            f"static u64[64] table_{n}",
            f"static u64 calls_{n} = {limit}",
            f"enum State_{n} {{ IDLE, RUNNING = {limit}, DONE }}",
            f"struct Point_{n} {{ i32 x; i32 y; f64 weight }}",
            f"struct Record_{n} {{ u64 id; Point_{n} place; u8 kind; u64 label }}",
            "",
            f"fn Record_{n}.move_{n}(Record_{n} self, i64 by) {{",
            "    self.place.x += by",
            "    self.place.weight = self.place.weight * 1.5 + int_to_f64(by)",
            f"    if self.kind > {limit} {{ self.kind = 0 }}",
            "}",
            f"fn sum_{n}([u64] items) -> u64 {{",
            "    u64 total = 0",
            "    for i in 0..items.len { total = total * 3 + items[i] }",
            "    return total",
            "}",
            f"fn larger_{n}<T>(T first, T second) -> T {{",
            "    if first > second { return first }",
            "    return second",
            "}",
            "",
        ]

    def _function(self, size_lines: int) -> list[str]:
        """Return a function of that many lines; it may call those before it in the file."""
        n = self._number
        words = " ".join(self._choices.choices(_WORDS, k=3))
        out = [
            "",
            f"// Work number {self._functions} of part {n}: {words}.",
            f"fn work_{n}_{self._functions}(u64 a, u64 b, u64 depth) -> u64 {{",
            "    if depth == 0 { return a ^ b }",
            f"    u64 c = {self._expression(_LOCALS[:2], 2)}",
            f"    u64 d = calls_{n}",
            f"    Record_{n} record = Record_{n} {{ id: a, kind: b & 7 }}",
            "    f64 share = 0.5",
        ]
        end = size_lines - 2
        while len(out) < end:
            out += self._statement(end - len(out))
        self._functions += 1
        result = f"    return {self._sum(2)} + record.id + f64_to_int(share)"
        return [*out, result, "}"]

    def _statement(self, room_lines: int) -> list[str]:
        """Return a statement; a block, of up to fourteen lines, only where there is room."""
        simple = (self._assignment, self._element, self._field, self._share, self._call)
        blocks = (self._branch, self._loop, self._choice, self._message, self._fill)
        is_block = room_lines >= _BLOCK_LINES and self._choices.random() < 0.5
        return self._choices.choice(blocks if is_block else simple)()

    # ------------------------------------------------------------------------ expressions

    def _expression(self, names: tuple[str, ...], depth: int) -> str:
        choices = self._choices
        if depth == 0 or choices.random() < 0.2:
            return (
                str(choices.randrange(1, 1000)) if choices.random() < 0.3 else choices.choice(names)
            )
        left, right = self._expression(names, depth - 1), self._expression(names, depth - 1)
        return f"({left} {choices.choice(_OPERATORS)} {right})"

    def _sum(self, depth: int) -> str:
        return self._expression((*_LOCALS, "record.id", f"LIMIT_{self._number}"), depth)

    def _condition(self) -> str:
        return f"{self._sum(1)} {self._choices.choice(_COMPARISONS)} {self._sum(1)}"

    def _target(self) -> str:
        return self._choices.choice(_LOCALS)

    # ------------------------------------------------------------------ simple statements

    def _assignment(self) -> list[str]:
        return [f"    {self._target()} {self._choices.choice(('=', '+=', '^='))} {self._sum(2)}"]

    def _element(self) -> list[str]:
        return [f"    table_{self._number}[{self._target()} & 63] += {self._sum(2)}"]

    def _field(self) -> list[str]:
        return [
            self._choices.choice(
                (
                    f"    record.place.y = {self._sum(2)} & 0xFFFF",
                    f"    record.move_{self._number}({self._target()} & 255)",
                    f"    record.label = {self._sum(1)}",
                )
            )
        ]

    def _share(self) -> list[str]:
        return [f"    share = share * {self._choices.randrange(1, 9) / 8} + record.place.weight"]

    def _call(self) -> list[str]:
        """Call a function of this file or of one that it imports; depth bounds the work."""
        n, target, choices = self._number, self._target(), self._choices
        if self._imports and choices.random() < 0.3:
            other = choices.choice(self._imports)
            return [f"    {target} = larger_{other}({target}, calls_{other})"]
        if self._functions:
            number = choices.randrange(self._functions)
            return [f"    {target} += work_{n}_{number}({self._sum(1)}, {self._sum(1)}, depth - 1)"]
        return [f"    {target} = sum_{n}(table_{n}, LIMIT_{n})"]

    # ----------------------------------------------------------------------------- blocks

    def _branch(self) -> list[str]:
        return [
            f"    if {self._condition()} {{",
            f"    {self._assignment()[0]}",
            f"    }} else if {self._condition()} {{",
            f"    {self._element()[0]}",
            f"    {self._assignment()[0]}",
            "    }",
        ]

    def _loop(self) -> list[str]:
        return [
            f"    for step in 0..LIMIT_{self._number} {{",
            f"    {self._assignment()[0]}",
            f"        if {self._condition()} {{ continue }}",
            f"    {self._element()[0]}",
            f"        c += step * {self._target()}",
            "    }",
        ]

    def _choice(self) -> list[str]:
        arms = [
            (f"State_{self._number}.IDLE", self._assignment),
            ("1, 2", self._assignment),
            ("6..9", self._element),
            ("_", self._share),
        ]
        out = [f"    match {self._target()} % 9 {{"]
        for pattern, write in arms:
            out += [f"        {pattern} => {{", f"        {write()[0]}", "        }"]
        return [*out, "    }"]

    def _message(self) -> list[str]:
        words = " ".join(self._choices.choices(_WORDS, k=4))
        return [
            f"    if {self._condition()} {{",
            f"        if calls_{self._number} == 0xFFFFFF {{",
            f'            println("{words}", c, share)',
            f'            println(f"{words} {{record.label}}: {{d + 1}}")',
            "        }",
            "    }",
        ]

    def _fill(self) -> list[str]:
        self._names += 1
        array = f"row{self._names}"
        return [
            f"    u32[8] {array}",
            f"    for i in 0..8 {{ {array}[i] = {self._sum(1)} + i }}",
            f"    while d > {self._choices.randrange(1, 1000)} {{",
            f"        d = (d >> 3) + ({array}[d & 7] & 1)",
            "        if d < 2 { break }",
            "    }",
        ]

    def _entry(self) -> list[str]:
        n = self._number
        calls = [
            f"    total = total ^ work_{n}_{number}(seed, total, depth)"
            for number in range(self._functions)
        ]
        return [
            f"fn enter_{n}(u64 seed, u64 depth) -> u64 {{",
            "    u64 total = seed",
            f"    defer {{ calls_{n} += 1 }}",
            *calls,
            f"    return total + sum_{n}(table_{n}, 64)",
            "}",
        ]


if __name__ == "__main__":
    generate_project(Path(sys.argv[1]), int(sys.argv[2]))
