"""The road of kernels: a module as lowering leaves it enters, one with kernels only leaves.

Every kernel is one function then: without calls and variables, in the normal form of
`device_shape`, optimised (no other compiler comes after), with addresses of the form that
`device_addresses` describes. Kernels are the EXPORTED functions; the others go. What cannot be
compiled raises a `DeviceError`.
"""

from collections.abc import Callable

from mlrift.ir.core import Module
from mlrift.ir.passes import promote_fresh
from mlrift.ir.passes.declaration import Pass
from mlrift.ir.passes.device_addresses import PASS as ADDRESSES
from mlrift.ir.passes.device_arrays import PASS as ARRAYS
from mlrift.ir.passes.device_choose import PASS as CHOOSE
from mlrift.ir.passes.device_copies import PASS as COPIES
from mlrift.ir.passes.device_divide import PASS as DIVIDE
from mlrift.ir.passes.device_exchange import PASS as EXCHANGE
from mlrift.ir.passes.device_hoist import PASS as HOIST
from mlrift.ir.passes.device_inline import PASS as INLINE
from mlrift.ir.passes.device_narrow import PASS as NARROW
from mlrift.ir.passes.device_reduce import PASS as REDUCE
from mlrift.ir.passes.device_reuse import PASS as REUSE
from mlrift.ir.passes.device_rotate import PASS as ROTATE
from mlrift.ir.passes.device_shape import PASS as SHAPE
from mlrift.ir.passes.device_simplify import PASS as SIMPLIFY
from mlrift.ir.passes.device_start import PASS as START
from mlrift.ir.passes.device_unroll import PASS as UNROLL
from mlrift.ir.passes.device_wide import PASS as WIDE
from mlrift.ir.passes.fold import PASS as FOLD
from mlrift.ir.passes.pipeline import Before
from mlrift.ir.passes.promote_slots import PASS as PROMOTE_SLOTS
from mlrift.ir.passes.remove_dead_code import PASS as REMOVE_DEAD_CODE
from mlrift.ir.passes.remove_unreachable_blocks import PASS as REMOVE_UNREACHABLE_BLOCKS

Observer = Callable[[str, Module], None]

_TIDY = (FOLD, REMOVE_UNREACHABLE_BLOCKS, REMOVE_DEAD_CODE)

PASSES: tuple[Pass, ...] = (
    # Before calls are expanded functions are small, and a callee's variables are its own.
    REMOVE_UNREACHABLE_BLOCKS,
    PROMOTE_SLOTS,
    *_TIDY,
    INLINE,
    START,
    *_TIDY,
    promote_fresh.PASS,
    ARRAYS,
    REDUCE,
    SIMPLIFY,
    *_TIDY,
    REUSE,
    ROTATE,
    UNROLL,
    *_TIDY,
    ARRAYS,
    COPIES,
    SIMPLIFY,
    EXCHANGE,
    CHOOSE,
    *_TIDY,
    NARROW,
    DIVIDE,
    SIMPLIFY,
    SHAPE,
    REUSE,
    HOIST,
    ADDRESSES,
    REUSE,
    HOIST,
    SIMPLIFY,
    REMOVE_DEAD_CODE,
    NARROW,
    *_TIDY,
    WIDE,
    REMOVE_DEAD_CODE,
    SHAPE,
)

# Where the first pass must have run before the (last) second one.
ORDER: tuple[Before, ...] = (
    Before("promote_slots", "device_inline", "a callee's slots would not stand in the entry block"),
    Before("device_inline", "device_start", "callees say the size of the group, too"),
    Before("device_start", "device_reduce", "whole waves need fewer steps"),
    Before("promote_fresh", "device_arrays", "fresh storage is an array, too"),
    Before("device_arrays", "device_copies", "variables need no copies of memory"),
    Before("device_rotate", "device_unroll", "turns are counted at a test that stands last"),
    Before("device_unroll", "device_arrays", "indices are constants in straight code"),
    Before("device_unroll", "device_exchange", "distances are constants in straight code"),
    Before("device_rotate", "device_hoist", "loads are hoisted from what every turn does"),
    Before("device_choose", "device_shape", "sides of short branches are blocks without a shape"),
    Before("device_divide", "device_hoist", "what a division is made of may be invariant"),
    Before("device_addresses", "device_narrow", "which bits are looked at depends on addresses"),
    Before("device_addresses", "device_wide", "neighbours have one base"),
    Before("device_wide", "device_shape", "blocks keep their form to the end"),
)


def prepare_kernels(module: Module, observe: Observer | None = None) -> Module:
    """Prepare the kernels of a module, which is changed and returned; raise DeviceError.

    `observe(name, module)` is called after each pass.
    """
    for row in PASSES:
        row.run(module)
        if observe is not None:
            observe(row.name, module)
    return module


def find_device_pass(name: str) -> Pass:
    """Return the pass of this road with a name."""
    return next(row for row in PASSES if row.name == name)
