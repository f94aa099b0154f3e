"""What the first level of x86-64 lacks for lanes of f32: fused multiplications, sure conversions.

A fused multiply-add of four lanes is a function of its own, shared by all code of a module: a
product of singles is exact in f64, the sum is rounded there to odd (the last bit is set when
something is lost), which makes the second rounding harmless. CVTTPS2DQ gives the least integer for
numbers that it cannot convert; those are put right by what they were.
"""

from mlrift.backends.llvm.lower.vector_arith import convert_lanes, multiply_add
from mlrift.backends.llvm.lower.vector_parts import in_parts
from mlrift.backends.llvm.lower.vector_text import intrinsic, splat_text, type_of
from mlrift.backends.llvm.options import ObjectFlavour
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, constant_text, padded_lanes
from mlrift.backends.rules import Rules
from mlrift.backends.x86_64.registers import LEVEL_OF_256_BITS, most_lanes
from mlrift.ir.ops.vector_arith import Convert, ConvertKind, MultiplyAdd
from mlrift.typesystem import F32, I1, I32, vec

RULES: Rules[FunctionText] = Rules("x86_64")

_LANES = 4
_FUSED = "vector.fma4"
_BODY = """  %a.wide = fpext <4 x float> %a to <4 x double>
  %b.wide = fpext <4 x float> %b to <4 x double>
  %c.wide = fpext <4 x float> %c to <4 x double>
  %product = fmul <4 x double> %a.wide, %b.wide
  %total = fadd <4 x double> %product, %c.wide
  %part = fsub <4 x double> %total, %product
  %other = fsub <4 x double> %total, %part
  %lost.product = fsub <4 x double> %product, %other
  %lost.addend = fsub <4 x double> %c.wide, %part
  %lost = fadd <4 x double> %lost.product, %lost.addend
  %inexact = fcmp one <4 x double> %lost, zeroinitializer
  %bits = bitcast <4 x double> %total to <4 x i64>
  %lost.bits = bitcast <4 x double> %lost to <4 x i64>
  %last = and <4 x i64> %bits, splat (i64 1)
  %even = icmp eq <4 x i64> %last, zeroinitializer
  %moves = and <4 x i1> %inexact, %even
  %signs = xor <4 x i64> %bits, %lost.bits
  %down = icmp slt <4 x i64> %signs, zeroinitializer
  %step = select <4 x i1> %down, <4 x i64> splat (i64 -1), <4 x i64> splat (i64 1)
  %moved = add <4 x i64> %bits, %step
  %odd = select <4 x i1> %moves, <4 x i64> %moved, <4 x i64> %bits
  %sum = bitcast <4 x i64> %odd to <4 x double>
  %result = fptrunc <4 x double> %sum to <4 x float>
  ret <4 x float> %result"""
_TO_INTEGERS = {
    4: "llvm.x86.sse2.cvttps2dq",
    8: "llvm.x86.avx.cvtt.ps2dq.256",
    16: "llvm.x86.avx512.mask.cvttps2dq.512",
}
_GREATEST = (1 << 31) - 1
_CURRENT_ROUNDING = 4
_WIDEST_LANES = 16


@RULES.rule(MultiplyAdd)
def lower_fma(out: FunctionText, made: MultiplyAdd) -> None:
    """The instruction, or the function where there is none."""
    row = type_of(made)
    is_short = padded_lanes(row.lanes) < _LANES
    if row.element is not F32 or is_short or out.generation() >= LEVEL_OF_256_BITS:
        multiply_add(out, made)
        return
    _declare_fused(out)
    kind = VALUE_TYPE[vec(F32, _LANES)]

    def part(out: FunctionText, _lanes: int, operands: list[str]) -> str:
        arguments = ", ".join([f"{kind} {name}" for name in operands])
        return out.temporary(f"call {kind} @{_FUSED}({arguments})")

    operands = [(row, out.names[value]) for value in made.operands()]
    out.names[made] = in_parts(out, operands, row, _LANES, part)


def _declare_fused(out: FunctionText) -> None:
    is_portable = out.context.options.flavour is ObjectFlavour.PORTABLE
    section = f' section ".text.{_FUSED}"' if is_portable else ""
    kind = VALUE_TYPE[vec(F32, _LANES)]
    head = f"define internal {kind} @{_FUSED}({kind} %a, {kind} %b, {kind} %c) #0 noinline"
    out.context.declare(_FUSED, f"{head}{section} {{\n{_BODY}\n}}")


@RULES.rule(Convert)
def lower_convert(out: FunctionText, made: Convert) -> None:
    """Singles to i32 by the instruction for them."""
    source, target = type_of(made.operand), made.vector_type
    is_short = padded_lanes(target.lanes) < _LANES
    is_plain = (source.element, target.element) != (F32, I32)
    if is_plain or is_short or made.kind is not ConvertKind.TO_SIGNED:
        convert_lanes(out, made)
        return
    operands = [(source, out.names[made.operand])]
    out.names[made] = in_parts(out, operands, target, most_lanes(out), _to_integers)


def _to_integers(out: FunctionText, lanes: int, operands: list[str]) -> str:
    name = operands[0]
    singles, words = VALUE_TYPE[vec(F32, lanes)], VALUE_TYPE[vec(I32, lanes)]
    mask = VALUE_TYPE[vec(I1, lanes)]
    arguments, types = [f"{singles} {name}"], [singles]
    if lanes == _WIDEST_LANES:
        arguments += [f"{words} zeroinitializer", "i16 -1", f"i32 {_CURRENT_ROUNDING}"]
        types += [words, "i16", "i32 immarg"]
    found = out.temporary(intrinsic(out, _TO_INTEGERS[lanes], words, arguments, types))
    limit = f"splat (float {constant_text(2.0**31, F32)})"
    large = out.temporary(f"fcmp oge {singles} {name}, {limit}")
    greatest = splat_text(I32, _GREATEST)
    kept = out.temporary(f"select {mask} {large}, {words} {greatest}, {words} {found}")
    number = out.temporary(f"fcmp ord {singles} {name}, {name}")
    return out.temporary(f"select {mask} {number}, {words} {kept}, {words} zeroinitializer")
