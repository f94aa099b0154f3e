"""The benchmarks of networks and tensors notice results that are wrong."""

from dataclasses import replace

import pytest

from benchmarks import snn_measure, snn_sides, tensor_measure
from benchmarks.snn_measure import Result
from benchmarks.snn_sides import Setting
from benchmarks.snn_workloads import WORKLOADS, Kind, Precision
from benchmarks.tensor_operations import OPERATIONS

LIF = next(work for work in WORKLOADS if work.kind is Kind.LIF)
STDP = next(work for work in WORKLOADS if work.kind is Kind.STDP)
LIF_SPIKES = 3_309_236
STDP_SPIKES = 91_927


def _result(side: str, spikes: int, weight_ppm: int | None = None) -> Result:
    return Result(side, simulated_ns=1.0, spikes=spikes, weight_ppm=weight_ppm)


def test_right_spikes_are_no_mistake() -> None:
    setting = Setting(LIF, Precision.F64, 1)
    assert snn_measure.mistakes_in(setting, [_result("MLRift", LIF_SPIKES)]) == []


def test_one_spike_more_is_a_mistake_in_f64() -> None:
    setting = Setting(LIF, Precision.F64, 1)
    (mistake,) = snn_measure.mistakes_in(setting, [_result("MLRift", LIF_SPIKES + 1)])
    assert "MLRift: 3309237 spikes, not 3309236" in mistake


@pytest.mark.parametrize(("factor", "mistakes"), [(1.005, 0), (0.995, 0), (1.02, 1)])
def test_spikes_in_f32_may_be_near(factor: float, mistakes: int) -> None:
    setting = Setting(LIF, Precision.F32, 1)
    found = snn_measure.mistakes_in(setting, [_result("MLRift", round(LIF_SPIKES * factor))])
    assert len(found) == mistakes


@pytest.mark.parametrize(
    ("weight", "text"), [(None, "no line `sum_w_ppm=`"), (1, "weights sum to 1 ppm")]
)
def test_wrong_weights_are_a_mistake(weight: int | None, text: str) -> None:
    setting = Setting(STDP, Precision.F64, 1)
    (mistake,) = snn_measure.mistakes_in(setting, [_result("MLRift", STDP_SPIKES, weight)])
    assert text in mistake


def test_without_known_spikes_the_hand_written_program_is_right() -> None:
    setting = Setting(LIF.shortened(), Precision.F64, 1)
    results = [_result("MLRift", 8), _result(snn_sides.C_PLAIN.name, 7)]
    (mistake,) = snn_measure.mistakes_in(setting, results)
    assert "MLRift: 8 spikes, not 7" in mistake


def test_a_side_that_is_missing_makes_no_mistake() -> None:
    setting = Setting(LIF, Precision.F64, 1)
    assert snn_measure.mistakes_in(setting, [Result("MLRift", missing="no program")]) == []


OPERATION = replace(OPERATIONS[0], tolerance=1e-5)
TORCH = {"checksum": [10.0], "squares": [4.0], "scale": [1000.0]}


@pytest.mark.parametrize(
    ("ours", "text"),
    [
        ({"checksum": [10.009], "squares": [4.00003]}, ""),
        ({"checksum": [10.02], "squares": [4.0]}, "checksum is 10.02"),
        ({"checksum": [10.0], "squares": [4.001]}, "squares is 4.001"),
        ({"checksum": [float("nan")], "squares": [4.0]}, "checksum is nan"),
        ({"squares": [4.0]}, "no line `checksum=`"),
    ],
)
def test_tensors_are_compared_with_their_size(ours: dict[str, list[float]], text: str) -> None:
    mistake = tensor_measure.mistake_in(OPERATION, ours, TORCH)
    assert text in mistake
    assert bool(text) == bool(mistake)
