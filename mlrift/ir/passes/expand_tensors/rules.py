"""What becomes of each op on tensors; see expander.py."""

from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.ir.ops import tensor, tensor_shape
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.tensor_release import Release, Retain
from mlrift.ir.ops.tensor_types import KIND_CODES
from mlrift.ir.passes.expand_tensors.elements import (
    element_shift,
    load_element,
    store_element,
)
from mlrift.ir.passes.expand_tensors.expander import Expander, Rule
from mlrift.ir.passes.expand_tensors.fused_rules import FUSED_RULES
from mlrift.ir.passes.expand_tensors.map_kernels import stretch_bits, words_on_stack
from mlrift.ir.passes.expand_tensors.map_rules import MAP_RULES
from mlrift.ir.passes.expand_tensors.product_rules import PRODUCT_RULES
from mlrift.ir.passes.expand_tensors.reduce_rules import REDUCE_RULES, adding_kernel
from mlrift.ir.passes.expand_tensors.row_rules import ROW_RULES

_AXIS_BITS = 4


# ---- made, seen, taken apart ----


def _view(on: Expander, made: tensor.View) -> Value:
    out, found = on.out, made.tensor_type
    strides: Value = out.word(0)
    if made.strides:
        strides = words_on_stack(out, made.strides)
    extents = words_on_stack(out, made.extents)
    kind, rank = out.word(KIND_CODES[found.element]), out.word(found.rank)
    arguments = [kind, rank, made.address, extents, strides, on.message("tensor view")]
    return on.runtime("core.tensor_view", arguments)


def _extent(on: Expander, made: tensor.Extent) -> Value:
    known = on.type_of(made.operand).extents[made.axis]
    if known is not None:
        return on.out.word(known)
    operand = on.word(made.operand)
    return on.runtime("core.tensor_extent", [operand, on.out.word(made.axis)])


def _length(on: Expander, made: tensor.Length) -> Value:
    return on.runtime("core.tensor_length", [on.word(made.operand)])


def _data(on: Expander, made: tensor.Data) -> Value:
    return on.runtime("core.tensor_data", [on.word(made.operand)])


def _keep(on: Expander, made: tensor.Keep) -> None:
    return None


def _contiguous(on: Expander, made: tensor.Contiguous) -> Value:
    arguments = [on.word(made.operand), on.message("tensor copy")]
    return on.runtime("core.tensorcopy_contiguous", arguments)


def _element_address(
    on: Expander, operand: Value, descriptor: Value, indices: list[Value]
) -> Value:
    out = on.out
    message = on.message("tensor element")
    offset: Value = out.word(0)
    for axis, index in enumerate(indices):
        arguments = [descriptor, out.word(axis), index, message]
        offset = out.add(offset, on.runtime("core.tensor_step", arguments))
    base = on.runtime("core.tensor_data", [descriptor])
    return out.element(base, offset, element_shift(on.type_of(operand).element))


def _load(on: Expander, made: tensor.LoadElement) -> Value:
    address = _element_address(on, made.operand, on.word(made.operand), made.indices)
    return load_element(on.out, address, on.type_of(made.operand).element)


def _store(on: Expander, made: tensor.StoreElement) -> Value:
    message = on.message("tensor element")
    owned = on.runtime("core.tensorcopy_own", [on.word(made.operand), message])
    address = _element_address(on, made.operand, owned, made.indices)
    store_element(on.out, address, made.value, on.type_of(made.operand).element)
    return owned


def _require(on: Expander, made: tensor.Require) -> None:
    arguments = [on.word(made.operand), on.out.word(made.axis), made.extent]
    on.effect("core.tensor_require", [*arguments, on.message("tensor shape")])


def _assume(on: Expander, made: tensor.Assume) -> Value:
    found, operand = on.type_of(made.operand), on.word(made.operand)
    pairs = zip(found.extents, made.tensor_type.extents, strict=True)
    for axis, (known, wanted) in enumerate(pairs):
        if known is None and wanted is not None:
            arguments = [operand, on.out.word(axis), on.out.word(wanted)]
            on.effect("core.tensor_require", [*arguments, on.message("tensor shape")])
    return on.runtime("core.tensor_retain", [operand])


def _shared(on: Expander, made: tensor.Share) -> Value:
    return on.runtime("core.tensor_retain", [on.word(made.operand)])


def _borrow(on: Expander, made: tensor.Borrow) -> Value:
    return on.runtime("core.tensor_retain", [made.word])


def _take(on: Expander, made: tensor.Take) -> Value:
    return made.word


