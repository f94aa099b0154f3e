"""A function of the SSA IR enters (as `prepare_kernels` leaves it), machine IR of a wave leaves."""

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.facts import KernelFacts
from mlrift.backends.amdgcn.isa.instruction import Access
from mlrift.backends.amdgcn.mir import (
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Part,
)
from mlrift.backends.amdgcn.selection import (
    atomics,
    compare,
    convert,
    device,
    division,
    floats,
    integers,
    matrices,
    memory,
    shifts,
    waves,
)
from mlrift.backends.amdgcn.selection.control import Control
from mlrift.backends.amdgcn.selection.inputs import Inputs
from mlrift.backends.amdgcn.selection.pair_lds import LdsPairing
from mlrift.backends.amdgcn.selection.selector import Selector
from mlrift.backends.amdgcn.selection.wave_blocks import wave_blocks
from mlrift.backends.rules import Rules
from mlrift.ir.core import Block, Function
from mlrift.ir.op import Effect, Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.debug import DebugValue
from mlrift.values import record

RULES: Rules[Selector] = Rules("amdgcn")
for _family in (
    integers,
    shifts,
    compare,
    convert,
    floats,
    division,
    memory,
    device,
    atomics,
    waves,
    matrices,
):
    RULES.include(_family.RULES)

_REMOVABLE = (Effect.PURE, Effect.READ, Effect.ALLOCATE)


@record
class Selected:
    """Machine IR, and what its kernel starts with."""

    function: MachineFunction
    inputs: Inputs


def select(function: Function, facts: KernelFacts, chip: Chip) -> Selected:
    """Select the instructions of a kernel; raises `KernelError`."""
    selector = Selector(function, facts, chip)
    selector.inputs.place_arguments(function)
    device.layout_lds(selector)
    control = Control(selector)
    for block in reversed(selector.flow.order):
        _select_block(selector, control, block)
    selector.function.blocks = wave_blocks(selector.all_items())
    LdsPairing(selector.function, chip.generation, selector.lds_alignment).run()
    selector.function.required_group = selector.inputs.required
    return Selected(selector.function, selector.inputs)


def _select_block(selector: Selector, control: Control, block: Block) -> None:
    selector.block = block
    selector.loop_depth = selector.flow.depth[block]
    control.leave(block)
    selector.commit()
    for made in reversed(block.ops[:-1]):
        if not isinstance(made, Constant | DebugValue) and _is_wanted(selector, made):
            selector.span = made.span
            _rule(selector, made)
            if made in selector.keeps_lanes:
                _keep_lanes(selector, made)
            selector.commit()
    selector.span = None
    selector.begin_block()
    selector.commit()
    control.enter(block)
    if block is selector.source.entry:
        selector.inputs.begin()
        for number, register in selector.constants.items():
            selector.set_pair(register, number)
    selector.commit()


def _keep_lanes(selector: Selector, made: Op) -> None:
    """Say that the instructions of an op leave what other lanes have in its register."""
    place = selector.place(made)
    register = place.of if isinstance(place, Part) else place
    for item in selector.instructions:
        if isinstance(item, MachineInstruction) and register in map(_register_of, item.operands):
            item.access = tuple(
                Access.BOTH
                if access is Access.WRITE and _register_of(operand) is register
                else access
                for operand, access in zip(item.operands, item.access, strict=True)
            )


def _register_of(operand: MachineOperand) -> MachineOperand:
    return operand.of if isinstance(operand, Part) else operand


def _is_wanted(selector: Selector, made: Op) -> bool:
    if made in selector.places:
        return True
    return made.EFFECT not in _REMOVABLE and not (
        made.MNEMONIC in _VALUES and not selector.uses.get(made)
    )


_VALUES = frozenset(
    {
        "device.shuffle",
        "device.shuffle_xor",
        "device.ballot",
        "device.wave_reduce",
        "arith.udiv",
        "arith.sdiv",
        "arith.urem",
        "arith.srem",
    }
)
"""Ops whose effect is only that they are not moved."""


def _rule(selector: Selector, made: Op) -> None:
    try:
        rule = RULES.find(type(made))
    except KeyError:
        raise selector.refuse(f"`{made.MNEMONIC}` cannot be compiled for a GPU") from None
    rule(selector, made)


__all__ = ["RULES", "Selected", "select"]
