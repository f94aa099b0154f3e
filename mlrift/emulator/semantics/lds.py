"""LDS loads, stores and atomics. Addresses are bytes in the group's LDS."""

from collections.abc import Mapping

from mlrift.emulator.code import LANES, V32, V64, splat
from mlrift.emulator.semantics.memory import (
    ATOMICS,
    LoadShape,
    access,
    finish_load,
    put_addresses,
    put_words,
    take_words,
)
from mlrift.emulator.step import Semantics, Step

_OLD_ROW = 4


def _addresses(step: Step, offset: int) -> str:
    """Byte addresses: sums modulo 2**32, as the base may be below 0."""
    code = step.code
    total = code.binary("add", V32, step.field_words("addr")[0], splat("i32", offset))
    return code.convert("zext", V32, total, V64)


_LOADS: Mapping[str, LoadShape] = {
    "u8": LoadShape(1, "zext"),
    "i8": LoadShape(1, "sext"),
    "u16": LoadShape(2, "zext"),
    "i16": LoadShape(2, "sext"),
    "b32": LoadShape(4),
    "b64": LoadShape(8),
    "b96": LoadShape(12),
    "b128": LoadShape(16),
    "u8_d16": LoadShape(1, "zext", "low"),
    "u8_d16_hi": LoadShape(1, "zext", "high"),
    "i8_d16": LoadShape(1, "sext", "low"),
    "i8_d16_hi": LoadShape(1, "sext", "high"),
    "u16_d16": LoadShape(2, "zext", "low"),
    "u16_d16_hi": LoadShape(2, "zext", "high"),
}
_STORES: Mapping[str, tuple[int, int]] = {
    "b8": (1, 0),
    "b16": (2, 0),
    "b32": (4, 0),
    "b64": (8, 0),
    "b96": (12, 0),
    "b128": (16, 0),
    "b8_d16_hi": (1, 16),
    "b16_d16_hi": (2, 16),
}


def _load(shape: LoadShape) -> Semantics:
    def semantics(step: Step) -> None:
        put_addresses(step, _addresses(step, step.instruction.modifier("offset")))
        access(step, f"load.lds.{shape.size_bytes}")
        finish_load(step, shape, step.vector_target(0))

    return semantics


def _store(size_bytes: int, shift: int) -> Semantics:
    def semantics(step: Step) -> None:
        put_addresses(step, _addresses(step, step.instruction.modifier("offset")))
        words = step.field_words("data0")
        if shift:
            words = [step.code.binary("lshr", V32, words[0], splat("i32", shift))]
        put_words(step, words)
        access(step, f"store.lds.{size_bytes}")

    return semantics


def _pair_addresses(step: Step, unit: int) -> tuple[str, str]:
    first, second = (step.instruction.modifier(name) for name in ("offset0", "offset1"))
    return _addresses(step, unit * first), _addresses(step, unit * second)


