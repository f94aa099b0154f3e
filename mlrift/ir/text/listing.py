"""The dump of `--emit=ir` (cli.md 2.2): a module in, text for people out; it is not parsed back.

    function twice:
      ; (%n : i64) -> i64
    bb0:
        0: %0 = arith.constant 1 : i64
        1: %1 = arith.shl %n, %0
        2: control.return %1

Blocks are numbered within a function, instructions too. What a block receives stands behind it as
a comment. The last line is the summary. In front stand the functions with operations on tensors and
models as they were before these became loops and calls.
"""

from mlrift.ir.core import Block, BlockParameter, Function, Linkage, Module
from mlrift.ir.op import Op
from mlrift.ir.text.printer import FunctionNames, assembly_lines, format_op

_DOMAIN_FAMILIES = frozenset(("tensor", "population", "dynamics", "events", "csr", "plasticity"))


def list_module(module: Module) -> str:
    """Return the dump of every function that the module defines."""
    functions = [row for row in module.functions.values() if row.linkage is not Linkage.EXTERNAL]
    blocks = [block for function in functions for block in function.blocks]
    count = sum(len(block.ops) for block in blocks)
    summary = (
        f"; {len(functions)} functions, {len(blocks)} blocks, {count} instructions, "
        f"{len(module.globals)} globals\n"
    )
    return "".join([*map(list_function, functions), summary])


def list_domain_ops(module: Module) -> str:
    """Return the dump of the functions with operations on tensors or models, "" when none has."""
    found = [row for row in module.functions.values() if any(map(_is_domain_op, row.ops()))]
    if not found:
        return ""
    return "; before expansion\n" + "".join(map(list_function, found)) + "; after expansion\n"


def _is_domain_op(made: Op) -> bool:
    return made.MNEMONIC.partition(".")[0] in _DOMAIN_FAMILIES


def list_function(function: Function) -> str:
    """Return the dump of one function."""
    names = _ListingNames(function)
    results = ", ".join([row.value for row in function.results])
    arrow = f" -> {results}" if results else ""
    lines = [f"function {function.name}:", f"  ; {_parameters(function.parameters, names)}{arrow}"]
    if function.assembly is not None:
        lines += assembly_lines(function.assembly)
    number = 0
    for position, block in enumerate(function.blocks):
        lines.append(f"{names.block(block)}:")
        if position and block.parameters:
            lines.append(f"  ; {_parameters(block.parameters, names)}")
        for made in block.ops:
            lines.append(f"  {number:3}: {format_op(made, names)}")
            number += 1
    return "\n".join(lines) + "\n\n"


class _ListingNames(FunctionNames):
    """Names of values as in the textual IR, blocks by their number."""

    def __init__(self, function: Function) -> None:
        super().__init__(function)
        self._numbers = {block: f"bb{index}" for index, block in enumerate(function.blocks)}

    def block(self, block: Block) -> str:
        """Return `bbK` of a block."""
        return self._numbers.get(block, "bb?")


def _parameters(parameters: list[BlockParameter], names: FunctionNames) -> str:
    return "(" + ", ".join([f"{names.value(row)} : {row.type.value}" for row in parameters]) + ")"
