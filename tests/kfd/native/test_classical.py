"""Programs as they were written for 1.1: its modules, with the values that std.md 6 has for them.

The card has 60 units, for which 1.1 has the sizes of queues as numbers.
"""

import os
from pathlib import Path

import pytest

from mlrift.runtime.kfd.supervisor.supervisor import Supervisor
from tests.harness.compiler import run_mlrc
from tests.kfd.native.programs import FOLDER, need_supervision

CARD = "gfx1101"
REQUESTS = """\
0 1
0 1
0
0 16
0 0 0 0
0 0
0
0 1
0
0 1
0 22 1
22
0
0
1 1
0 22
0 1
0 22
0 0
"""
REFUSED = """\
mlr: emulated device: ACQUIRE_VM: the process has done it before
mlr: emulated device: DESTROY_EVENT: there is no event 257
mlr: emulated device: DESTROY_QUEUE: there is no queue 257
mlr: emulated device: FREE_MEMORY_OF_GPU: there is no buffer 0x4d
"""
HANDLES = """\
0 0 1 0
1 1
0 0 32
32 1
1 1 1
1 2 1 0
1 1 0
1 1
72 0
1 1
0 1
2.500000 2497.500000
0 3.500000
5.500000 5494.500000
1
1
27.000000
"""
HIP = """\
0 1 0
0
0
0 0
0 0
0
0 0
3.000000 2997.000000
32 4 0 1
1 1
0 0 0
500
out of memory
"""


@pytest.fixture(scope="module", name="program")
def _program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("classical") / "program"
    words = ["--target=amdgpu-native", f"--target-arch={CARD}", str(FOLDER / "classical.mlr")]
    status, _, errors = run_mlrc([*words, "-o", str(made)])
    assert (status, errors) == (0, "")
    assert os.access(f"{made}.co", os.R_OK)
    return made


@pytest.mark.parametrize(
    ("case", "expected", "messages"),
    [
        ("requests", REQUESTS, REFUSED),
        ("kfd", HANDLES, ""),
        ("hip", HIP, "hipModuleGetFunction: the code object has no kernel `none`\n"),
    ],
    ids=["requests", "kfd", "hip"],
)
def test_programs_of_1_1_do_what_they_did(
    case: str, expected: str, messages: str, program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    need_supervision()
    capfd.readouterr()
    status = Supervisor((CARD,)).run(program, [str(program), case])
    assert (status, *capfd.readouterr()) == (0, expected, messages)