def _retain(on: Expander, made: Retain) -> None:
    on.runtime("core.tensor_retain", [on.word(made.operand)])


def _release(on: Expander, made: Release) -> None:
    on.effect("core.tensor_release", [on.word(made.operand)])


# ---- arranged anew ----


def _reshape(on: Expander, made: tensor_shape.Reshape) -> Value:
    extents = words_on_stack(on.out, made.extents)
    arguments = [on.word(made.operand), on.out.word(made.tensor_type.rank), extents]
    return on.runtime("core.tensorcopy_reshape", [*arguments, on.message("tensor reshape")])


def _permute(on: Expander, made: tensor_shape.Permute) -> Value:
    axes = sum(old << (_AXIS_BITS * axis) for axis, old in enumerate(made.axes))
    return on.runtime("core.tensorcopy_permute", [on.word(made.operand), on.out.word(axes)])


def _add_axis(on: Expander, made: tensor_shape.AddAxis) -> Value:
    return on.runtime("core.tensorcopy_add_axis", [on.word(made.operand), on.out.word(made.axis)])


def _drop_axis(on: Expander, made: tensor_shape.DropAxis) -> Value:
    arguments = [on.word(made.operand), on.out.word(made.axis), on.message("tensor drop_axis")]
    return on.runtime("core.tensorcopy_drop_axis", arguments)


def _ranges(on: Expander, made: tensor_shape.Slice | tensor_shape.Insert) -> Value:
    rows = zip(made.starts, made.ends, made.steps, strict=True)
    return words_on_stack(on.out, [word for row in rows for word in row])


def _slice(on: Expander, made: tensor_shape.Slice) -> Value:
    arguments = [on.word(made.operand), _ranges(on, made), on.message("tensor slice")]
    sliced = on.runtime("core.tensorcopy_slice", arguments)
    for axis, extent in enumerate(made.tensor_type.extents):
        if extent is not None:
            row = [sliced, on.out.word(axis), on.out.word(extent), on.message("tensor slice")]
            on.effect("core.tensor_require", row)
    return sliced


def _insert(on: Expander, made: tensor_shape.Insert) -> Value:
    stretch = stretch_bits(on.type_of(made.part), on.type_of(made.operand).rank)
    arguments = [on.word(made.operand), on.word(made.part), _ranges(on, made)]
    arguments += [on.out.word(stretch), on.message("tensor insert")]
    return on.runtime("core.tensorcopy_insert", arguments)


def _concat(on: Expander, made: tensor_shape.Concat) -> Value:
    parts = words_on_stack(on.out, [on.word(row) for row in made.parts])
    arguments = [parts, on.out.word(len(made.parts)), on.out.word(made.axis)]
    return on.runtime("core.tensorcopy_concat", [*arguments, on.message("tensor concat")])


def _gather(on: Expander, made: tensor_shape.Gather) -> Value:
    arguments = [on.word(made.table), on.word(made.indices), on.message("tensor gather")]
    return on.runtime("core.tensorcopy_gather", arguments)


def _scatter_add(on: Expander, made: tensor_shape.ScatterAdd) -> Value:
    kernel = adding_kernel(on.kernels, on.type_of(made.table).element)
    arguments = [on.word(made.table), on.word(made.indices), on.word(made.values)]
    arguments += [on.out.emit(FunctionAddress(kernel)), on.message("tensor scatter_add")]
    return on.runtime("core.tensorcopy_scatter_add", arguments)


RULES: dict[type[Op], Rule] = {
    tensor.View: _view,
    tensor.Extent: _extent,
    tensor.Length: _length,
    tensor.Data: _data,
    tensor.Keep: _keep,
    tensor.Contiguous: _contiguous,
    tensor.LoadElement: _load,
    tensor.StoreElement: _store,
    tensor.Require: _require,
    tensor.Assume: _assume,
    tensor.Share: _shared,
    tensor.Borrow: _borrow,
    tensor.Take: _take,
    Retain: _retain,
    Release: _release,
    tensor_shape.Reshape: _reshape,
    tensor_shape.Permute: _permute,
    tensor_shape.AddAxis: _add_axis,
    tensor_shape.DropAxis: _drop_axis,
    tensor_shape.Slice: _slice,
    tensor_shape.Insert: _insert,
    tensor_shape.Concat: _concat,
    tensor_shape.Gather: _gather,
    tensor_shape.ScatterAdd: _scatter_add,
    **MAP_RULES,
    **REDUCE_RULES,
    **PRODUCT_RULES,
    **ROW_RULES,
    **FUSED_RULES,
}
