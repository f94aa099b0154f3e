"""Group sizes that kernels take for granted: `block_idx_x() * 256 + tid_local_x()` means 256 items.

    %10 = arith.constant 256 : i64              device.assume_group_size 256, 1, 1
    %11 = arith.mul %9, %10              =>     ...
    %13 = arith.add %11, %12

A kernel goes in whose source says nothing of its group size; if every index it makes has the same
factor, the op stands at its start. `%9` is `device.group_id x`, `%12` `device.local_id x`.
"""

from mlrift.ir.core import Function, Value
from mlrift.ir.ops.arith import Add, Constant, Mul
from mlrift.ir.ops.device import AssumeGroupSize, Axis, GroupId, LocalId

_LARGEST = 1024


def assume_group_size(kernel: Function) -> None:
    """Add what the indices of a kernel say about its group size, unless it is said."""
    factors: set[int] = set()
    for made in kernel.ops():
        if isinstance(made, AssumeGroupSize):
            return
        if isinstance(made, LocalId) and made.axis is not Axis.X:
            return
        if isinstance(made, Add):
            factors |= _factor(made.lhs, made.rhs) | _factor(made.rhs, made.lhs)
    if len(factors) == 1 and 1 <= min(factors) <= _LARGEST:
        said = AssumeGroupSize(min(factors), 1, 1)
        said.span = kernel.span
        ops = kernel.entry.ops
        ops.insert(0, said)


def _factor(product: Value, local: Value) -> set[int]:
    """Return C if the values are `group * C` and the local index."""
    if not (isinstance(local, LocalId) and isinstance(product, Mul)):
        return set()
    for group, factor in ((product.lhs, product.rhs), (product.rhs, product.lhs)):
        is_group = isinstance(group, GroupId) and group.axis is Axis.X
        if is_group and isinstance(factor, Constant):
            return {int(factor.value)}
    return set()
