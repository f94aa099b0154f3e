"""LLVM text of functions between lanes (`lane.NAME`) and of mapped functions (`map.NAME`).

`lane.gather` gives row 2, lane l of the context row 0, lane (row 1, lane l); `lane.scatter` writes
row 2, lane (row 1, lane l) from row 0, lane l, for the lanes of a mask. A mapped function takes and
gives one f64 a lane.
"""

from mlrift.emulator.exponential_series import SERIES, series_function
from mlrift.emulator.layout import VGPR_BYTES, ContextOffset

_GATHER = f"""
define internal void @lane.gather(ptr %context) {{
entry:
  %values = getelementptr i8, ptr %context, i64 {ContextOffset.DATA:d}
  %indices = getelementptr i8, ptr %values, i64 {VGPR_BYTES}
  %results = getelementptr i8, ptr %values, i64 {2 * VGPR_BYTES}
  br label %head
head:
  %lane = phi i64 [ 0, %entry ], [ %next, %head ]
  %index.p = getelementptr i32, ptr %indices, i64 %lane
  %index32 = load i32, ptr %index.p
  %inside = and i32 %index32, 31
  %index = zext i32 %inside to i64
  %value.p = getelementptr i32, ptr %values, i64 %index
  %value = load i32, ptr %value.p
  %result.p = getelementptr i32, ptr %results, i64 %lane
  store i32 %value, ptr %result.p
  %next = add i64 %lane, 1
  %more = icmp ult i64 %next, 32
  br i1 %more, label %head, label %done
done:
  ret void
}}
"""

_SCATTER = f"""
define internal void @lane.scatter(ptr %context, i32 %mask) {{
entry:
  %values = getelementptr i8, ptr %context, i64 {ContextOffset.DATA:d}
  %indices = getelementptr i8, ptr %values, i64 {VGPR_BYTES}
  %results = getelementptr i8, ptr %values, i64 {2 * VGPR_BYTES}
  %idle = icmp eq i32 %mask, 0
  br i1 %idle, label %done, label %head
head:
  %left = phi i32 [ %mask, %entry ], [ %rest, %head ]
  %lane32 = call i32 @llvm.cttz.i32(i32 %left, i1 true)
  %lane = zext i32 %lane32 to i64
  %value.p = getelementptr i32, ptr %values, i64 %lane
  %value = load i32, ptr %value.p
  %index.p = getelementptr i32, ptr %indices, i64 %lane
  %index32 = load i32, ptr %index.p
  %inside = and i32 %index32, 31
  %index = zext i32 %inside to i64
  %result.p = getelementptr i32, ptr %results, i64 %index
  store i32 %value, ptr %result.p
  %minus = add i32 %left, -1
  %rest = and i32 %left, %minus
  %more = icmp ne i32 %rest, 0
  br i1 %more, label %head, label %done
done:
  ret void
}}
"""

_ADD_BF16 = """
define internal i32 @lane.add_bf16(i32 %left, i32 %right) {
  %a = bitcast i32 %left to float
  %b = bitcast i32 %right to float
  %sum = fadd float %a, %b
  %bits = bitcast float %sum to i32
  %odd.1 = lshr i32 %bits, 16
  %odd = and i32 %odd.1, 1
  %raised.1 = add i32 %bits, 32767
  %raised = add i32 %raised.1, %odd
  %nan = fcmp uno float %sum, 0.0
  %quiet = or i32 %bits, 4194304
  %chosen = select i1 %nan, i32 %quiet, i32 %raised
  %cut = and i32 %chosen, -65536
  ret i32 %cut
}
"""

_LANE = {"lane.gather": _GATHER, "lane.scatter": _SCATTER, "lane.add_bf16": _ADD_BF16}

# sin and cos take revolutions; beyond 256 of them the hardware gives sin 0.
_TURNS = """
  %whole = call double @llvm.floor.f64(double %x)
  %part = fsub double %x, %whole
  %angle = fmul double %part, 0x401921FB54442D18
  %near = call double @llvm.{name}.f64(double %angle)
  %size = call double @llvm.fabs.f64(double %x)
  %far.1 = fcmp ogt double %size, 256.0
  %finite = fcmp olt double %size, 0x7FF0000000000000
  %far = and i1 %far.1, %finite
  %y = select i1 %far, double {far}, double %near"""

_BODIES = {
    "sin_turns": _TURNS.format(name="sin", far="0.0"),
    "cos_turns": _TURNS.format(name="cos", far="1.0"),
    "ldexp": "  %y = call double @llvm.ldexp.f64.i32(double %x, i32 %power)",
}


def lane_function(name: str) -> str:
    """Return the text of a function between lanes."""
    return _LANE[name]


def mapped_function(name: str) -> str:
    """Return the text of a function on each lane."""
    short = name.partition(".")[2]
    if short in SERIES:
        return series_function(name)
    parameters, setup, power = "<32 x double> %source", "", ""
    if short == "ldexp":
        parameters += ", <32 x i32> %powers"
        setup = "  %p = alloca <32 x i32>, align 64\n  store <32 x i32> %powers, ptr %p, align 64"
        power = """
  %power.p = getelementptr i32, ptr %p, i64 %lane
  %power = load i32, ptr %power.p"""
    return f"""
define internal <32 x double> @{name}({parameters}) {{
entry:
  %s = alloca <32 x double>, align 64
  store <32 x double> %source, ptr %s, align 64
{setup}
  br label %head
head:
  %lane = phi i64 [ 0, %entry ], [ %next, %head ]
  %x.p = getelementptr double, ptr %s, i64 %lane
  %x = load double, ptr %x.p
{power}
{_BODIES[short]}
  store double %y, ptr %x.p
  %next = add i64 %lane, 1
  %more = icmp ult i64 %next, 32
  br i1 %more, label %head, label %done
done:
  %result = load <32 x double>, ptr %s, align 64
  ret <32 x double> %result
}}
"""


LIBRARY_DECLARATIONS = frozenset(
    (
        "declare i32 @llvm.cttz.i32(i32, i1)",
        "declare i32 @llvm.ctpop.i32(i32)",
        "declare double @llvm.floor.f64(double)",
        "declare double @llvm.fabs.f64(double)",
        "declare double @llvm.sin.f64(double)",
        "declare double @llvm.cos.f64(double)",
        "declare double @llvm.ldexp.f64.i32(double, i32)",
        *(
            f"declare i{bits} @llvm.{name}.i{bits}(i{bits}, i{bits})"
            for bits in (32, 64)
            for name in ("smin", "smax", "umin", "umax", "usub.sat")
        ),
        *(
            f"declare {kind} @llvm.{name}.{short}({kind}, {kind})"
            for kind, short in (("float", "f32"), ("double", "f64"))
            for name in ("minimumnum", "maximumnum")
        ),
    )
)
"""What the functions above, those on memory and the atomics call."""
