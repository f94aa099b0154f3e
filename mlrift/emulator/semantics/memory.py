"""Global, flat and private memory, scalar loads, and cache control.

An address a lane goes to the context's lane array, data to its rows; the library does the access
and says whether it faulted. Scalar loads find their memory once and read it in line.
"""

from collections.abc import Mapping

from mlrift.backends.amdgcn.isa.instruction import Effects, Operand
from mlrift.backends.amdgcn.isa.registers import NULL, Register, RegisterFile
from mlrift.emulator.code import LANES, V16, V32, V64, splat
from mlrift.emulator.layout import VGPR_BYTES, ContextOffset
from mlrift.emulator.step import NoSemantics, Semantics, Step
from mlrift.values import value

_ATOMIC_OLD_ROW = 4


@value
class LoadShape:
    """How many bytes a lane loads, and where they go: `sign` and `half` for less than a dword."""

    size_bytes: int
    sign: str = ""
    half: str = ""


LOADS: Mapping[str, LoadShape] = {
    "u8": LoadShape(1, "zext"),
    "i8": LoadShape(1, "sext"),
    "u16": LoadShape(2, "zext"),
    "i16": LoadShape(2, "sext"),
    "b32": LoadShape(4),
    "b64": LoadShape(8),
    "b96": LoadShape(12),
    "b128": LoadShape(16),
    "d16_u8": LoadShape(1, "zext", "low"),
    "d16_i8": LoadShape(1, "sext", "low"),
    "d16_b16": LoadShape(2, "zext", "low"),
    "d16_hi_u8": LoadShape(1, "zext", "high"),
    "d16_hi_i8": LoadShape(1, "sext", "high"),
    "d16_hi_b16": LoadShape(2, "zext", "high"),
}
STORES: Mapping[str, tuple[int, int]] = {
    "b8": (1, 0),
    "b16": (2, 0),
    "b32": (4, 0),
    "b64": (8, 0),
    "b96": (12, 0),
    "b128": (16, 0),
    "d16_hi_b8": (1, 16),
    "d16_hi_b16": (2, 16),
}
"""Bytes a lane, and by how much the register is shifted right."""


def data_row(step: Step, row: int) -> str:
    """Return the address of a row of data."""
    return step.code.address("%context", ContextOffset.DATA + VGPR_BYTES * row)


def put_addresses(step: Step, addresses: str) -> None:
    """Give the library its addresses, i64 a lane."""
    step.code.store(V64, addresses, step.code.address("%context", ContextOffset.ADDRESS), 64)


def access(step: Step, function: str) -> None:
    """Call a function on memory for the active lanes; leave the chunk if it faults."""
    code = step.code
    status = code.call(
        "i32",
        function,
        "ptr %wave",
        "ptr %context",
        f"i32 {step.registers.exec}",
        f"i32 {step.site}",
    )
    step.leave_if_fault(status)


def put_words(step: Step, words: list[str], first_row: int = 0) -> None:
    """Give the library data."""
    for number, word in enumerate(words):
        step.code.store(V32, word, data_row(step, first_row + number), 64)


def take_words(step: Step, count: int, first_row: int = 0) -> list[str]:
    """Return data that the library gave."""
    return [step.code.load(V32, data_row(step, first_row + number), 64) for number in range(count)]


