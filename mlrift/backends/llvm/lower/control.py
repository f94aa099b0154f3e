"""Terminators. Block parameters become phis, which the function writer fills in at the end."""

from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, result_type
from mlrift.backends.rules import Rules
from mlrift.ir.ops import control
from mlrift.ir.ops.call import Call

RULES: Rules[FunctionText] = Rules("llvm")

_TRAP = "llvm.trap"


@RULES.rule(control.Jump)
def lower_jump(out: FunctionText, made: control.Jump) -> None:
    """Go to a block."""
    out.emit(f"br label %{out.labels[made.target.block]}")


@RULES.rule(control.Branch)
def lower_branch(out: FunctionText, made: control.Branch) -> None:
    """Go to one of two blocks; two edges to one block need a block between, for its phis."""
    if_true, if_false = made.if_true, made.if_false
    condition = out.names[made.condition]
    target = out.labels[if_true.block]
    if if_true.block is not if_false.block:
        out.emit(f"br i1 {condition}, label %{target}, label %{out.labels[if_false.block]}")
        return
    between = out.fresh_label()
    out.emit(f"br i1 {condition}, label %{target}, label %{between}")
    out.edge_labels[if_true] = out.label
    out.edge_labels[if_false] = between
    out.begin_block(between)
    out.emit(f"br label %{target}")


@RULES.rule(control.Return)
def lower_return(out: FunctionText, made: control.Return) -> None:
    """Leave with no result, one, or a struct of several."""
    function, values = out.function, made.values
    if function.name in out.context.pointer_functions:
        out.emit(f"ret ptr {out.pointer(values[0])}")
    elif not values:
        out.emit("ret void")
    elif len(values) == 1:
        out.emit(f"ret {VALUE_TYPE[values[0].type]} {out.names[values[0]]}")
    else:
        kind = result_type(function.results)
        whole = "undef"
        for index, value in enumerate(values):
            part = f"{VALUE_TYPE[value.type]} {out.names[value]}"
            whole = out.temporary(f"insertvalue {kind} {whole}, {part}, {index}")
        out.emit(f"ret {kind} {whole}")


@RULES.rule(control.Unreachable)
def lower_unreachable(out: FunctionText, _made: control.Unreachable) -> None:
    """Nothing after a call that does not return; a trap instruction elsewhere."""
    before = out.block.ops[-2] if len(out.block.ops) > 1 else None
    callee = out.context.module.functions.get(before.callee) if isinstance(before, Call) else None
    if callee is None or callee.returns:
        out.context.declare(_TRAP, f"declare void @{_TRAP}()")
        out.emit(f"call void @{_TRAP}()")
    out.emit("unreachable")
