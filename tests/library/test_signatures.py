"""Random signatures: what C passes arrives, and what comes back is what was declared.

Every function adds up its parameters, each times its position, and returns the sum as its result
type has it; the C program checks the sums that Python has worked out. A C `char` may have a sign.
"""

import random
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlrift.targets import (
    ARM64,
    CPUS,
    LINUX,
    MACOS,
    WINDOWS,
    WINDOWS_X86_64,
    Cpu,
    Target,
    target_for,
)
from tests.extern.programs import compile_for
from tests.library.building import STRICT_C, build_text
from tests.library.test_c_programs import RUN_PATH, gcc_for, run_in_wine, windows_gcc
from tests.objects.toolchains import ARM64_LIBRARIES, c_file, command, run, tool
from tests.support.engines import engines_for

SEED, COUNT, MOST_PARAMETERS = 20261121, 40, 14
INTEGERS = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "bool", "char")
FLOATS = ("f32", "f64")
BITS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64, "bool": 1, "char": 7}
BITS |= {"i8": 8, "i16": 16, "i32": 32, "i64": 64}


@dataclass(frozen=True)
class Case:
    """A function, its arguments and what it must give."""

    name: str
    kinds: tuple[str, ...]
    result: str
    values: tuple[int | float, ...]

    def expected(self) -> int | float:
        floats = [
            value * place
            for place, (value, kind) in enumerate(zip(self.values, self.kinds, strict=True), 1)
            if kind in FLOATS
        ]
        words = [
            int(value) * place
            for place, (value, kind) in enumerate(zip(self.values, self.kinds, strict=True), 1)
            if kind not in FLOATS
        ]
        if self.result in FLOATS:
            return float(sum(floats))
        word = (sum(words) + int(sum(floats))) & ((1 << 64) - 1)
        if self.result == "bool":
            return int(word != 0)
        bits = 8 if self.result == "char" else BITS[self.result]
        word &= (1 << bits) - 1
        is_negative = self.result[0] == "i" and word >> (bits - 1)
        return word - (1 << bits) if is_negative else word

    def source(self) -> str:
        parameters = ", ".join(f"{kind} p{index}" for index, kind in enumerate(self.kinds))
        lines = ["    f64 floats = 0.0", "    u64 words = 0"]
        for index, kind in enumerate(self.kinds):
            factor = index + 1
            if kind == "f32":
                lines.append(f"    floats = floats + f32_to_f64(p{index}) * {factor}.0")
            elif kind == "f64":
                lines.append(f"    floats = floats + p{index} * {factor}.0")
            else:
                lines.append(f"    words = words + p{index} * {factor}")
        if self.result == "f64":
            lines.append("    return floats")
        elif self.result == "f32":
            lines.append("    return f64_to_f32(floats)")
        else:
            lines.append("    return words + f64_to_int(floats)")
        body = "\n".join(lines)
        return f"@export fn {self.name}({parameters}) -> {self.result} {{\n{body}\n}}\n"

    def check_in_c(self) -> str:
        arguments = ", ".join(
            literal(value, kind) for value, kind in zip(self.values, self.kinds, strict=True)
        )
        wanted = literal(self.expected(), self.result)
        cast = "(unsigned char)" if self.result == "char" else ""
        return f'    if ({cast}{self.name}({arguments}) != {wanted}) puts("{self.name}");\n'


def literal(value: int | float, kind: str) -> str:
    if kind in FLOATS:
        return f"{value!r}f" if kind == "f32" else repr(value)
    if value == -(1 << 63):
        return "INT64_MIN"
    return f"UINT64_C({value})" if kind == "u64" else f"INT64_C({value})"


def cases() -> list[Case]:
    random_numbers = random.Random(SEED)
    return [one_case(random_numbers, f"function_{index}") for index in range(COUNT)]


def one_case(numbers: random.Random, name: str) -> Case:
    count = numbers.randrange(MOST_PARAMETERS + 1)
    kinds = tuple(numbers.choice(INTEGERS + FLOATS * 2) for _ in range(count))
    values: list[int | float] = []
    for kind in kinds:
        if kind in FLOATS:
            values.append(numbers.randrange(-4000, 4000) / 4)
        elif kind[0] == "i":
            values.append(numbers.choice((-1, -(1 << (BITS[kind] - 1)), 3)))
        else:
            values.append(numbers.choice((0, 1, (1 << BITS[kind]) - 1)))
    return Case(name, kinds, numbers.choice(INTEGERS + FLOATS), tuple(values))


