"""A network in several parts: any number of threads gives the bytes that the ops mean."""

from pathlib import Path

import pytest

from mlrift.ir.interpret import ProgramLimits, RecordingOs, run_program
from mlrift.ir.passes.expand_models import edges, learning, stepping
from tests.harness.compiler import compile_ir, compile_model_ir

PROGRAM = """
struct Cell { f64 v  f64 se  f64 xq  f32 g }
dynamics Cell by euler {
    decay se 5.0
    decay xq 20.0
    d v = (se + 2.0 - v) / 10.0
    spike v >= 1.0 {
        v = 0.0
        xq += 1.0
        hold v 3
    }
}
struct Synapse { f64 w }
plasticity Synapse(Cell pre, Cell post) {
    on pre {
        post.se += w
        w = clamp(w - 0.01 * post.xq, 0.0, 1.0)
    }
    on post { w = clamp(w + 0.013 * pre.xq, 0.0, 1.0) }
}
fn main() {
    Cell[300] n
    for i in 0..n.len { n[i].v = 1.1 * ((i * 7 % 11) as f64) / 11.0 }
    csr f64[n, n] few = fixed_out(3, 5)
    csr f64[n, n] many = fixed_out(25, 6)
    csr f32[n[50..250], n[10..290]] uneven = bernoulli(40, 7)
    csr Synapse[n, n] learning = fixed_out(6, 8)
    few = 0.01
    uneven = 0.3f
    learning.w = 0.05
    csr f64[n, n] mixed = fixed_out(3, 9)
    for i, j in mixed { mixed[i, j] = 0.0001 * ((i * 5 + j) as f64) }
    for i, j in many { many[i, j] = 0.0001 * ((i * 3 + j) as f64) }
    u64 spikes = 0
    u64 hash = 0
    for t in 0..8 {
        events s = n.step(0.5)
        spikes += s.len
        for i in s { hash = hash * 31 + i }
        few.send(s, n.se)
        many.send(s, n.se)
        mixed.send(s, n.se)
        uneven.send(s, n.g)
        learning.pre(s)
        learning.post(s)
    }
    for i in 0..n.len { hash = hash * 31 + f64_to_int(n[i].se * 1.0e15) }
    for i in 0..n.len { hash = hash * 31 + f64_to_int((n[i].g as f64) * 1.0e9) }
    for i, j in learning { hash = hash * 31 + f64_to_int(learning[i, j].w * 1.0e17) }
    println(spikes, hash)
}
"""


@pytest.fixture(name="source", scope="module")
def _source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "network.mlr"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(name="wanted", scope="module")
def _wanted(source: Path) -> bytes:
    module = compile_model_ir(source, [])
    assert module is not None
    result = run_program(module, (), RecordingOs())
    assert result.status == 0
    assert int(result.stdout.split()[0]) > 100
    return result.stdout


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_give_the_same_bytes(
    source: Path, wanted: bytes, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepping, "GRAIN_NEURONS", 1)
    monkeypatch.setattr(edges, "GRAIN_EDGES", 1)
    monkeypatch.setattr(learning, "GRAIN_EDGES", 1)
    module = compile_ir(source, [])
    limits = ProgramLimits(parallel_threads=threads)
    assert run_program(module, (), RecordingOs(), limits).stdout == wanted