def _load_pair(bits: int, stride: int) -> Semantics:
    def semantics(step: Step) -> None:
        words = []
        for addresses in _pair_addresses(step, bits // 8 * stride):
            put_addresses(step, addresses)
            access(step, f"load.lds.{bits // 8}")
            words += take_words(step, bits // 32)
        target = step.vector_target(0)
        for number, word in enumerate(words):
            step.write_word(target + number, word)

    return semantics


def _store_pair(bits: int, stride: int) -> Semantics:
    def semantics(step: Step) -> None:
        both = _pair_addresses(step, bits // 8 * stride)
        for addresses, field in zip(both, ("data0", "data1"), strict=True):
            put_addresses(step, addresses)
            put_words(step, step.field_words(field))
            access(step, f"store.lds.{bits // 8}")

    return semantics


def _exchange_pair(bits: int, stride: int) -> Semantics:
    def semantics(step: Step) -> None:
        words, count = [], bits // 32
        both = _pair_addresses(step, bits // 8 * stride)
        for addresses, field in zip(both, ("data0", "data1"), strict=True):
            put_addresses(step, addresses)
            put_words(step, step.field_words(field))
            access(step, f"atomic.lds.swap.i{bits}")
            words += take_words(step, count, _OLD_ROW)
        target = step.vector_target(0)
        for number, word in enumerate(words):
            step.write_word(target + number, word)

    return semantics


def _atomic(operation: str, element: str, new: str = "data0", compared: str = "data1") -> Semantics:
    """`new` and `compared` are the fields of the value stored and of the one compared with."""

    def semantics(step: Step) -> None:
        put_addresses(step, _addresses(step, step.instruction.modifier("offset")))
        put_words(step, step.field_words(new))
        if step.optional(compared) is not None:
            put_words(step, step.field_words(compared), 2)
        step.charge_coherent()
        access(step, f"atomic.lds.{operation}.{element}")
        if step.optional("vdst") is not None:
            count, target = int(element[1:]) // 32, step.vector_target(0)
            for number, word in enumerate(take_words(step, count, _OLD_ROW)):
                step.write_word(target + number, word)

    return semantics


def _load_addtid(step: Step) -> None:
    """M0 + offset + 4 bytes a lane."""
    code = step.code
    base = code.binary("and", "i32", step.registers.m0, "65535")
    places = f"<{', '.join(f'i64 {4 * lane}' for lane in range(LANES))}>"
    wide = code.broadcast("i64", code.convert("zext", "i32", base, "i64"))
    total = code.binary("add", V64, wide, places)
    offset = splat("i64", step.instruction.modifier("offset"))
    put_addresses(step, code.binary("add", V64, total, offset))
    access(step, "load.lds.4")
    finish_load(step, _LOADS["b32"], step.vector_target(0))


def _with_result(name: str) -> str:
    """Return the operation that returns the old value: `add_u32` is `add_rtn_u32`."""
    stem, _, element = name.rpartition("_")
    return f"{stem}_rtn_{element}"


def _atomic_rows() -> dict[str, Semantics]:
    rows: dict[str, Semantics] = {}
    found = {
        name: _atomic(operation, element)
        for name, (operation, element) in ATOMICS.items()
        if not name.startswith(("swap", "cmpswap"))
    }
    for bits in (32, 64):
        element = f"i{bits}"
        found[f"rsub_u{bits}"] = _atomic("rsub", element)
        found[f"mskor_b{bits}"] = _atomic("mskor", element)
        found[f"storexchg_b{bits}"] = _atomic("swap", element)
        for letter, operation in (("b", "cmpswap"), ("f", "cmpswap_f")):
            found[f"cmpstore_{letter}{bits}"] = _atomic(operation, element)
            found[f"cmpst_{letter}{bits}"] = _atomic(operation, element, "data1", "data0")
    found["wrap_b32"] = _atomic("wrap", "i32")
    for name, semantics in found.items():
        rows[f"ds_{name}"] = semantics
        rows[f"ds_{_with_result(name)}"] = semantics
    return rows


def _pair_rows() -> dict[str, Semantics]:
    rows: dict[str, Semantics] = {}
    for bits in (32, 64):
        for name, stride in (("2addr", 1), ("2addr_stride64", 64)):
            rows[f"ds_load_{name}_b{bits}"] = _load_pair(bits, stride)
            rows[f"ds_store_{name}_b{bits}"] = _store_pair(bits, stride)
            rows[f"ds_storexchg_{name}_rtn_b{bits}"] = _exchange_pair(bits, stride)
    return rows


ROWS: Mapping[str, Semantics] = {
    **{f"ds_load_{name}": _load(shape) for name, shape in _LOADS.items()},
    **{f"ds_store_{name}": _store(*row) for name, row in _STORES.items()},
    **_pair_rows(),
    **_atomic_rows(),
    "ds_load_addtid_b32": _load_addtid,
}
