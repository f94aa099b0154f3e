"""Products of std/llm/matrix.mlr against NumPy, bit for bit: every type, odd shapes, threads.

The program reads cases from a file and writes f32 results to another; here is what is in them.
"""

import subprocess
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest

from mlrift.targets import LINUX_ARM64, LINUX_X86_64, Target
from tests.extern.programs import compile_for
from tests.harness.run_files import IS_THOROUGH
from tests.llm import product_reference as reference
from tests.support.engines import engine_named

PARTS = Path(__file__).parent / "parts"
COUNTS = (1, 2, 3, 7, 16, 33)
LEVELS = (0, 3, 4, 5) if IS_THOROUGH else (3,)
SEED = 8


class Task(IntEnum):
    """What the program does with a case."""

    MULTIPLY = 0
    ADD = 1
    GATED = 2
    GATED_APART = 3
    ROWS = 4
    SAFE = 5


class Layout(IntEnum):
    """Whether weights are used where they are, or moved first."""

    FILE = 0
    MOVED = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One product: weights as bytes [matrix][row][byte], activations [row][column]."""

    kind: int
    weights: reference.Bytes
    x: reference.Floats
    task: Task = Task.MULTIPLY
    threads: int = 1
    layout: Layout = Layout.MOVED

    def encoded(self) -> bytes:
        """Return the case as the program reads it."""
        rows = self.weights.shape[1]
        words = [self.kind, rows, self.x.shape[1], len(self.x), self.task, self.threads]
        header = np.array([*words, self.layout, 0], np.uint64).tobytes()
        matrices = [_filled(matrix.tobytes()) for matrix in self.weights]
        return header + b"".join(matrices) + _filled(self.x.tobytes())

    def results(self) -> tuple[int, int]:
        """Return the shape of what comes out."""
        rows, columns = self.weights.shape[1], self.x.shape[1]
        return (rows, columns) if self.task is Task.ROWS else (len(self.x), rows)


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def program_for(folder: Path, target: Target, *flags: str) -> Path:
    """Compile the program."""
    text = (PARTS / "products.mlr").read_text(encoding="utf-8")
    return compile_for(folder, text, target, *flags)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    return program_for(tmp_path_factory.mktemp("products"), LINUX_X86_64)


def run(program: Path, folder: Path, cases: list[Case], *emulator: str) -> list[reference.Floats]:
    """Return the results of the cases."""
    source, target = folder / "cases", folder / "results"
    source.write_bytes(b"".join(case.encoded() for case in cases))
    words = [*emulator, str(program), str(source), str(target)]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    numbers = np.fromfile(target, np.float32)
    results = []
    for case in cases:
        rows, columns = case.results()
        results.append(numbers[: rows * columns].reshape(rows, columns))
        numbers = numbers[rows * columns :]
    assert not len(numbers)
    return results


def weights_of(kind: int, rows: int, columns: int, random: np.random.Generator) -> reference.Bytes:
    """Return random blocks whose scales are of the size of real ones."""
    size = reference.row_bytes(kind, columns)
    data = random.integers(0, 256, (rows, size), np.uint8)
    blocks = data.reshape(rows, -1, reference.BLOCK_BYTES[kind])
    halves = {
        reference.Q6_K: (208,),
        reference.Q8_0: (0,),
        reference.Q4_0: (0,),
        reference.Q5_0: (0,),
    }
    for at in halves.get(kind, (0, 2)):
        scale = random.uniform(-0.02, 0.02, blocks.shape[:2]).astype(np.float16)
        blocks[..., at : at + 2] = scale[..., None].view(np.uint8)
    return data


def float_weights_of(
    kind: int, rows: int, columns: int, random: np.random.Generator
) -> reference.Bytes:
    """Return random f32, f16 or bf16 weights."""
    numbers = random.standard_normal((rows, columns)).astype(np.float32)
    if kind == reference.F16:
        return numbers.astype(np.float16).view(np.uint8)
    if kind == reference.BF16:
        return (numbers.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)
    return numbers.view(np.uint8)


def activations_of(count: int, columns: int, random: np.random.Generator) -> reference.Floats:
    """Return random activations: a few are large, a block is zeros, another nearly so."""
    x = random.standard_normal((count, columns)).astype(np.float32)
    x[:, ::37] *= 30
    x[0, :32] = 0
    x[-1, -32:] = 1e-33
    return x


def same_bits(a: reference.Floats, b: reference.Floats) -> bool:
    """Compare every bit."""
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def cases_of(kind: int, counts: tuple[int, ...]) -> list[Case]:
    """Return cases of a type: one row, rows and columns that are no whole tiles, whole ones."""
    random = np.random.default_rng(SEED + kind)
    block = reference.ELEMENTS.get(kind, 32)
    cases: list[Case] = []
    for count in counts:
        for rows, columns in ((1, block), (37, 3 * block), (64, 4 * block)):
            weights = weights_of(kind, rows, columns, random)[None]
            x = activations_of(count, columns, random)
            cases.append(Case(kind, weights, x))
            if count <= 2 or rows == 37:
                cases.append(Case(kind, weights, x, layout=Layout.FILE))
    return cases


def check(cases: list[Case], results: list[reference.Floats]) -> None:
    """Compare results with NumPy's."""
    for case, result in zip(cases, results, strict=True):
        parts = reference.take_apart(case.kind, case.weights[0])
        assert same_bits(result, reference.product(parts, case.x)), (case.kind, case.results())


