"""Compare our code for AMD GPUs with clang's: `python -m benchmarks.kernels [--chips NAMES]`.

The kernels of kernels/twins.mlr and kernels/twins.cl compute the same; both are compiled for each
chip (clang 22, -O3), run in the emulator, and their instructions, registers, waits and spills
counted. Also measured is how long our compiler takes. Prints tables and writes them to
benchmarks/results. Results that differ are a failure.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import commands
from benchmarks.kernel_code import CodeCounts, counts_of
from benchmarks.kernel_runs import differs, emulator_speed, execute, load
from benchmarks.result_page import table, write_page
from mlrift.backends.amdgcn.check import check_code_object
from mlrift.backends.amdgcn.chips import Chip, chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.driver.kernels import kernels_of
from mlrift.ir.passes.device_pipeline import prepare_kernels

SOURCES = commands.BENCHMARKS / "kernels"
_CHIPS = ("gfx1030", "gfx1100", "gfx1201")
_CLANG_NAMES = ("/usr/lib/llvm-22/bin/clang", "clang-22", "clang")
_WARM_ROUNDS = 5
_LONG_KERNEL_STEPS = 180
_NOTE = """\
`executed` are instructions of all waves on a small input in our emulator, where both sides have to
give the same results; all else are static counts over the kernel's code by our decoder. Hints
(`s_delay_alu`, `s_clause`, `s_nop`) are counted nowhere. Registers are the highest used + 1. clang
unrolls loops more than we do, so that its code is longer where fewer instructions are executed.
"""


@dataclass(frozen=True)
class Twin:
    """A kernel on one chip."""

    name: str
    chip: str
    ours: CodeCounts
    clang: CodeCounts
    ours_executed: int
    clang_executed: int
    is_different: bool


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("--chips", nargs="+", default=list(_CHIPS), help="gfx names")
    parser.add_argument("--label", default="kernels", help="the name of the result")
    options = parser.parse_args(sys.argv[1:])
    chips = [chip for name in options.chips if (chip := chip_named(name)) is not None]
    parts = [_NOTE]
    everything: list[Twin] = []
    for chip in chips:
        twins = compare(chip)
        everything += twins
        parts.append(f"## {chip.name}\n\n{_twin_table(twins)}")
    parts.insert(1, f"## All chips\n\n{_summary(everything)}")
    parts.append(f"## Compile time\n\n{_compile_times(chips)}")
    parts.append(f"## Emulator\n\n{_emulator_figures(chips)}")
    body = "\n".join(parts)
    print(body)
    words = ["python", "-m", "benchmarks.kernels", *sys.argv[1:]]
    path = write_page(options.label, words, _clang_version(), body)
    print(f"written to {path.relative_to(commands.BENCHMARKS.parent)}")
    sys.exit(any(twin.is_different for twin in everything))


def compare(chip: Chip) -> list[Twin]:
    """Return the kernels that both sides have for a chip, counted and run."""
    ours, clang = our_object(chip), clang_object(chip)
    our_counts, clang_counts = counts_of(ours), counts_of(clang)
    our_program, clang_program = load(chip.name, ours), load(chip.name, clang)
    twins = []
    for name in our_counts:
        if name not in clang_counts:
            continue
        one, other = execute(our_program, name), execute(clang_program, name)
        executed = (one.instructions, other.instructions, differs(one, other))
        twins.append(Twin(name, chip.name, our_counts[name], clang_counts[name], *executed))
    return twins


def our_object(chip: Chip) -> bytes:
    """Return the twins compiled by us."""
    return compile_source((SOURCES / "twins.mlr").read_text(encoding="utf-8"), chip)


def compile_source(text: str, chip: Chip) -> bytes:
    """Return the code object of kernels given as text; those a chip cannot have are left out."""
    module = kernels_of(_for_chip(text, chip))
    prepare_kernels(module)
    return write(compile_kernels(module, chip))


def _for_chip(text: str, chip: Chip) -> str:
    """Leave out the matrix kernel where there are no matrix instructions."""
    if chip.generation.value == "gfx10":
        return text.split("@kernel\nfn gemm_matrix", maxsplit=1)[0]
    return text


def clang_object(chip: Chip) -> bytes:
    """Return the twins compiled by clang."""
    with tempfile.TemporaryDirectory(prefix="mlrift-bench-") as folder:
        output = Path(folder) / "twins.co"
        subprocess.run(
            [
                *(_clang(), "-x", "cl", "-cl-std=CL2.0", "-target", "amdgcn-amd-amdhsa"),
                *(f"-mcpu={chip.name}", f"-D{chip.generation.name}", "-nogpulib", "-O3", "-w"),
                "-cl-fp32-correctly-rounded-divide-sqrt",
                *(str(SOURCES / "twins.cl"), "-o", str(output)),
            ],
            check=True,
        )
        return output.read_bytes()


def _clang() -> str:
    for name in _CLANG_NAMES:
        try:
            done = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            continue
        if "version 22" in done.stdout:
            return name
    raise SystemExit("the comparison needs clang 22 (Debian packages clang-22 and lld-22)")


def _clang_version() -> str:
    done = subprocess.run([_clang(), "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


_COLUMNS: tuple[tuple[str, Callable[[CodeCounts], int]], ...] = (
    ("instructions", lambda row: row.instructions),
    ("VGPRs", lambda row: row.vectors),
    ("SGPRs", lambda row: row.scalars),
    ("waits", lambda row: row.waits),
    ("ALU waits", lambda row: row.result_waits),
    ("bytes", lambda row: row.code_bytes),
    ("spills", lambda row: row.spilled + row.scratch),
)
_EXECUTED = "executed"


def _twin_table(twins: Sequence[Twin]) -> str:
    headings = ["kernel, ours/clang", _EXECUTED, *(name for name, _ in _COLUMNS)]
    headings += [f"{_EXECUTED} ratio", "instruction ratio"]
    rows = []
    for twin in twins:
        cells = [f"{twin.ours_executed}/{twin.clang_executed}"]
        cells += [f"{count(twin.ours)}/{count(twin.clang)}" for _, count in _COLUMNS]
        cells.append(f"{twin.ours_executed / twin.clang_executed:.2f}")
        cells.append(f"{twin.ours.instructions / twin.clang.instructions:.2f}")
        rows.append([twin.name, *cells])
    return table(headings, rows)


def _summary(twins: Sequence[Twin]) -> str:
    names = sorted({twin.chip for twin in twins})
    groups = [[twin for twin in twins if twin.chip == name] for name in names] + [list(twins)]
    pairs_of: dict[str, Callable[[Twin], tuple[int, int]]] = {
        _EXECUTED: lambda twin: (twin.ours_executed, twin.clang_executed),
        **{heading: _pair_of(count) for heading, count in _COLUMNS[:-1]},
    }
    rows = [
        [heading, *(_mean_ratio([pair(twin) for twin in group]) for group in groups)]
        for heading, pair in pairs_of.items()
    ]
    spilling = [f"{t.name} ({t.chip})" for t in twins if t.ours.scratch and not t.clang.scratch]
    different = [f"{twin.name} ({twin.chip})" for twin in twins if twin.is_different]
    text = table(["geometric mean of ours / clang", *names, "all"], rows)
    return (
        f"{text}\nSpills where clang has none: {', '.join(spilling) or 'no kernel'}.\n"
        f"Results that differ from clang's: {', '.join(different) or 'no kernel'}.\n"
    )


def _pair_of(count: Callable[[CodeCounts], int]) -> Callable[[Twin], tuple[int, int]]:
    return lambda twin: (count(twin.ours), count(twin.clang))


def _mean_ratio(pairs: Sequence[tuple[int, int]]) -> str:
    ratios = [ours / clang for ours, clang in pairs if ours and clang]
    return f"{statistics.geometric_mean(ratios):.3f}" if ratios else "-"


def _compile_times(chips: Sequence[Chip]) -> str:
    text = (SOURCES / "twins.mlr").read_text(encoding="utf-8")
    four = text.split("fn xor_sum", maxsplit=1)[0] + _FOURTH
    long = _long_kernel(_LONG_KERNEL_STEPS)
    size = counts_of(compile_source(long, chips[0]))["long_kernel"].instructions
    rows = [
        ["4 kernels to 3 code objects, warm", _median_ms(lambda: _compile_all(four, chips))],
        [
            f"1 kernel of {size} instructions to 1 code object, warm",
            _median_ms(lambda: _compile_all(long, chips[:1])),
        ],
    ]
    return table(["from text to code objects, with the check", "processor ms, median"], rows)


def _emulator_figures(chips: Sequence[Chip]) -> str:
    rows = []
    for chip in chips:
        speed = emulator_speed(chip.name, our_object(chip))
        millions = f"{speed.instructions_per_second / 1e6:.1f}"
        rows.append([chip.name, millions, f"{speed.start_seconds:.2f}", str(speed.forms)])
    headings = ["`gemv_f32`", "M wave instructions/s", "start-up s", "forms translated by then"]
    return table(headings, rows)


def _compile_all(text: str, chips: Sequence[Chip]) -> None:
    module = kernels_of(text)
    prepare_kernels(module)
    for chip in chips:
        if check_code_object(write(compile_kernels(module, chip))):
            raise SystemExit("the checker does not accept the code")


def _median_ms(run: Callable[[], None]) -> str:
    run()
    times = []
    for _ in range(_WARM_ROUNDS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return f"{statistics.median(times) * 1000:.0f}"


_FOURTH = """
@kernel
fn add(uint64 a, uint64 b, uint64 out, uint64 n) {
    uint64 i = block_idx_x() * 256 + tid_local_x()
    if i < n {
        f32 x = 0.0f
        f32 y = 0.0f
        unsafe { *((a + i * 4) as f32) -> x }
        unsafe { *((b + i * 4) as f32) -> y }
        unsafe { *((out + i * 4) as f32) = x + y }
    }
}
"""


def _long_kernel(steps: int) -> str:
    """Return a kernel of straight code, about five instructions a step."""
    lines = ["@kernel", "fn long_kernel(uint64 from, uint64 to) {"]
    lines += ["    uint64 i = block_idx_x() * 256 + tid_local_x()", "    f32 x = 0.0f"]
    lines += ["    f32 y = 1.0f", "    f32 v = 0.0f"]
    for step in range(steps):
        lines.append(f"    unsafe {{ *((from + i * 4 + {step * 1024}) as f32) -> v }}")
        lines.append("    x = x * y + v")
        lines.append(f"    y = y * v - x * {step % 7 + 1}.5f")
        lines.append(f"    unsafe {{ *((to + i * 4 + {step * 1024}) as f32) = x * y }}")
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    main()
