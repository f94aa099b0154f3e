"""Networks of examples/snn fire as in Brian2: every spike at the same step, by the same neuron."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import BRIAN, installed_python
from mlrift.targets import LINUX_X86_64
from tests.examples.oracles import EXAMPLES
from tests.harness.compiler import compile_program
from tests.support.engines import default_engine

STEPS = 10000
SCRIPT = Path(__file__).resolve().parents[1] / "support" / "spiking_networks.py"
CONNECTIONS = {
    "ei_100": ("excitation", "inhibition"),
    "delay_100": ("fast", "slow", "inhibition"),
    "stdp_100": ("learning", "inhibition"),
}


def reporting(name: str) -> str:
    """Return an example that prints its edges and spikes, too."""
    text = (EXAMPLES / "snn" / f"{name}.mlr").read_text()
    edges = "".join(
        f'    for i, j in {row} {{ println("{row}", i, j) }}\n' for row in CONNECTIONS[name]
    )
    for anchor, replacement in (
        ("    u64 spikes = 0\n", f"    u64 spikes = 0\n{edges}"),
        ("spikes += s.len\n", 'spikes += s.len\n        for i in s { println("at", t, i) }\n'),
        ("for t in 0..10000", f"for t in 0..{STEPS}"),
    ):
        assert text.count(anchor) == 1, anchor
        text = text.replace(anchor, replacement)
    return text


def pairs(output: str, word: str) -> np.ndarray:
    """Return the numbers of the lines that begin with a word."""
    found = re.findall(rf"^{word} (\d+) (\d+)$", output, re.MULTILINE)
    return np.array(found, dtype=np.int64).reshape(-1, 2)


@pytest.mark.parametrize("name", CONNECTIONS)
def test_spikes_are_those_of_brian(name: str, tmp_path: Path) -> None:
    python = installed_python(BRIAN)
    if python is None:
        pytest.skip("beside Brian2 only, which `python -m benchmarks.snn` installs")
    source = tmp_path / f"{name}.mlr"
    source.write_text(reporting(name))
    image = compile_program(source, [], (LINUX_X86_64,)).images[LINUX_X86_64.name]
    output = default_engine(LINUX_X86_64).run(image, []).stdout.decode()
    for row in CONNECTIONS[name]:
        np.save(tmp_path / f"{row}.npy", pairs(output, row))
    words = (str(python), str(SCRIPT), name, str(STEPS), str(tmp_path))
    subprocess.run(words, check=True, capture_output=True, timeout=300)
    ours, theirs = pairs(output, "at"), np.load(tmp_path / "brian.npy")
    assert len(ours) > 500
    np.testing.assert_array_equal(ours, theirs)