@pytest.mark.parametrize("kind", reference.QUANTISED)
def test_products_are_numpys_bit_for_bit(program: Path, tmp_path: Path, kind: int) -> None:
    cases = cases_of(kind, COUNTS)
    check(cases, run(program, tmp_path, cases))


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_of_processors_gives_these_bits(tmp_path: Path, level: int) -> None:
    missing = engine_named("linux-x64").missing()
    if missing is not None:
        pytest.skip(missing)
    program = program_for(tmp_path, LINUX_X86_64, f"--processor-level={level}")
    cases = [case for kind in reference.QUANTISED for case in cases_of(kind, (1, 15))]
    check(cases, run(program, tmp_path, cases))


@pytest.mark.skipif(not IS_THOROUGH, reason="emulation of arm64 is for thorough runs")
def test_arm64_gives_these_bits(tmp_path: Path) -> None:
    missing = engine_named("linux-arm64:qemu").missing()
    if missing is not None:
        pytest.skip(missing)
    program = program_for(tmp_path, LINUX_ARM64)
    cases = [case for kind in reference.QUANTISED for case in cases_of(kind, (1, 15))]
    check(cases, run(program, tmp_path, cases, "qemu-aarch64"))


@pytest.mark.parametrize("kind", reference.QUANTISED)
def test_rows_are_dequantised(program: Path, tmp_path: Path, kind: int) -> None:
    random = np.random.default_rng(SEED)
    weights = weights_of(kind, 19, 512, random)[None]
    x = np.zeros((1, 512), np.float32)
    cases = [Case(kind, weights, x, Task.ROWS, layout=layout) for layout in Layout]
    expected = reference.take_apart(kind, weights[0]).dequantised()
    for result in run(program, tmp_path, cases):
        assert same_bits(result, expected)


def test_threads_and_endings_change_no_bit(program: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(SEED)
    cases: list[Case] = []
    for kind in reference.QUANTISED:
        weights = np.stack([weights_of(kind, 320, 512, random) for _ in range(2)])
        for count in (1, 9, 64):
            x = activations_of(count, 512, random)
            for threads in (1, 2, 3):
                cases.extend(
                    Case(kind, weights[:1], x, task, threads) for task in (Task.MULTIPLY, Task.ADD)
                )
                cases.append(Case(kind, weights, x, Task.GATED, threads))
            cases.append(Case(kind, weights, x, Task.GATED_APART))
    results = run(program, tmp_path, cases)
    for group in range(0, len(cases), 10):
        plain, added, gated = results[group : group + 3]
        assert same_bits(added, plain + plain)
        assert same_bits(gated, results[group + 9])
        for later in (3, 6):
            for first, second in zip((plain, added, gated), results[group + later :], strict=False):
                assert same_bits(first, second)


@pytest.mark.parametrize("kind", (reference.Q8_0, reference.Q4_K, reference.Q6_K))
def test_what_is_not_finite_stays_in_its_row(program: Path, tmp_path: Path, kind: int) -> None:
    random = np.random.default_rng(SEED)
    weights = weights_of(kind, 33, 512, random)[None]
    x = activations_of(12, 512, random)
    clean = x.copy()
    x[1, 100] = np.nan
    x[4, 300] = np.inf
    x[7, 511] = -np.inf
    cases = [Case(kind, weights, x), Case(kind, weights, clean), Case(kind, weights, x, Task.SAFE)]
    result, expected, safe = run(program, tmp_path, cases)
    finite = np.isfinite(result).all(axis=1)
    assert np.flatnonzero(~finite).tolist() == [1, 4, 7]
    assert not np.isfinite(result[~finite]).any()
    assert same_bits(result[finite], expected[finite])
    assert same_bits(safe[finite], expected[finite])
    assert not np.isfinite(safe[~finite]).any()


def test_plain_and_vector_code_agree_for_every_type(program: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(SEED)
    cases: list[Case] = []
    for kind in (reference.F32, reference.F16, reference.BF16, *reference.QUANTISED):
        if kind in reference.QUANTISED:
            weights = weights_of(kind, 37, 512, random)
        else:
            weights = float_weights_of(kind, 37, 512, random)
        for count in (1, 8):
            x = activations_of(count, 512, random)
            cases.extend(Case(kind, weights[None], x, task) for task in (Task.MULTIPLY, Task.SAFE))
    results = run(program, tmp_path, cases)
    for case, fast, safe in zip(cases[::2], results[::2], results[1::2], strict=True):
        assert same_bits(fast, safe), (case.kind, case.results())
