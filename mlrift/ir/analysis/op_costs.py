"""What the loops of domain ops cost: a module with those ops in, rows of facts out.

Bytes and operations are counted once for each neuron-step, edge or element: loads and stores of
columns, and arithmetic on floats. What caches save or miss is not in them. Slots are promoted.
Nothing is changed.
"""

from collections.abc import Callable, Iterator

from mlrift.ir.core import BlockParameter, Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops import arith, csr, dynamics, events, plasticity, population
from mlrift.ir.ops.call import Call, FunctionAddress
from mlrift.ir.ops.compare import CompareFloat
from mlrift.ir.ops.memory import Load, Store
from mlrift.source import Span
from mlrift.static_types import Any
from mlrift.typesystem import F32, F64, MachineType
from mlrift.values import field, record

_WORD_BYTES = 8
_TARGET_BYTES = 4
_SIZES = {
    MachineType.I8: 1,
    MachineType.I16: 2,
    MachineType.I32: 4,
    MachineType.I64: 8,
    MachineType.F32: 4,
    MachineType.F64: 8,
}
_CHEAP = (arith.FAdd, arith.FSub, arith.FMul, arith.FMultiplyAdd)
_DEAR = (arith.FDiv, arith.FSqrt)
_BASE = ":base"


@record
class OpCost:
    """The facts of one op; `unit` is what bytes and operations are counted for.

    `element_bytes` is the widest element that its vector code works on, 0 where there is none.
    """

    what: str
    span: Span | None
    unit: str
    is_read: dict[str, int] = field(default_factory=dict)
    is_written: dict[str, int] = field(default_factory=dict)
    cheap: int = 0
    dear: int = 0
    compares: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    element_bytes: int = 0
    fused: str = ""

    def read_bytes(self) -> int:
        """Return how many bytes are read."""
        return sum(self.is_read.values())

    def written_bytes(self) -> int:
        """Return how many bytes are written."""
        return sum(self.is_written.values())


def costs(module: Module) -> list[OpCost]:
    """Return the facts of all domain ops that have loops, in the order of the program."""
    found = [
        row for function in module.functions.values() for row in _of_function(module, function)
    ]
    return sorted(found, key=lambda row: (row.span is None, row.span.start if row.span else 0))


def _of_function(module: Module, function: Function) -> Iterator[OpCost]:
    for made in function.ops():
        rule = _RULES.get(type(made))
        if rule is not None:
            yield rule(module, made)
        elif made.MNEMONIC.startswith("tensor."):
            from mlrift.ir.analysis.tensor_costs import (  # noqa: PLC0415 - few programs have any
                tensor_cost,
            )

            cost = tensor_cost(module, made)
            if cost is not None:
                yield cost


# ---- bodies ----


def count_body(cost: OpCost, function: Function) -> None:
    """Add the loads, stores and arithmetic of a function of one neuron, edge or element."""
    for made in function.ops():
        kind = type(made)
        if isinstance(made, Load | Store):
            name = _column_of(made.address)
            if name is None:
                continue
            size = _SIZES[made.memory_type]
            place = cost.is_read if isinstance(made, Load) else cost.is_written
            place[name] = size
            if made.memory_type in (F32, F64):
                cost.element_bytes = max(cost.element_bytes, size)
        elif isinstance(made, Call):
            cost.calls[made.callee] = cost.calls.get(made.callee, 0) + 1
        else:
            cost.cheap += kind in _CHEAP
            cost.dear += kind in _DEAR
            cost.compares += kind is CompareFloat


def _column_of(address: Value) -> str | None:
    """Return the column that an address is in: a parameter plus number times size."""
    if not isinstance(address, arith.Add) or not isinstance(address.lhs, BlockParameter):
        return None
    name = address.lhs.name
    if not name.endswith(_BASE):
        return None
    field_name, *counter = name.removesuffix(_BASE).split(":hold:")
    return f"{field_name} (hold)" if counter else field_name.replace(":", ".")


def _body(module: Module, address: Value) -> Function | None:
    return module.functions[address.callee] if isinstance(address, FunctionAddress) else None


# ---- ops of models ----


def _step(module: Module, made: dynamics.Step) -> OpCost:
    function = _body(module, made.body)
    name = function.name.partition(".")[2] if function is not None else ""
    cost = OpCost(f"step of `{name}`", made.span, "neuron-step")
    cost.fused = "all lines of the block are one loop over the neurons"
    if function is not None:
        count_body(cost, function)
    return cost


def _send(module: Module, made: csr.Send) -> OpCost:
    size = _SIZES[made.memory]
    cost = OpCost("send", made.span, "edge", cheap=1)
    cost.is_read = {"target number": _TARGET_BYTES, "edge": size, "target": size}
    cost.is_written = {"target": size}
    cost.fused = "one loop over the edges of the events"
    return cost


def _send_value(module: Module, made: csr.SendValue) -> OpCost:
    size = _SIZES[made.memory]
    cost = OpCost("send of one value", made.span, "edge", cheap=1)
    cost.is_read = {"target number": _TARGET_BYTES, "target": size}
    cost.is_written = {"target": size}
    cost.fused = "one loop over the edges of the events; the edges' values are not read"
    return cost


def _send_later(module: Module, made: csr.SendLater) -> OpCost:
    size = _SIZES[made.memory]
    cost = OpCost("send with delays", made.span, "edge", cheap=1)
    delay, queue = _SIZES[made.delay_memory], _TARGET_BYTES + size
    numbers = {"target number": _TARGET_BYTES, "edge": size, "delay": delay}
    cost.is_read = {**numbers, "queue": queue, "target": size}
    cost.is_written = {"queue": queue, "target": size}
    cost.fused = "edges of the events go into a queue, what is due out of it"
    return cost


def _learn(side: str) -> Callable[[Module, Any], OpCost]:
    def cost_of(module: Module, made: plasticity.Pre | plasticity.Post) -> OpCost:
        cost = OpCost(f"on {side}", made.span, "edge")
        halves = [row for row in (_body(module, made.add), _body(module, made.change)) if row]
        numbers = {"target number": 4} if side == "pre" else {"edge number": 4, "source number": 4}
        cost.is_read = dict(numbers)
        for half in halves:
            count_body(cost, half)
        if side == "post":
            cost.element_bytes = 0
        cost.fused = (
            "one loop over the edges"
            if len(halves) == 1
            else ("two loops over the edges: what is added to neurons, what changes edges")
        )
        return cost

    return cost_of


def _product(module: Module, made: csr.Product) -> OpCost:
    size = _SIZES[made.memory]
    cost = OpCost("matrix times vector", made.span, "edge", cheap=2)
    cost.is_read = {"target number": _TARGET_BYTES, "edge": size, "result": size}
    cost.is_written = {"result": size}
    return cost


def _poisson(module: Module, made: events.PoissonEvents) -> OpCost:
    cost = OpCost("poisson", made.span, "neuron-step")
    cost.fused = "a draw of splitmix64 each: 2 products of words, 6 shifts and sums"
    return cost


def _fill(module: Module, made: population.FillColumn) -> OpCost:
    cost = OpCost("fill of a field", made.span, "neuron")
    cost.is_written = {"field": _SIZES[made.memory]}
    return cost


_RULES: dict[type[Op], Callable[[Module, Any], OpCost]] = {
    dynamics.Step: _step,
    csr.Send: _send,
    csr.SendValue: _send_value,
    csr.SendLater: _send_later,
    csr.Product: _product,
    plasticity.Pre: _learn("pre"),
    plasticity.Post: _learn("post"),
    events.PoissonEvents: _poisson,
    population.FillColumn: _fill,
}
