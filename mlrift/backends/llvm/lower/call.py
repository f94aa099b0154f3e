"""Calls and function addresses."""

from mlrift.backends.llvm.foreign_arguments import VARIADIC, Argument, promote, spell
from mlrift.backends.llvm.text import FunctionText
from mlrift.backends.llvm.types import VALUE_TYPE, result_type
from mlrift.backends.rules import Rules
from mlrift.ir.core import ForeignSignature, Linkage, Value
from mlrift.ir.ops import call

RULES: Rules[FunctionText] = Rules("llvm")


@RULES.rule(call.Call)
def lower_call(out: FunctionText, made: call.Call) -> None:
    """Call by name; of several results the first is the call's value."""
    context = out.context
    callee = context.module.functions[made.callee]
    if callee.foreign is not None:
        arguments = _foreign_arguments(out, made, callee.foreign)
    else:
        arguments = _arguments(out, made.arguments)
    target = context.symbols.functions[made.callee]
    convention = attributes = ""
    if callee.is_foreign or (callee.linkage is Linkage.EXPORTED and "." not in made.callee):
        # What LLVM knows about a C function of that name may be wrong for this one.
        attributes = " nobuiltin"
        convention = context.convention(callee)
    elif callee.assembly is not None:
        convention = context.convention(callee)
    if callee.source is not None and out.debug is None:
        # LLVM would drop the lines of a body that it inlines where there are none.
        attributes += " noinline"
    if made.callee in context.pointer_functions:
        name = out.define_pointer(made, f"call noalias ptr {target}({arguments})")
        if made in out.word_demand:
            out.define(made, f"ptrtoint ptr {name} to i64")
        return
    kind = result_type(callee.results)
    prototype = f"{kind} (...)" if context.is_called_unprototyped(callee) else kind
    text = f"call {convention}{prototype} {target}({arguments}){attributes}"
    if not callee.results:
        out.emit(text)
    elif len(callee.results) == 1:
        out.define(made, text)
    else:
        whole = out.aggregates[made] = out.temporary(text)
        out.define(made, f"extractvalue {kind} {whole}, 0")


@RULES.rule(call.CallResult)
def lower_call_result(out: FunctionText, made: call.CallResult) -> None:
    """Take a further result out of the struct that the call gave."""
    source = made.call
    assert isinstance(source, call.Call)
    kind = result_type(out.context.module.functions[source.callee].results)
    out.define(made, f"extractvalue {kind} {out.aggregates[source]}, {made.index}")


@RULES.rule(call.CallIndirect)
def lower_call_indirect(out: FunctionText, made: call.CallIndirect) -> None:
    """Call an address: words in, a word out."""
    arguments = _arguments(out, made.arguments)
    convention = out.context.address_convention
    out.define(made, f"call {convention}i64 {out.pointer(made.address)}({arguments})")


@RULES.rule(call.FunctionAddress)
def lower_function_address(out: FunctionText, made: call.FunctionAddress) -> None:
    """The function itself when its signature is words, else its entry for words."""
    context = out.context
    function = context.module.functions[made.callee]
    if function.from_c is None and context.has_words_entry(function):
        name = context.symbols.words_entry(made.callee)
    else:
        name = context.symbols.functions[made.callee]
    out.pointers[made] = name
    out.names[made] = f"ptrtoint (ptr {name} to i64)"


def _foreign_arguments(out: FunctionText, made: call.Call, foreign: ForeignSignature) -> str:
    """Return the arguments of a C function that the program declares."""
    fixed_count = VARIADIC.get(made.callee)
    rows = [
        Argument(value.type, size_bytes, out.names[value])
        for value, size_bytes in zip(made.arguments, foreign.parameter_bytes, strict=True)
    ]
    if fixed_count is not None:
        rows = promote(out, rows, fixed_count)
    arrange = out.context.arrange_foreign
    return spell(rows if arrange is None else arrange(out, rows, fixed_count))


def _arguments(out: FunctionText, arguments: list[Value]) -> str:
    names = out.names
    return ", ".join([f"{VALUE_TYPE[row.type]} {names[row]}" for row in arguments])
