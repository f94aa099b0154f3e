"""Bodies of maps: functions of the module that compute one element, made from groups of ops.

Groups with the same ops have one body, whatever they are applied to.
"""

from collections.abc import Callable

from mlrift.ir.core import Module, Value
from mlrift.ir.op import FieldKind, Op
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.tensor import Fill, Iota, Random, RandomKind
from mlrift.ir.ops.tensor_map import Binary, Cast, Compare, Map, Select, Unary
from mlrift.ir.ops.tensor_reduce import Reduce, ReduceAll
from mlrift.ir.ops.tensor_types import scalar_of, tensor_of
from mlrift.ir.passes.expand_tensors.elements import binary, cast, compare, in_kind, select, unary
from mlrift.ir.passes.expand_tensors.emit import Emitter, new_function
from mlrift.ir.passes.expand_tensors.random_numbers import random_element
from mlrift.typesystem import I64, ElementKind, Extents, TensorType, ValueType
from mlrift.values import field, record, value

Key = tuple[object, ...]
BODY_PREFIX = "tensor.body."
_MOST_NAMES = 12


def is_scalar_fill(found: Value) -> bool:
    """Whether a tensor is one element that a map takes as a scalar."""
    return type(found) is Fill and found.tensor_type.rank == 0


def names_in_body(symbol: str) -> tuple[str, ...]:
    """Return the names of the ops that a body was made of."""
    if not symbol.startswith(BODY_PREFIX):
        return (symbol,)
    return tuple(symbol.removeprefix(BODY_PREFIX).partition(".")[2].split("_"))


def _name_of(step: Op) -> str:
    kind = getattr(step, "kind", None) or getattr(step, "predicate", None)
    return str(kind.value) if kind is not None else step.MNEMONIC.partition(".")[2]


@record
class Group:
    """Ops that are computed element by element together; the root is the last, or a reduction."""

    root: Op
    extents: Extents
    members: list[Op] = field(default_factory=list)

    @property
    def result(self) -> Value:
        """The value that the body computes."""
        if isinstance(self.root, (Reduce, ReduceAll)):
            return self.root.operand
        return self.root


@value
class Body:
    """A body with what it is applied to, in the order of its parameters."""

    symbol: str
    tensors: list[Value]
    scalars: list[Value]


class Bodies:
    """The bodies of a module by what they compute."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self._known: dict[Key, str] = {}

    def of(self, group: Group) -> Body:
        """Return the body of a group, making it if there is none like it."""
        plan = _Plan(group)
        key = plan.key
        symbol = self._known.get(key)
        if symbol is None:
            symbol = self._known[key] = self._free_name(plan)
            plan.emit(self.module, symbol)
        return Body(symbol, list(plan.tensors), list(plan.scalars))

    def _free_name(self, plan: "_Plan") -> str:
        """Return a name that tells what the body does: `tensor.body.0.mul_add`."""
        names = [_name_of(step) for step in plan.steps if not is_scalar_fill(step)]
        words = "_".join(names[:_MOST_NAMES]) or "fill"
        number = len(self._known)
        while f"{BODY_PREFIX}{number}.{words}" in self.module.functions:
            number += 1
        return f"{BODY_PREFIX}{number}.{words}"


class _Plan:
    """A group in the order of computation: steps with the numbers of what they use."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.members = set(group.members)
        self.tensors: dict[Value, int] = {}
        self.scalars: dict[Value, int] = {}
        self.steps: list[Op] = []
        self.references: dict[Value, Key] = {}
        self.takes_number = False
        result = self._visit(group.result)
        rows = [_signature(step, self._arguments(step)) for step in self.steps]
        kinds = [tensor_of(row).element for row in self.tensors]
        types = [row.type for row in self.scalars]
        self.key: Key = (tuple(rows), tuple(kinds), tuple(types), result)

    def _visit(self, wanted: Value) -> Key:
        """Note the steps that give a value, operands first."""
        known = self.references.get(wanted)
        if known is not None:
            return known
        if wanted not in self.members and type(wanted) is not Fill:
            return self._input(wanted)
        if type(wanted) is Fill and wanted not in self.members and wanted.tensor_type.rank:
            return self._input(wanted)
        assert isinstance(wanted, Op)
        for operand in _elements_of(wanted):
            self._visit(operand)
        for scalar in _scalars_of(wanted):
            self.references.setdefault(
                scalar, ("scalar", self.scalars.setdefault(scalar, len(self.scalars)))
            )
        self.takes_number |= isinstance(wanted, (Iota, Random))
        made: Key = ("step", len(self.steps))
        self.steps.append(wanted)
        self.references[wanted] = made
        return made

    def _input(self, wanted: Value) -> Key:
        number = self.tensors.setdefault(wanted, len(self.tensors))
        made = self.references[wanted] = ("tensor", number)
        return made

    def _arguments(self, step: Op) -> tuple[Key, ...]:
        return tuple(self.references[row] for row in (*_elements_of(step), *_scalars_of(step)))

    def emit(self, module: Module, symbol: str) -> None:
        """Add the body to the module."""
        parameters: list[tuple[str, ValueType]] = [
            (f"element{number}", scalar_of(tensor_of(row).element))
            for number, row in enumerate(self.tensors)
        ]
        parameters += [(f"scalar{number}", row.type) for number, row in enumerate(self.scalars)]
        if self.takes_number:
            parameters.append(("number", I64))
        result = tensor_of(self.group.result).element
        out = new_function(module, symbol, parameters, (scalar_of(result),))
        out.function.is_inline = True
        given = out.function.parameters
        values: dict[Value, Value] = dict(zip(self.tensors, given, strict=False))
        scalars = dict(zip(self.scalars, given[len(self.tensors) :], strict=False))
        for step in self.steps:
            elements = [values[row] for row in _elements_of(step)]
            rest = [scalars[row] for row in _scalars_of(step)]
            values[step] = _EMIT[type(step)](out, step, elements, [*rest, given[-1]])
        out.give(values[self.group.result])


