"""Matrix products (WMMA): fragments go through the context's rows to a function of the library.

EXEC must be all ones; the result is written whatever it is.
"""

from collections.abc import Mapping

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import Immediate, Inline, Literal, Operand
from mlrift.backends.amdgcn.isa.registers import Register, RegisterFile
from mlrift.emulator.code import V16, V32, splat
from mlrift.emulator.elements import constant_bits, signed
from mlrift.emulator.layout import VGPR_BYTES, ContextOffset
from mlrift.emulator.matrix_library import FIRST_A, FIRST_B, FIRST_C, FIRST_D
from mlrift.emulator.matrix_library import ROWS as TILE_ROWS
from mlrift.emulator.step import NoSemantics, Semantics, Step
from mlrift.static_types import assert_never

_LOW, _HIGH = 0x8000, -0x80000000


def _row_address(step: Step, row: int) -> str:
    return step.code.address("%context", ContextOffset.DATA + VGPR_BYTES * row)


def _source_words(step: Step, number: int) -> list[str]:
    spec, operand = step.read_operands[number]
    return [_word(step, operand, number, index) for index in range(spec.dwords)]


def _word(step: Step, operand: Operand, number: int, index: int) -> str:
    match operand:
        case Register(RegisterFile.VECTOR, first):
            return step.registers.vector(first + index)
        case Inline() | Literal():
            bits = constant_bits(operand, step.read_operands[number][0].element)
            return splat("i32", signed(bits & 0xFFFFFFFF, 32))
        case Register() | Immediate():
            raise NoSemantics(f"{step.row.name}: fragment in {operand}")
    assert_never(operand)


def _negated(step: Step, words: list[str], number: int, bits: int) -> list[str]:
    """Apply neg_lo and neg_hi of A or B: signs of the even and of the odd elements."""
    pattern = 0
    if step.instruction.modifier("neg_lo") >> number & 1:
        pattern |= _LOW if bits == 16 else 0
    if step.instruction.modifier("neg_hi") >> number & 1:
        pattern |= _HIGH if bits == 16 else 0
    if not pattern:
        return words
    return [step.code.binary("xor", V32, word, splat("i32", pattern)) for word in words]


def _changed_addend(step: Step, words: list[str], is_short: bool) -> list[str]:
    """Apply neg_lo (negate) and neg_hi (absolute) of C."""
    sign = 0x80008000 if is_short else 0x80000000
    for modifier, operation, bits in (
        ("neg_hi", "and", ~sign & 0xFFFFFFFF),
        ("neg_lo", "xor", sign),
    ):
        if step.instruction.modifier(modifier) >> 2 & 1:
            constant = splat("i32", signed(bits, 32))
            words = [step.code.binary(operation, V32, word, constant) for word in words]
    return words


def _product(result: str, left: str, right: str, depth: int) -> Semantics:
    def semantics(step: Step) -> None:
        is_float = result != "i32"
        names = [left, right]
        fragments = [_source_words(step, number) for number in (0, 1)]
        if is_float:
            bits = 16 if "16" in left else 8
            fragments = [_negated(step, words, n, bits) for n, words in enumerate(fragments)]
        else:
            signs = step.instruction.modifier("neg_lo")
            names = [("i" if signs >> n & 1 else "u") + name[2:] for n, name in enumerate(names)]
        addend = _source_words(step, 2)
        is_short = result in ("f16", "bf16")
        if is_float:
            addend = _changed_addend(step, addend, is_short)
        layout = "split" if step.generation is Generation.GFX12 else "doubled"
        if is_short and layout == "doubled":
            addend = _selected_halves(step, addend)
        for first, words in ((FIRST_A, fragments[0]), (FIRST_B, fragments[1]), (FIRST_C, addend)):
            for index, word in enumerate(words):
                step.code.store(V32, word, _row_address(step, first + index), 64)
        function = f"matrix.{layout}.{result}.{names[0]}.{names[1]}.{depth}"
        step.code.call_void(function, "ptr %context")
        _write_tile(step, is_short, layout)

    return semantics


def _selected_halves(step: Step, words: list[str]) -> list[str]:
    if not step.instruction.modifier("op_sel") >> 2 & 1:
        return words
    return [step.code.binary("lshr", V32, word, splat("i32", 16)) for word in words]


def _write_tile(step: Step, is_short: bool, layout: str) -> None:
    code, target = step.code, step.vector_target(0)
    found = [code.load(V32, _row_address(step, FIRST_D + row), 64) for row in range(TILE_ROWS)]
    if not is_short:
        for number, word in enumerate(found):
            step.registers.set_vector(target + number, word)
        return
    if layout == "split":
        for number in range(TILE_ROWS // 2):
            high = code.binary("shl", V32, found[2 * number + 1], splat("i32", 16))
            word = code.binary("or", V32, found[2 * number], high)
            step.registers.set_vector(target + number, word)
        return
    step.write_mask = splat("i1", "true")
    is_high = step.instruction.modifier("op_sel") >> 2 & 1
    for number, word in enumerate(found):
        step.write_half(target + number, code.convert("trunc", V32, word, V16), is_high)


ROWS: Mapping[str, Semantics] = {
    "v_wmma_f32_16x16x16_f16": _product("f32", "f16", "f16", 16),
    "v_wmma_f32_16x16x16_bf16": _product("f32", "bf16", "bf16", 16),
    "v_wmma_f16_16x16x16_f16": _product("f16", "f16", "f16", 16),
    "v_wmma_bf16_16x16x16_bf16": _product("bf16", "bf16", "bf16", 16),
    "v_wmma_i32_16x16x16_iu8": _product("i32", "iu8", "iu8", 16),
    "v_wmma_i32_16x16x16_iu4": _product("i32", "iu4", "iu4", 16),
    "v_wmma_i32_16x16x32_iu4": _product("i32", "iu4", "iu4", 32),
    **{
        f"v_wmma_f32_16x16x16_{left}_{right}": _product("f32", left, right, 16)
        for left in ("fp8", "bf8")
        for right in ("fp8", "bf8")
    },
}
