"""Inline assembly: each block is a function with assembly, called with the address of its words.

    asm("cpuid") in(leaf -> rax) out(rbx -> name)

    %area = memory.stack 8, 16
    memory.store %area, %leaf : i64
    call.direct @asm.program.1(%area)
    %name = memory.load %area : i64

A naked function is such a function itself, without the words.
"""

from mlrift.frontend import typed
from mlrift.frontend.lower.context import FunctionContext
from mlrift.frontend.lower.expressions import convert
from mlrift.frontend.lower.places import give
from mlrift.frontend.lower.rules import statement
from mlrift.ir.assembly import WORD_BYTES, Assembly
from mlrift.ir.core import Value
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.memory import Load, Store
from mlrift.typesystem import I64


def naked_assembly(body: typed.Block) -> Assembly:
    """Return the assembly of a naked function: all instructions in order."""
    blocks = [row for row in body.statements if isinstance(row, typed.Asm)]
    return Assembly(tuple(text for row in blocks for text in row.instructions))


@statement(typed.Asm)
def _asm(context: FunctionContext, node: typed.Asm) -> None:
    builder = context.builder
    inputs = {row.register: context.value(row.value) for row in node.inputs}
    outputs = tuple(dict.fromkeys(row.register for row in node.outputs))
    assembly = Assembly(node.instructions, tuple(inputs), outputs)
    size_bytes = assembly.area_bytes
    area: Value = context.stack(size_bytes) if size_bytes else builder.word(0)
    for index, value in enumerate(inputs.values()):
        builder.emit(Store(context.offset(area, index * WORD_BYTES), value, I64))
    builder.emit(Call(context.module.add_assembly(assembly), [area], ()))
    results = {
        name: builder.emit(Load(context.offset(area, index * WORD_BYTES), I64))
        for index, name in enumerate(outputs)
    }
    for row in node.outputs:
        give(context, row.place, convert(builder, row.conversion, results[row.register]))
