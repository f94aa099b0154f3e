"""Addresses of local arrays: which values are such, and the operands of an access.

A private address is a number of bytes in the frame of a lane, in the low dword of an i64. What is
made of one by addition and subtraction is private, and so are parameters that receive one.
"""

from mlrift.backends.amdgcn.errors import KernelError
from mlrift.backends.amdgcn.isa.instruction import Inline
from mlrift.backends.amdgcn.isa.registers import NULL
from mlrift.backends.amdgcn.mir import FrameSlot, MachineOperand
from mlrift.backends.amdgcn.selection.constants import word_operand
from mlrift.ir.analysis.control_flow import incoming_edges
from mlrift.ir.core import Function, Value
from mlrift.ir.ops.arith import Add, Constant, Select, Sub
from mlrift.ir.ops.memory import Stack
from mlrift.static_types import TYPE_CHECKING
from mlrift.values import field, record, value

if TYPE_CHECKING:
    from mlrift.backends.amdgcn.selection.selector import Selector

_HALF_RANGE = 1 << 31
_WORD = 1 << 32


@value
class PrivateAddress:
    """`lanes` is an index in a vector register or NULL, `base` a frame slot or NULL."""

    lanes: MachineOperand
    base: MachineOperand


@record
class _Terms:
    """A sum: the array it begins with, if any, what is added and subtracted, and a constant."""

    array: Stack | None = None
    added: list[Value] = field(default_factory=list)
    subtracted: list[Value] = field(default_factory=list)
    constant: int = 0


def private_values(function: Function) -> set[Value]:
    """Return the addresses of local arrays among a function's values."""
    found: set[Value] = {made for made in function.ops() if isinstance(made, Stack)}
    if not found:
        return found
    received: dict[Value, list[Value]] = {}
    for block, edges in incoming_edges(function.blocks).items():
        for position, parameter in enumerate(block.parameters):
            received[parameter] = [edge.arguments[position] for _, edge in edges]
    sums = [made for made in function.ops() if isinstance(made, Add | Sub | Select)]
    changed = True
    while changed:
        before = len(found)
        found.update(made for made in sums if any(row in found for row in _sources(made)))
        found.update(row for row, sources in received.items() if not found.isdisjoint(sources))
        changed = len(found) > before
    for row, sources in received.items():
        if row in found and any(_is_other(source, found) for source in sources):
            raise KernelError("a variable has the address of a local array or of other memory")
    return found


def _is_other(source: Value, found: set[Value]) -> bool:
    return source not in found and not isinstance(source, Constant)


def _sources(made: Add | Sub | Select) -> tuple[Value, ...]:
    """Return what makes a result an address: the difference of two addresses is none."""
    match made:
        case Add(lhs, rhs):
            return (lhs, rhs)
        case Sub(lhs):
            return (lhs,)
        case Select():
            return (made.if_true, made.if_false)


def private_address(selector: "Selector", address: Value) -> PrivateAddress | None:
    """Return the operands of a scratch instruction, None for an address of other memory."""
    if not is_private(selector, address):
        return None
    terms = _Terms()
    _collect(selector, address, terms)
    index = _index(selector, terms)
    if terms.array is None:
        return PrivateAddress(index, NULL)
    constant = (terms.constant + _HALF_RANGE) % _WORD - _HALF_RANGE
    return PrivateAddress(index, FrameSlot(selector.frame_number(terms.array), constant))


def is_private(selector: "Selector", address: Value) -> bool:
    """Whether a value is the address of a local array; selection may have made it itself."""
    if address in selector.private:
        return True
    return isinstance(address, Add) and address.lhs in selector.private


def _collect(selector: "Selector", address: Value, terms: _Terms) -> None:
    match address:
        case Stack():
            terms.array = address
        case Constant():
            terms.constant += int(address.value)
        case Add(lhs, rhs) if is_private(selector, address):
            _collect(selector, lhs, terms)
            _collect(selector, rhs, terms)
        case Sub(lhs, Constant() as rhs) if is_private(selector, address):
            terms.constant -= int(rhs.value)
            _collect(selector, lhs, terms)
        case Sub(lhs, rhs) if is_private(selector, address):
            terms.subtracted.append(rhs)
            _collect(selector, lhs, terms)
        case _:
            terms.added.append(address)


def _index(selector: "Selector", terms: _Terms) -> MachineOperand:
    """Return the sum of the terms that are no constant (without an array: of all), or NULL."""
    operands = [selector.word(term) for term in terms.added]
    if terms.array is None and terms.constant:
        operands.append(word_operand(terms.constant))
    if not operands and not terms.subtracted:
        return NULL
    total = selector.in_vector(operands[0] if operands else Inline(0))
    for operand in operands[1:]:
        total = _combined(selector, "v_add_nc_u32", total, operand)
    for term in terms.subtracted:
        total = _combined(selector, "v_sub_nc_u32", total, selector.word(term))
    return total


def _combined(
    selector: "Selector", operation: str, total: MachineOperand, operand: MachineOperand
) -> MachineOperand:
    made = selector.vector()
    if operation == "v_add_nc_u32":
        selector.valu(operation, made, operand, total)
    else:
        selector.valu(operation, made, total, operand)
    return made