def finish_load(step: Step, shape: LoadShape, target: int, first_row: int = 0) -> None:
    """Write what was loaded to its registers."""
    code = step.code
    words = take_words(step, max(1, shape.size_bytes // 4), first_row)
    if shape.sign == "sext":
        short = 8 * shape.size_bytes
        kind = f"<{LANES} x i{short}>"
        words = [code.convert("sext", kind, code.convert("trunc", V32, words[0], kind), V32)]
    if shape.half:
        half = code.convert("trunc", V32, words[0], V16)
        step.write_half(target, half, 1 if shape.half == "high" else 0)
        return
    for number, word in enumerate(words):
        step.write_word(target + number, word)


# -- addresses --


def _is_vector(operand: Operand) -> bool:
    return isinstance(operand, Register) and operand.file is RegisterFile.VECTOR


def _is_scalar(operand: Operand) -> bool:
    return (
        isinstance(operand, Register)
        and operand.file is RegisterFile.SCALAR
        and operand.first != NULL.first
    )


def global_addresses(step: Step) -> str:
    """saddr + 32-bit vaddr + offset, or 64-bit vaddr + offset."""
    code, offset = step.code, step.instruction.modifier("offset")
    base = step.optional("saddr")
    vector = step.optional("vaddr")
    if base is not None and _is_scalar(base):
        whole = code.broadcast("i64", step.scalar_register64(_register(base)))
        if vector is not None and _is_vector(vector):
            wide = code.convert("zext", V32, step.field_words("vaddr")[0], V64)
            whole = code.binary("add", V64, whole, wide)
    elif vector is not None and _is_vector(vector):
        first = _register(vector).first
        registers = step.registers
        whole = step.join64(registers.vector(first), registers.vector(first + 1))
    else:
        whole = splat("i64", 0)
    return code.binary("add", V64, whole, splat("i64", offset))


def _register(operand: Operand) -> Register:
    if not isinstance(operand, Register):
        raise NoSemantics(f"address in {operand}")
    return operand


def _addtid_addresses(step: Step) -> str:
    places = f"<{', '.join(f'i64 {4 * lane}' for lane in range(LANES))}>"
    return step.code.binary("add", V64, global_addresses(step), places)


def private_addresses(step: Step) -> str:
    """saddr + vaddr + offset, in the lane's private memory; 32 bits."""
    code = step.code
    total = splat("i32", step.instruction.modifier("offset"))
    base, vector = step.optional("saddr"), step.optional("vaddr")
    if base is not None and _is_scalar(base):
        word = step.registers.scalar(_register(base).first)
        total = code.binary("add", V32, total, code.broadcast("i32", word))
    if vector is not None and _is_vector(vector):
        total = code.binary("add", V32, total, step.field_words("vaddr")[0])
    return code.convert("zext", V32, total, V64)


_ADDRESSES = {"global": global_addresses, "flat": global_addresses, "scratch": private_addresses}


# -- rows --


def _load(space: str, shape: LoadShape) -> Semantics:
    def semantics(step: Step) -> None:
        put_addresses(step, _ADDRESSES[space](step))
        step.charge_coherent()
        access(step, f"load.{space}.{shape.size_bytes}")
        finish_load(step, shape, step.vector_target(0))

    return semantics


def _store(space: str, size_bytes: int, shift: int) -> Semantics:
    def semantics(step: Step) -> None:
        put_addresses(step, _ADDRESSES[space](step))
        words = step.field_words("vdata")
        if shift:
            words = [step.code.binary("lshr", V32, words[0], splat("i32", shift))]
        put_words(step, words)
        access(step, f"store.{space}.{size_bytes}")

    return semantics


def _load_addtid(step: Step) -> None:
    put_addresses(step, _addtid_addresses(step))
    access(step, "load.global.4")
    finish_load(step, LOADS["b32"], step.vector_target(0))


def _store_addtid(step: Step) -> None:
    put_addresses(step, _addtid_addresses(step))
    put_words(step, step.field_words("vdata"))
    access(step, "store.global.4")


ATOMICS: Mapping[str, tuple[str, str]] = {
    **{
        f"{name}_{letter}{bits}": (operation, f"i{bits}")
        for bits in (32, 64)
        for name, letter, operation in (
            ("swap", "b", "swap"),
            ("cmpswap", "b", "cmpswap"),
            ("add", "u", "add"),
            ("sub", "u", "sub"),
            ("min", "i", "min_i"),
            ("max", "i", "max_i"),
            ("min", "u", "min_u"),
            ("max", "u", "max_u"),
            ("and", "b", "and"),
            ("or", "b", "or"),
            ("xor", "b", "xor"),
            ("inc", "u", "inc"),
            ("dec", "u", "dec"),
            ("add", "f", "add_f"),
            ("min", "f", "min_f"),
            ("max", "f", "max_f"),
            ("cmpswap", "f", "cmpswap_f"),
            ("sub_clamp", "u", "sub_clamp"),
            ("csub", "u", "sub_clamp"),
            ("cond_sub", "u", "cond_sub"),
        )
    },
    "pk_add_f16": ("pk_add_f16", "i32"),
    "pk_add_bf16": ("pk_add_bf16", "i32"),
}
"""Suffix of an atomic, and what the library calls it."""


def _atomic(space: str, operation: str, element: str) -> Semantics:
    def semantics(step: Step) -> None:
        put_addresses(step, _ADDRESSES[space](step))
        count = int(element[1:]) // 32
        words = step.field_words("vdata")
        put_words(step, words[:count])
        # A compare-and-swap has the new value first, then the one compared with.
        put_words(step, words[count:], 2)
        step.charge_coherent()
        access(step, f"atomic.{space}.{operation}.{element}")
        if step.row.effects & Effects.RETURNS:
            target = step.vector_target(0)
            for number, word in enumerate(take_words(step, count, _ATOMIC_OLD_ROW)):
                step.write_word(target + number, word)

    return semantics


def _rows_of(space: str) -> dict[str, Semantics]:
    rows: dict[str, Semantics] = {}
    for name, shape in LOADS.items():
        rows[f"{space}_load_{name}"] = _load(space, shape)
    for name, (size_bytes, shift) in STORES.items():
        rows[f"{space}_store_{name}"] = _store(space, size_bytes, shift)
    if space != "scratch":
        for name, (operation, element) in ATOMICS.items():
            semantics = _atomic(space, operation, element)
            rows[f"{space}_atomic_{name}"] = semantics
            rows[f"{space}_atomic_{name}_rtn"] = semantics
    return rows


# -- scalar loads --


def _scalar_address(step: Step) -> str:
    """sbase + soffset + offset, its low two bits cleared for dwords."""
    code = step.code
    total = step.scalar_register64(_register(step.instruction.operand("sbase")))
    total = code.binary("add", "i64", total, str(step.instruction.modifier("offset")))
    more = step.optional("soffset")
    if more is not None and _is_scalar(more):
        word = step.registers.scalar(_register(more).first)
        total = code.binary("add", "i64", total, code.convert("zext", "i32", word, "i64"))
    return total


def _buffer_address(step: Step) -> str:
    """Base of a raw buffer descriptor plus offsets."""
    code = step.code
    base = _register(step.instruction.operand("sbase"))
    pair = step.registers.scalar_pair(base.first)
    total = code.binary("and", "i64", pair, str((1 << 48) - 1))
    total = code.binary("add", "i64", total, str(step.instruction.modifier("offset")))
    more = step.optional("soffset")
    if more is not None and _is_scalar(more):
        word = step.registers.scalar(_register(more).first)
        total = code.binary("add", "i64", total, code.convert("zext", "i32", word, "i64"))
    return total


def _scalar_load(size_bytes: int, sign: str, is_buffer: bool) -> Semantics:
    def semantics(step: Step) -> None:
        code = step.code
        address = _buffer_address(step) if is_buffer else _scalar_address(step)
        if size_bytes >= 4:
            address = code.binary("and", "i64", address, "-4")
        host = step.scalar_host(address, size_bytes)
        target = step.scalar_target()
        if size_bytes < 4:
            kind = f"i{8 * size_bytes}"
            found = code.load(kind, host, 1)
            step.registers.set_scalar(target, code.convert(sign, kind, found, "i32"))
            return
        for number in range(size_bytes // 4):
            word = code.load("i32", code.address(host, 4 * number), 1)
            step.registers.set_scalar(target + number, word)

    return semantics


_SCALAR_SIZES = {
    "b32": (4, ""),
    "b64": (8, ""),
    "b96": (12, ""),
    "b128": (16, ""),
    "b256": (32, ""),
    "b512": (64, ""),
    "i8": (1, "sext"),
    "u8": (1, "zext"),
    "i16": (2, "sext"),
    "u16": (2, "zext"),
}


def _clock(step: Step) -> None:
    """Instructions executed so far stand for time."""
    found = step.code.load("i64", step.code.address("%context", ContextOffset.CLOCK), 8)
    step.registers.set_scalar_pair(step.scalar_target(), found)


def _nothing(step: Step) -> None:
    """Caches do not exist here: memory is always coherent."""


ROWS: Mapping[str, Semantics] = {
    **_rows_of("global"),
    **_rows_of("flat"),
    **_rows_of("scratch"),
    "global_load_addtid_b32": _load_addtid,
    "global_store_addtid_b32": _store_addtid,
    **{f"s_load_{name}": _scalar_load(*row, False) for name, row in _SCALAR_SIZES.items()},
    **{f"s_buffer_load_{name}": _scalar_load(*row, True) for name, row in _SCALAR_SIZES.items()},
    "s_memtime": _clock,
    "s_memrealtime": _clock,
    "buffer_gl0_inv": _nothing,
    "buffer_gl1_inv": _nothing,
    "global_inv": _nothing,
    "global_wb": _nothing,
    "global_wbinv": _nothing,
    "s_gl1_inv": _nothing,
    "s_dcache_inv": _nothing,
    "s_icache_inv": _nothing,
}
