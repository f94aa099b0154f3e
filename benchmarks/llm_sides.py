"""The programs that are compared on a model file: ours, llama.cpp and PyTorch.

llama.cpp is built for this processor from the source that the llama-cpp-python package brings;
that takes a quarter of an hour, once.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import commands
from benchmarks.measure import run_once
from benchmarks.peers import TRANSFORMERS, PeerMissing, peer_python, peers_folder

FOLDER = commands.BENCHMARKS / "llm"
PROMPT_TOKENS = 512
DECODED_TOKENS = 128
THREADS = 2
_PACKAGE = "llama-cpp-python"
_TOOLS = ("llama-bench", "llama-quantize")
_LIBRARY = "libllama.so"


@dataclass(frozen=True, slots=True)
class Rates:
    """Tokens a second of each run; memory at its peak, None where it was not measured."""

    prefill: tuple[float, ...] = ()
    decode: tuple[float, ...] = ()
    peak_bytes: int | None = None
    bytes_per_token: int | None = None

    def followed_by(self, later: "Rates") -> "Rates":
        """Return the runs of both; peak and bytes are those of the later ones."""
        prefill, decode = self.prefill + later.prefill, self.decode + later.decode
        return Rates(prefill, decode, later.peak_bytes, later.bytes_per_token)


@dataclass(frozen=True, slots=True)
class Loads:
    """Seconds of loading: of the first time, and of those behind it."""

    first: float
    others: tuple[float, ...]


def llama_tools() -> Path:
    """Return the folder with llama.cpp's tools, which are built when missing."""
    built = peers_folder() / "llama.cpp" / "bin"
    if all((built / tool).exists() for tool in _TOOLS):
        return built
    print("building llama.cpp for this processor (some 15 minutes)", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        source = _llama_source(Path(name))
        words = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DLLAMA_CURL=OFF"]
        words += ["-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_SERVER=OFF"]
        target = str(built.parent)
        _must("cmake", "-S", str(source), "-B", target, *words)
        jobs = str(os.cpu_count() or 1)
        _must("cmake", "--build", target, "-j", jobs, "--target", *_TOOLS)
    return built


def _llama_source(folder: Path) -> Path:
    python = sys.executable
    words = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", _PACKAGE)
    _must(python, *words, "--no-build-isolation", "--dest", str(folder), _PACKAGE)
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return next(folder.glob("*/vendor/llama.cpp"))


def _must(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerMissing(f"{words[0]} failed: {done.stderr.strip().splitlines()[-1:]}")


def our_program(folder: Path) -> Path:
    """Compile examples/llm/bench.mlr to a fat file."""
    source = commands.BENCHMARKS.parent / "examples" / "llm" / "bench.mlr"
    made = folder / "bench.mlrbo"
    run_once(commands.mlrc(source, made, folder / "cache"))
    return made


def run_ours(program: Path, model: Path) -> Rates:
    """Measure ours once, after a run that warms up; `--json` gives a line for each measurement."""
    words = [*commands.mlr(program).arguments, "--model", str(model)]
    words += ["--pp", str(PROMPT_TOKENS), "--tg", str(DECODED_TOKENS), "--reps", "2"]
    words += ["--threads", str(THREADS), "--json"]
    rates = _rates(words)
    return replace(rates, prefill=rates.prefill[1:], decode=rates.decode[1:])


def run_torch(folder: Path, runs: int) -> Rates:
    """Measure PyTorch in bf16."""
    counts = (THREADS, PROMPT_TOKENS, DECODED_TOKENS, runs)
    words = [str(peer_python(TRANSFORMERS)), str(FOLDER / "rates_torch.py"), str(folder)]
    return _rates([*words, *map(str, counts)])


def run_llama(tools: Path, model: Path) -> Rates:
    """Measure llama.cpp once with its own benchmark, which warms up before."""
    words = [str(tools / "llama-bench"), "-m", str(model), "-p", str(PROMPT_TOKENS)]
    words += ["-n", str(DECODED_TOKENS), "-t", str(THREADS), "-r", "1", "-o", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    prefill: tuple[float, ...] = ()
    decode: tuple[float, ...] = ()
    for row in json.loads(done.stdout):
        if row["n_gen"]:
            decode = tuple(row["samples_ts"])
        else:
            prefill = tuple(row["samples_ts"])
    return Rates(prefill, decode)


def load_times(program: Path, tools: Path, model: Path, runs: int) -> tuple[Loads, Loads]:
    """Measure how long ours and llama.cpp take until a prompt could be given, in turns.

    Each load is a process of its own. The first of each side does not count: it is the one that
    may find memory which the host of a virtual machine has not provided yet.
    """
    ours = [*commands.mlr(program).arguments, "--model", str(model), "--threads", str(THREADS)]
    ours += ["--pp", "0", "--tg", "0", "--json"]
    script = str(FOLDER / "load_llama.py")
    llama = [sys.executable, script, str(tools / _LIBRARY), str(model)]
    times = [(_load(ours), _load(llama)) for _ in range(runs + 1)]
    first, counted = times[0], times[1:]
    return (
        Loads(first[0], tuple(row[0] for row in counted)),
        Loads(first[1], tuple(row[1] for row in counted)),
    )


def _load(words: list[str]) -> float:
    seconds: float = next(row["seconds"] for row in _records(words) if row["kind"] == "load")
    return seconds


def _records(words: list[str]) -> list[dict[str, Any]]:
    """Run a program and return the objects that it prints, one a line."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerMissing(f"{Path(words[0]).name}: {done.stderr.strip()[-200:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _rates(words: list[str]) -> Rates:
    rows = _records(words)
    kinds = {kind: [row for row in rows if row["kind"] == kind] for kind in ("pp", "tg")}
    peak = next((row["peak_rss_bytes"] for row in rows if row["kind"] == "memory"), None)
    return Rates(
        tuple(row["tok_s"] for row in kinds["pp"]),
        tuple(row["tok_s"] for row in kinds["tg"]),
        peak,
        next((row["bytes_per_token"] for row in kinds["tg"] if "bytes_per_token" in row), None),
    )
