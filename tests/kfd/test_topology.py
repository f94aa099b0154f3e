"""Cards of the topology, and the sizes that follow from a card."""

import pytest

from mlrift.runtime.kfd import Device, DeviceError, KfdError
from mlrift.runtime.kfd.driver import TOPOLOGY, RealDriver
from mlrift.runtime.kfd.topology import Node, parse_properties, read_nodes
from tests.kfd.cards import emulated_driver


def node(version: int, units: int, **more: int) -> Node:
    properties = {"gfx_target_version": version, "simd_count": 2 * units, "simd_per_cu": 2, **more}
    return Node(1, 0x4B00, properties, 1 << 30)


def test_a_processor_is_no_device() -> None:
    found = read_nodes(emulated_driver("gfx1100", "gfx1030"))
    assert [row.gfx for row in found] == ["gfx1100", "gfx1030"]
    assert [row.render_path for row in found] == ["/dev/dri/renderD128", "/dev/dri/renderD129"]
    assert found[0].memory_bytes == 24 << 30


@pytest.mark.parametrize(
    ("version", "name"),
    [(110000, "gfx1100"), (100300, "gfx1030"), (120001, "gfx1201"), (90010, "gfx90a")],
)
def test_chips_are_named_by_their_version(version: int, name: str) -> None:
    assert node(version, 60).gfx == name


def test_sizes_of_gfx1100_with_60_units_are_those_of_the_specification() -> None:
    sizes = node(110000, 60).context_save()
    assert sizes.control_bytes == 0x6000
    assert sizes.buffer_bytes == 28_839_936


def test_figures_of_newer_kernels_come_first() -> None:
    sizes = node(110000, 60, ctl_stack_size=0x7000, cwsr_size=0x1C00000).context_save()
    assert (sizes.control_bytes, sizes.save_bytes) == (0x7000, 0x1C00000)


def test_gfx10_has_at_most_seven_pages_of_control_stack() -> None:
    assert node(100300, 80).context_save().control_bytes == 0x7000


def test_lines_that_are_no_numbers_are_passed_over() -> None:
    text = "simd_count 120\nname gfx1100\n\nunique_id 9223372036854775807\nhalf\n"
    assert parse_properties(text) == {"simd_count": 120, "unique_id": 9223372036854775807}


def test_a_missing_property_is_named() -> None:
    with pytest.raises(DeviceError, match=rf"node 1 of {TOPOLOGY} has no property `lds_size_in_kb"):
        _ = node(110000, 60).lds_bytes


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match="no device 3; there are 1, from 0 on"):
        Device.open(3, driver=emulated_driver("gfx1100"))


def test_without_a_card_the_error_says_what_to_do() -> None:
    if read_nodes(RealDriver()):
        pytest.skip("this machine has a card")
    with pytest.raises((KfdError, DeviceError), match=r"modprobe amdgpu|doctor|group"):
        Device.open()
