"""Libraries as the tests use them: `mlrc --emit=lib` of texts, and what demo.c prints."""

from pathlib import Path

from mlrift.targets import Target
from tests.harness.compiler import run_mlrc
from tests.objects.toolchains import flags_of

PARTS = Path(__file__).parent / "parts"
DEMO, DEMO_IN_C = PARTS / "demo.mlr", PARTS / "demo.c"
DEMO_OUTPUT = """-10 -2147483648
19 19 1.5
2 2.75 9
7
3 2 1 0
255 65535 -4 1.500000 2.250000 1 -2 true x 7 -8 -9
3.75
world
3 6
1000 3000 11 19
100 6 100 -5 0.5 13
"""
CALLER = (PARTS / "caller.mlr").read_text(encoding="utf-8")
CALLER_OUTPUT = """-10 8 9 true false
3 2 7.000000 100
255 65535 -4 1.500000 2.250000 1 -2 true x 7 -8 -9
3.750000
world
"""
STRICT_C = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror")
STRICT_CPP = ("-Wall", "-Wextra", "-pedantic", "-Werror", "-x", "c++")


def build(folder: Path, source: Path, target: Target, name: str, *flags: str) -> Path:
    """Compile a source that must be accepted to the library `name`; its header is libdemo.h."""
    made = folder / name
    header = f"--header={folder / 'libdemo.h'}"
    words = ["--emit=lib", *flags_of(target), *flags, header, str(source), "-o", str(made)]
    status, _, messages = run_mlrc(words)
    assert status == 0, messages
    return made


def build_text(folder: Path, text: str, target: Target, name: str, *flags: str) -> Path:
    """Compile a text to a library."""
    source = folder / "text.mlr"
    source.write_text(text, encoding="utf-8")
    return build(folder, source, target, name, *flags)


def header_of(folder: Path, text: str, target: Target) -> str:
    """Return the header of a text."""
    build_text(folder, text, target, "libdemo.so")
    return (folder / "libdemo.h").read_text(encoding="utf-8")