SOURCE = "".join(case.source() for case in cases())
PROGRAM = (
    '#include "libdemo.h"\n#include <stdio.h>\nint main(void)\n{\n'
    + "".join(case.check_in_c() for case in cases())
    + '    puts("checked");\n    return 0;\n}\n'
)
WITHOUT_SIGN_WARNINGS = (*STRICT_C, "-Wno-sign-compare", "-Wno-overflow")


@pytest.mark.parametrize("name", ["libdemo.so", "libdemo.a"])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_arguments_and_results_cross(tmp_path: Path, cpu: Cpu, level: str, name: str) -> None:
    library = build_text(tmp_path, SOURCE, target_for(LINUX, cpu), name, level)
    program = tmp_path / "program"
    words: list[str | Path] = [gcc_for(cpu), *WITHOUT_SIGN_WARNINGS, "-O1", f"-I{tmp_path}"]
    command([*words, c_file(tmp_path, PROGRAM), library, RUN_PATH, "-o", program])
    emulator = [tool("qemu-aarch64"), "-L", ARM64_LIBRARIES] if cpu is ARM64 else []
    assert run(*emulator, program).output == "checked\n"


@pytest.mark.parametrize("name", ["demo.dll", "demo.lib"])
def test_arguments_and_results_cross_on_windows(tmp_path: Path, name: str) -> None:
    build_text(tmp_path, SOURCE, WINDOWS_X86_64, name)
    program = tmp_path / "program.exe"
    words: list[str | Path] = [windows_gcc(), *WITHOUT_SIGN_WARNINGS, f"-I{tmp_path}"]
    if name == "demo.lib":
        words.append("-DDEMO_STATIC")
    command([*words, c_file(tmp_path, PROGRAM), tmp_path / "demo.lib", "-o", program])
    assert run_in_wine(program).output == "checked\n"


def caller(target: Target) -> str:
    """Return a program of the language that checks the functions whose results it can compare."""
    library = "@rpath/libdemo.dylib" if target.system is MACOS else "demo.dll"
    lines: list[str] = []
    checks: list[str] = []
    for case in cases():
        parameters = ", ".join(f"{kind} p{index}" for index, kind in enumerate(case.kinds))
        declared = f"extern fn {case.name}({parameters}) -> {case.result}"
        lines.append(f'@dynamic("{library}") {declared}')
        arguments = ", ".join(map(word, case.values, case.kinds))
        wanted = word(case.expected(), case.result)
        checks.append(f'    if {case.name}({arguments}) != {wanted} {{ println("{case.name}") }}')
    body = "\n".join([*checks, '    println("checked")'])
    return "\n".join([*lines, f"fn main() {{\n{body}\n}}\n"])


def word(value: int | float, kind: str) -> str:
    if kind == "f32":
        return f"f64_to_f32({word(value, 'f64')})"
    if kind == "f64":
        return f"(0.0 - {-value!r})" if value < 0 else repr(float(value))
    return str(struct.unpack("<Q", struct.pack("<q", value))[0] if value < 0 else value)


@pytest.mark.parametrize("system", [MACOS, WINDOWS], ids=lambda row: row.name)
@pytest.mark.parametrize("cpu", CPUS, ids=lambda row: row.name)
def test_arguments_and_results_cross_in_strict_loaders(
    tmp_path: Path, system: object, cpu: Cpu
) -> None:
    target = target_for(MACOS if system is MACOS else WINDOWS, cpu)
    name = target.system.library_prefix + "demo" + target.system.library_suffix
    build_text(tmp_path, SOURCE, target, name)
    program = compile_for(tmp_path, caller(target), target)
    engine = engines_for(target)[-1]
    if engine.missing() is not None:
        pytest.skip(str(engine.missing()))
    result = engine.run(program.read_bytes(), working_folder=tmp_path)
    assert result.stdout == b"checked\n"
