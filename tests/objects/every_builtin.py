"""A program that calls every builtin function, so that its object needs the whole runtime."""

from collections.abc import Iterable

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.frontend.builtins.table import BUILTINS
from tests.harness.run_files import IS_THOROUGH

# LLVM takes ten seconds to optimise the program
LEVELS_OF_ALL_BUILTINS = ("-O0", "-O2") if IS_THOROUGH else ("-O0",)

_FIXED = """
static u64 cli_argc
fn divide(i64 a, i64 b) -> i64 { return a / b + a % b }
fn formats(u64 n, f64 x) {
    u8[100000] large
    large[n] = 1
    println(n, x, divide(0 - 1, 3), true, 'c', f"{n} {x}", large[n])
}
fn many(u64 n) -> u64 {
    u64 text = f"{n}"
    return text
}
"""


def every_builtin(but: Iterable[Builtin] = ()) -> str:
    """Return the text, without calls of `but`; it is meant to be compiled, not to be run."""
    left_out = {row.name for row in but}
    called = [row for row in BUILTINS.values() if row.name not in left_out]
    rows = sorted(called, key=lambda row: row.never_returns)
    returning = [row for row in rows if not row.never_returns]
    calls = "".join(f"    {_call(row)}\n" for row in returning)
    for row in rows[len(returning) :]:
        calls += f"    if cli_argc == 9 {{ {_call(row)} }}\n"
    return f"{_FIXED}fn builtins() {{\n{calls}}}\nfn main() {{\n    builtins()\n    many(1)\n}}\n"


def _call(row: Builtin) -> str:
    arguments = ["1.5" if kind.is_float else "cli_argc" for kind in row.parameters]
    return f"{row.name}({', '.join(arguments)})"
