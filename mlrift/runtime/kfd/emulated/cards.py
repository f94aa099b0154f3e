"""The cards that can be emulated, as the files of /sys/class/kfd that a driver shows of them."""

from mlrift.runtime.kfd.driver import TOPOLOGY
from mlrift.values import value

FIRST_RENDER_MINOR = 128
_GIB = 1 << 30


@value
class Card:
    """A chip with as many units as a card sold with it has."""

    gfx: str
    version: int
    name: str
    compute_units: int
    shader_arrays: int
    shader_engines: int
    memory_bytes: int


CARDS: tuple[Card, ...] = (
    Card("gfx1030", 100300, "RX 6900 XT", 80, 8, 4, 16 * _GIB),
    Card("gfx1100", 110000, "RX 7900 XTX", 96, 12, 6, 24 * _GIB),
    Card("gfx1101", 110001, "RX 7800 XT", 60, 6, 3, 16 * _GIB),
    Card("gfx1201", 120001, "RX 9070 XT", 64, 8, 4, 16 * _GIB),
)


def card_named(gfx: str) -> Card | None:
    """Return the card with a chip, or None."""
    return next((row for row in CARDS if row.gfx == gfx), None)


def gpu_id_of(place: int) -> int:
    """Return the number by which requests name the card at a place of the list."""
    return 0x4B00 + place


def topology_files(cards: tuple[Card, ...]) -> dict[str, str]:
    """Return the files of the topology: node 0 is the processor, the cards follow."""
    files = {
        f"{TOPOLOGY}/0/gpu_id": "0\n",
        f"{TOPOLOGY}/0/properties": "cpu_cores_count 8\nsimd_count 0\n",
    }
    for place, card in enumerate(cards):
        folder = f"{TOPOLOGY}/{place + 1}"
        files[f"{folder}/gpu_id"] = f"{gpu_id_of(place)}\n"
        files[f"{folder}/name"] = f"{card.gfx}\n"
        files[f"{folder}/properties"] = _properties(card, FIRST_RENDER_MINOR + place)
        bank = f"heap_type 1\nsize_in_bytes {card.memory_bytes}\nflags 0\n"
        files[f"{folder}/mem_banks/0/properties"] = bank
    return files


def _properties(card: Card, render_minor: int) -> str:
    rows = {
        "cpu_cores_count": 0,
        "simd_count": 2 * card.compute_units,
        "mem_banks_count": 1,
        "max_waves_per_simd": 16,
        "lds_size_in_kb": 64,
        "wave_front_size": 32,
        "array_count": card.shader_arrays,
        "simd_arrays_per_engine": card.shader_arrays // card.shader_engines,
        "cu_per_simd_array": card.compute_units // card.shader_arrays,
        "simd_per_cu": 2,
        "gfx_target_version": card.version,
        "drm_render_minor": render_minor,
        "num_sdma_engines": 2,
        "num_cp_queues": 8,
        "num_xcc": 1,
        "local_mem_size": 0,
    }
    return "".join(f"{name} {number}\n" for name, number in rows.items())