def _elements_of(step: Op) -> list[Value]:
    """Return the tensors that an op takes elements of."""
    return [row for row in _listed(step) if isinstance(row.type, TensorType)]


def _scalars_of(step: Op) -> list[Value]:
    """Return the scalars that an op computes with; extents are none."""
    if isinstance(step, Fill):
        return [step.value]
    if isinstance(step, Random):
        return [step.seed, step.first]
    return list(step.scalars) if isinstance(step, Map) else []


def _listed(step: Op) -> list[Value]:
    if isinstance(step, (Fill, Iota, Random)):
        return []
    return step.tensors if isinstance(step, Map) else step.operands()


def _signature(step: Op, arguments: tuple[Key, ...]) -> Key:
    """Return what tells an op from others: class, kinds, attributes, what it uses."""
    attributes = [
        getattr(step, row.name)
        for row in step.FIELDS
        if row.kind is FieldKind.ATTRIBUTE and row.name != "tensor_type"
    ]
    kinds = [tensor_of(row).element for row in (step, *_elements_of(step))]
    return (step.MNEMONIC, *attributes, *kinds, arguments)


# ---- one op each ----

Step = Callable[[Emitter, Op, list[Value], list[Value]], Value]


def _element(step: Op) -> ElementKind:
    return tensor_of(step).element


def _fill(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    return in_kind(out, scalars[0], _element(step))


def _iota(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    return cast(out, scalars[-1], ElementKind.I64, _element(step))


def _random(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    assert isinstance(step, Random)
    seed, first, number = scalars
    counter = out.add(first, number)
    if step.kind is RandomKind.BITS:
        return random_element(out, step.kind, seed, counter, ElementKind.U64)
    return random_element(out, step.kind, seed, counter, _element(step))


def _unary(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    assert isinstance(step, Unary)
    return unary(out, step.kind, elements[0], _element(step))


def _binary(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    assert isinstance(step, Binary)
    return binary(out, step.kind, elements[0], elements[1], _element(step))


def _compare(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    assert isinstance(step, Compare)
    kind = tensor_of(step.lhs).element
    return compare(out, step.predicate, elements[0], elements[1], kind)


def _select(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    return select(out, *elements)


def _cast(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    assert isinstance(step, Cast)
    return cast(out, elements[0], tensor_of(step.operand).element, step.element)


def _map(out: Emitter, step: Op, elements: list[Value], scalars: list[Value]) -> Value:
    assert isinstance(step, Map)
    body = out.module.functions[step.body]
    made = out.emit(Call(step.body, [*elements, *scalars[:-1]], body.results))
    return in_kind(out, made, _element(step))


_EMIT: dict[type[Op], Step] = {
    Fill: _fill,
    Iota: _iota,
    Random: _random,
    Unary: _unary,
    Binary: _binary,
    Compare: _compare,
    Select: _select,
    Cast: _cast,
    Map: _map,
}
