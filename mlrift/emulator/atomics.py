"""LLVM text of atomics a lane: `atomic.SPACE.OPERATION.ELEMENT`.

The first operand is in the context's register rows 0 (and 1 for 64 bits), a value compared with in
rows 2 (and 3); the old value goes to rows 4 (and 5). Lanes go one after the other, in order.
"""

from mlrift.emulator.layout import VGPR_BYTES, Access, FaultCode
from mlrift.emulator.library_text import lane_loop, progress

_ARITHMETIC = {
    "add": "%new.0 = add {t} %old.0, %operand",
    "sub": "%new.0 = sub {t} %old.0, %operand",
    "rsub": "%new.0 = sub {t} %operand, %old.0",
    "and": "%new.0 = and {t} %old.0, %operand",
    "or": "%new.0 = or {t} %old.0, %operand",
    "xor": "%new.0 = xor {t} %old.0, %operand",
    "swap": "%new.0 = add {t} %operand, 0",
    "min_i": "%new.0 = call {t} @llvm.smin.{t}({t} %old.0, {t} %operand)",
    "max_i": "%new.0 = call {t} @llvm.smax.{t}({t} %old.0, {t} %operand)",
    "min_u": "%new.0 = call {t} @llvm.umin.{t}({t} %old.0, {t} %operand)",
    "max_u": "%new.0 = call {t} @llvm.umax.{t}({t} %old.0, {t} %operand)",
    "sub_clamp": "%new.0 = call {t} @llvm.usub.sat.{t}({t} %old.0, {t} %operand)",
    "cond_sub": """%below = icmp ult {t} %old.0, %operand
  %less = sub {t} %old.0, %operand
  %new.0 = select i1 %below, {t} %old.0, {t} %less""",
    "inc": """%wraps = icmp uge {t} %old.0, %operand
  %one.more = add {t} %old.0, 1
  %new.0 = select i1 %wraps, {t} 0, {t} %one.more""",
    "dec": """%zero = icmp eq {t} %old.0, 0
  %above = icmp ugt {t} %old.0, %operand
  %wraps = or i1 %zero, %above
  %one.less = sub {t} %old.0, 1
  %new.0 = select i1 %wraps, {t} %operand, {t} %one.less""",
    "cmpswap": """%equal = icmp eq {t} %old.0, %compared
  %new.0 = select i1 %equal, {t} %operand, {t} %old.0""",
    "mskor": """%inverse = xor {t} %operand, -1
  %kept = and {t} %old.0, %inverse
  %new.0 = or {t} %kept, %compared""",
    "wrap": """%enough = icmp uge {t} %old.0, %operand
  %reduced = sub {t} %old.0, %operand
  %raised = add {t} %old.0, %compared
  %new.0 = select i1 %enough, {t} %reduced, {t} %raised""",
}

_FLOAT = {
    "add_f": "%made = fadd {f} %old.f, %operand.f",
    "min_f": "%made = call {f} @llvm.minimumnum.{i}({f} %old.f, {f} %operand.f)",
    "max_f": "%made = call {f} @llvm.maximumnum.{i}({f} %old.f, {f} %operand.f)",
    "cmpswap_f": """%compared.f = bitcast {t} %compared to {f}
  %equal = fcmp oeq {f} %old.f, %compared.f
  %made = select i1 %equal, {f} %operand.f, {f} %old.f""",
}
_FLOAT_TYPES = {"i32": ("float", "f32"), "i64": ("double", "f64")}

_PACKED_HALF = """%old.v = bitcast i32 %old.0 to <2 x half>
  %operand.v = bitcast i32 %operand to <2 x half>
  %old.w = fpext <2 x half> %old.v to <2 x float>
  %operand.w = fpext <2 x half> %operand.v to <2 x float>
  %sum.w = fadd <2 x float> %old.w, %operand.w
  %sum = fptrunc <2 x float> %sum.w to <2 x half>
  %new.0 = bitcast <2 x half> %sum to i32"""

_PACKED_BF16 = """%old.high = and i32 %old.0, -65536
  %old.low = shl i32 %old.0, 16
  %operand.high = and i32 %operand, -65536
  %operand.low = shl i32 %operand, 16
  %high = call i32 @lane.add_bf16(i32 %old.high, i32 %operand.high)
  %low = call i32 @lane.add_bf16(i32 %old.low, i32 %operand.low)
  %low.down = lshr i32 %low, 16
  %new.0 = or i32 %high, %low.down"""


def atomic_function(name: str) -> str:
    """Return the text of an atomic."""
    _, _, operation, element = name.split(".")
    size_bytes = int(element[1:]) // 8
    body = f"""
  %low.bits = and i64 %address, {size_bytes - 1}
  %misaligned = icmp ne i64 %low.bits, 0
  br i1 %misaligned, label %refuse, label %act
refuse:
  call void @fault.set(ptr %context, i32 {FaultCode.MISALIGNED:d}, i32 %site,
    i32 %lane, i64 {size_bytes}, i64 %address, i32 2)
  br label %fault
act:
{_operand("operand", 0, element)}
{_operand("compared", 2, element)}
  %old.0 = load {element}, ptr %host, align 1
  {_compute(operation, element)}
  store {element} %new.0, ptr %host, align 1
{_give("%old.0", 4, element)}
{progress("0", element)}"""
    return lane_loop(name, body, size_bytes, Access.ATOMIC)


def _compute(operation: str, element: str) -> str:
    if operation == "pk_add_f16":
        return _PACKED_HALF
    if operation == "pk_add_bf16":
        return _PACKED_BF16
    if operation in _FLOAT:
        kind, short = _FLOAT_TYPES[element]
        made = _FLOAT[operation].format(t=element, f=kind, i=short)
        return f"""%old.f = bitcast {element} %old.0 to {kind}
  %operand.f = bitcast {element} %operand to {kind}
  {made}
  %new.0 = bitcast {kind} %made to {element}"""
    return _ARITHMETIC[operation].format(t=element)


def _operand(name: str, row: int, element: str) -> str:
    low = f"""
  %{name}.p0 = getelementptr i8, ptr %column, i64 {VGPR_BYTES * row}
  %{name}.w0 = load i32, ptr %{name}.p0"""
    if element == "i32":
        return low + f"\n  %{name} = add i32 %{name}.w0, 0"
    return (
        low
        + f"""
  %{name}.p1 = getelementptr i8, ptr %column, i64 {VGPR_BYTES * (row + 1)}
  %{name}.w1 = load i32, ptr %{name}.p1
  %{name}.low = zext i32 %{name}.w0 to i64
  %{name}.high = zext i32 %{name}.w1 to i64
  %{name}.up = shl i64 %{name}.high, 32
  %{name} = or i64 %{name}.low, %{name}.up"""
    )


def _give(value: str, row: int, element: str) -> str:
    text = f"  %give.p0 = getelementptr i8, ptr %column, i64 {VGPR_BYTES * row}"
    if element == "i32":
        return text + f"\n  store i32 {value}, ptr %give.p0"
    return (
        text
        + f"""
  %give.low = trunc i64 {value} to i32
  store i32 %give.low, ptr %give.p0
  %give.p1 = getelementptr i8, ptr %column, i64 {VGPR_BYTES * (row + 1)}
  %give.up = lshr i64 {value}, 32
  %give.high = trunc i64 %give.up to i32
  store i32 %give.high, ptr %give.p1"""
    )
