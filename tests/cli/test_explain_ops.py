"""`mlrc --explain-ops`: what loops cost, counted by hand here."""

from pathlib import Path

import pytest

from tests.harness.compiler import run_mlrc

MODEL = """struct Cell { f64 v  f64 se  f64 drive  u32 count }
dynamics Cell by euler {
    decay se 5.0
    d v = (drive + se - v) / 10.0
    spike v >= 1.0 {
        v = 0.0
        hold v 20
        count += 1
    }
}
struct Synapse { f64 w }
plasticity Synapse(Cell pre, Cell post) { on pre { post.se += w  w = w * 0.99 } }
fn main() {
    Cell[100] n
    csr f64[n, n] plain = fixed_out(4, 7)
    csr Synapse[n, n] learning = fixed_out(4, 7)
    plain = 0.5
    events s = n.step(0.1)
    plain.send(s, n.se)
    learning.pre(s)
}
"""
STEP = """model.mlr:18:16: step of `Cell`
    all lines of the block are one loop over the neurons
    reads (bytes): v 8, se 8, drive 8, v (hold) 1
    writes (bytes): v 8, se 8, v (hold) 1
    each neuron-step: 42 bytes (25 read, 17 written); 6 + - *, 2 / sqrt, 1 compare
    vector lanes: 2 x86-64-v2, 4 x86-64-v3, 8 x86-64-v4, 2 arm64
    not below 2.1 ns each neuron-step from memory
"""
PRE = """model.mlr:20:5: on pre
    two loops over the edges: what is added to neurons, what changes edges
    reads (bytes): target number 4, w 8, post.se 8
    writes (bytes): post.se 8, w 8
    each edge: 36 bytes (20 read, 16 written); 2 + - *
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explained(folder: Path, text: str, *options: str) -> str:
    """Return the report on a program; nothing is written."""
    (folder / "model.mlr").write_text(text)
    status, out, err = run_mlrc(["--explain-ops", *options, "model.mlr"])
    assert (status, err) == (0, "")
    assert [row.name for row in folder.iterdir()] == ["model.mlr"]
    return out


def test_a_step_and_a_rule_are_counted(folder: Path) -> None:
    out = explained(folder, MODEL)
    assert STEP in out
    assert PRE in out
    assert out.endswith(
        "not kept, for nobody reads it: Cell.count\n"
        "values of edges not kept, for all are one number: plain\n"
        "limits of time are for 20 GB/s of memory (--bandwidth)\n"
    )


def test_the_bandwidth_is_a_choice(folder: Path) -> None:
    assert "not below 0.21 ns each neuron-step" in explained(folder, MODEL, "--bandwidth=200")


def test_element_wise_operations_are_one_loop(folder: Path) -> None:
    text = (
        "fn main() {\n    tensor f32[8] x = fill(2.0f, 8)\n"
        "    tensor f32[8] y = x * x + x\n    println(y[3] as u64)\n}\n"
    )
    out = explained(folder, text)
    assert "element-wise\n    one loop: fill mul add\n" in out


def test_what_products_and_softmax_take_in_is_named(folder: Path) -> None:
    text = (
        "fn main() {\n    tensor f32[8, 8] x = fill(2.0f, 8, 8)\n"
        "    tensor f32[8, 8] y = relu(x @ x + x)\n"
        "    y = softmax(x @ y * 0.5f) @ softmax(y * 2.0f)\n    println(y[3, 3])\n}\n"
    )
    out = explained(folder, text)
    assert "8 products and sums for each; while a tile is in cache, one loop: add relu\n" in out
    assert "product, one loop: mul, softmax and product for a block of rows" in out
    assert "softmax of rows\n    each row is made in cache, one loop: mul\n" in out


def test_a_program_without_models_has_nothing_to_explain(folder: Path) -> None:
    assert explained(folder, "fn main() { println(1) }\n") == (
        "no operations on models or tensors\n"
    )


@pytest.mark.parametrize("word", ["0", "-3", "fast", "nan", "inf", ""])
def test_a_bandwidth_is_a_positive_number(folder: Path, word: str) -> None:
    (folder / "model.mlr").write_text(MODEL)
    status, out, err = run_mlrc(["--explain-ops", f"--bandwidth={word}", "model.mlr"])
    assert (status, out) == (1, "")
    assert err == f"mlrc: error: --bandwidth is GB/s, a number, not '{word}'\n"


def test_a_bandwidth_needs_something_to_explain(folder: Path) -> None:
    (folder / "model.mlr").write_text(MODEL)
    status, out, err = run_mlrc(["--bandwidth=5", "model.mlr"])
    assert (status, out, err) == (1, "", "mlrc: error: --bandwidth is for --explain-ops\n")


def test_mistakes_are_reported_as_ever(folder: Path) -> None:
    (folder / "model.mlr").write_text("fn main() { n.step(1) }\n")
    status, out, err = run_mlrc(["--explain-ops", "model.mlr"])
    assert (status, out) == (1, "")
    assert "model.mlr:1:13: error" in err
