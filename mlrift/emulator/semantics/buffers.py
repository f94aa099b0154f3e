"""Buffer loads and stores: a descriptor in scalar registers, as compilers use it for private memory
on gfx10, and raw buffers.

An address becomes a flat one: of the private segment buffer, the one of the lane's private memory.
"""

from collections.abc import Mapping

from mlrift.backends.amdgcn.isa.instruction import Immediate, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import NULL, Register
from mlrift.emulator.code import LANES, V32, V64, splat
from mlrift.emulator.elements import signed
from mlrift.emulator.semantics.memory import (
    LOADS,
    STORES,
    LoadShape,
    access,
    finish_load,
    put_addresses,
    put_words,
)
from mlrift.emulator.special_sources import PRIVATE_APERTURE, PRIVATE_BUFFER_BASE
from mlrift.emulator.step import NoSemantics, Semantics, Step
from mlrift.static_types import assert_never

_BASE_MASK = (1 << 48) - 1
_STRIDE_MASK = (1 << 14) - 1


def _scalar_offset(step: Step) -> str:
    """Return soffset, an i32."""
    operand = step.instruction.operand("soffset")
    match operand:
        case Register():
            return "0" if operand.first == NULL.first else step.registers.scalar(operand.first)
        case Inline(number):
            return str(int(number))
        case Literal(bits):
            return str(signed(bits, 32))
        case Immediate(number):
            return str(number)
    assert_never(operand)


def _addresses(step: Step) -> str:
    code, instruction = step.code, step.instruction
    descriptor = instruction.operand("srsrc")
    if not isinstance(descriptor, Register):
        raise NoSemantics(f"buffer descriptor in {descriptor}")
    pair = step.registers.scalar_pair(descriptor.first)
    base = code.binary("and", "i64", pair, str(_BASE_MASK))
    offset = splat("i32", instruction.modifier("offset"))
    index = splat("i32", 0)
    words: list[str] = []
    if instruction.modifier("idxen") or instruction.modifier("offen"):
        words = step.field_words("vaddr")
    if instruction.modifier("idxen"):
        index, *words = words
    if instruction.modifier("offen"):
        offset = code.binary("add", V32, offset, words[0])
    scalar = _scalar_offset(step)
    is_private = code.binary("icmp eq", "i64", base, str(PRIVATE_BUFFER_BASE))
    # The scalar offset of private memory counts bytes of the whole wave.
    of_lane = code.binary("lshr", "i32", scalar, str(LANES.bit_length() - 1))
    private = code.binary("add", V32, offset, code.broadcast("i32", of_lane))
    private = code.convert("zext", V32, private, V64)
    private = code.binary("or", V64, private, splat("i64", PRIVATE_APERTURE << 32))
    stride = code.binary("and", "i64", code.binary("lshr", "i64", pair, "48"), str(_STRIDE_MASK))
    rows = code.binary(
        "mul", V64, code.convert("zext", V32, index, V64), code.broadcast("i64", stride)
    )
    start = code.binary("add", "i64", base, code.convert("zext", "i32", scalar, "i64"))
    whole = code.binary("add", V64, rows, code.broadcast("i64", start))
    whole = code.binary("add", V64, whole, code.convert("zext", V32, offset, V64))
    return code.choose(is_private, V64, private, whole)


def _load(shape: LoadShape) -> Semantics:
    def semantics(step: Step) -> None:
        put_addresses(step, _addresses(step))
        access(step, f"load.flat.{shape.size_bytes}")
        finish_load(step, shape, step.vector_target(0))

    return semantics


def _store(size_bytes: int, shift: int) -> Semantics:
    def semantics(step: Step) -> None:
        put_addresses(step, _addresses(step))
        words = step.field_words("vdata")
        if shift:
            words = [step.code.binary("lshr", V32, words[0], splat("i32", shift))]
        put_words(step, words)
        access(step, f"store.flat.{size_bytes}")

    return semantics


ROWS: Mapping[str, Semantics] = {
    **{f"buffer_load_{name}": _load(shape) for name, shape in LOADS.items()},
    **{f"buffer_store_{name}": _store(*row) for name, row in STORES.items()},
}
