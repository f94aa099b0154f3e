"""The Python programs of examples/gpu on emulated cards: three chips, the output that they have."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mlrift.gpu import compile_kernels, library_kernels, open_device
from mlrift.runtime.kfd import DeviceError, QueueKind
from tests.kfd.cards import CHIPS

FOLDER = Path(__file__).resolve().parents[2] / "examples/gpu"
OUTPUTS = {
    "vector_add": "[0.5 1.5 2.5 3.5] 999.5\n",
    "gemv_types": (
        "f32        49152 bytes  right\n"
        "f16_f32    24576 bytes  right\n"
        "bf16_f32   24576 bytes  right\n"
        "q8_0_f32   13056 bytes  right\n"
        "q4_0_f32    6912 bytes  right\n"
        "q4_k_f32    6912 bytes  right\n"
        "q6_k_f32   10080 bytes  right\n"
    ),
    "gemm_wmma": "64 x 48 x 96: right\n",
    "attention": "8 heads over 50 positions: right\n",
    "spiking": "729 spikes; the same: True; the same voltages to the bit: True\n",
    "layer": "2 tokens, hidden 256: right\n",
    "chain": "2^40 = 1099511627776; took time: True\n",
    "two_streams": "89 144\n",
}


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_program_has_an_expected_output() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(OUTPUTS)


@pytest.mark.parametrize("gfx", CHIPS)
@pytest.mark.parametrize("name", OUTPUTS)
def test_program_prints_what_it_should(
    name: str, gfx: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAYER_HIDDEN", "256")
    with open_device(f"emulated:{gfx}") as device:
        program(name).main(device)
    assert capsys.readouterr().out == OUTPUTS[name]


def test_the_chain_on_packets_of_the_command_processor(capsys: pytest.CaptureFixture[str]) -> None:
    with open_device("emulated", QueueKind.PM4) as device:
        program("chain").main(device)
    assert capsys.readouterr().out == OUTPUTS["chain"]


def test_names_of_devices_chips_kernels_and_files() -> None:
    with pytest.raises(DeviceError, match="'card' names no device: a number, or emulated"):
        open_device("card")
    with pytest.raises(DeviceError, match="gfx906 is not a chip that we compile for, only: gfx10"):
        compile_kernels(library_kernels("pointwise"), "gfx906")
    with pytest.raises(DeviceError, match="has no kernel nothing"):
        compile_kernels(library_kernels("pointwise"), "gfx1100", ("nothing",))
    with pytest.raises(FileNotFoundError, match=r"std/kernels has no gem\.mlr, only: access, att"):
        library_kernels("gem")
