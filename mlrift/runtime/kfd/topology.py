"""The cards of a machine, from /sys/class/kfd: parsing and the sizes that follow from a node.

Source: gpu.md 5.1 and 5.5. A node without SIMDs is a processor and is left out.
"""

from collections.abc import Callable

from mlrift.runtime.kfd.driver import TOPOLOGY, Driver
from mlrift.runtime.kfd.errors import DeviceError
from mlrift.values import value

PAGE = 4096
EOP_BYTES = 4096
_SGPR_BYTES = 0x4000
_LDS_BYTES = 0x10000
_HARDWARE_BYTES = 0x1000
_WIDE_REGISTER_FILES = (110000, 110001, 110501, 120000, 120001)


@value
class Node:
    """One card: `properties` are the numbers of its file, by name."""

    number: int
    gpu_id: int
    properties: dict[str, int]
    memory_bytes: int

    def number_of(self, name: str) -> int:
        """Return a property; DeviceError names one that is missing."""
        if name not in self.properties:
            raise DeviceError(f"node {self.number} of {TOPOLOGY} has no property `{name}`")
        return self.properties[name]

    @property
    def gfx(self) -> str:
        """The chip's name: 110000 is gfx1100."""
        version = self.number_of("gfx_target_version")
        major, minor, stepping = version // 10000, version // 100 % 100, version % 100
        return f"gfx{major}{minor:x}{stepping:x}"

    @property
    def compute_units(self) -> int:
        """Compute units of one part of the chip (XCC)."""
        units = self.number_of("simd_count") // self.number_of("simd_per_cu")
        return units // max(self.properties.get("num_xcc", 1), 1)

    @property
    def parts(self) -> int:
        """XCCs; 1 on all consumer cards."""
        return max(self.properties.get("num_xcc", 1), 1)

    @property
    def render_path(self) -> str:
        """The render node of this card."""
        return f"/dev/dri/renderD{self.number_of('drm_render_minor')}"

    @property
    def shader_engines(self) -> int:
        """Shader engines, over which the waves of private memory are counted from gfx11 on."""
        arrays = self.properties.get("array_count", 1)
        return max(arrays // max(self.properties.get("simd_arrays_per_engine", 1), 1), 1)

    @property
    def lds_bytes(self) -> int:
        """Bytes of LDS that one group may have."""
        return self.number_of("lds_size_in_kb") * 1024

    @property
    def waves(self) -> int:
        """Waves that the chip can hold."""
        return self.compute_units * 32

    def context_save(self) -> "ContextSave":
        """Return the sizes that CREATE_QUEUE demands; the topology's own figures come first."""
        version = self.number_of("gfx_target_version")
        control = align(40 + 12 * self.waves + 8, PAGE)
        if version < 110000:
            control = min(control, 0x7000)
        registers = 0x60000 if version in _WIDE_REGISTER_FILES else 0x40000
        per_unit = registers + _SGPR_BYTES + _LDS_BYTES + _HARDWARE_BYTES
        save = control + align(self.compute_units * per_unit, PAGE)
        control = self.properties.get("ctl_stack_size", 0) or control
        save = self.properties.get("cwsr_size", 0) or save
        debug = align(32 * self.waves, 64)
        return ContextSave(control, save, align((save + debug) * self.parts, PAGE))


@value
class ContextSave:
    """Bytes of the control stack, of the save area with it, and of the buffer for both."""

    control_bytes: int
    save_bytes: int
    buffer_bytes: int


def align(size: int, unit: int) -> int:
    """Return `size` rounded up to a multiple of `unit`."""
    return (size + unit - 1) // unit * unit


def read_nodes(driver: Driver) -> list[Node]:
    """Return the cards in the order of the topology."""
    return nodes_of(driver.read_text, driver.names, TOPOLOGY)


def nodes_of(
    read_text: Callable[[str], str], names: Callable[[str], list[str]], root: str
) -> list[Node]:
    """Return the cards of a topology below a folder."""
    found = []
    for name in sorted(names(root), key=_as_number):
        node = _read_node(read_text, names, f"{root}/{name}")
        if node is not None:
            found.append(node)
    return found


def _as_number(name: str) -> int:
    return int(name) if name.isdigit() else 1 << 30


def _read_node(
    read_text: Callable[[str], str], names: Callable[[str], list[str]], folder: str
) -> Node | None:
    gpu_id = int(read_text(f"{folder}/gpu_id").strip() or "0")
    if gpu_id == 0:
        return None
    properties = parse_properties(read_text(f"{folder}/properties"))
    if properties.get("simd_count", 0) == 0:
        return None
    memory = properties.get("local_mem_size", 0)
    if memory == 0:
        for bank in names(f"{folder}/mem_banks"):
            text = read_text(f"{folder}/mem_banks/{bank}/properties")
            memory += parse_properties(text).get("size_in_bytes", 0)
    return Node(int(folder.rsplit("/", 1)[1]), gpu_id, properties, memory)


def parse_properties(text: str) -> dict[str, int]:
    """Return the numbers of lines `name value`; lines of other kinds are left out."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[1].lstrip("-").isdigit():
            found[words[0]] = int(words[1])
    return found
