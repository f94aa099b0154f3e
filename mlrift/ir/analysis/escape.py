"""Does an address outlive the function that has it, or get where we cannot see it?

An address *escapes* when it, or a sum with it, is stored, returned, handed to unknown code or used
as a number. Loads and stores through it, copies, fills and comparisons are no escape, nor is
passing it to a function of the module whose parameter does not escape.
"""

from collections.abc import Callable

from mlrift.ir.analysis.uses import users
from mlrift.ir.core import Block, BlockParameter, Function, Module, Value
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Add
from mlrift.ir.ops.call import Call
from mlrift.ir.ops.compare import CompareInteger
from mlrift.ir.ops.memory import Copy, Fill, Load, Store, VolatileLoad, VolatileStore
from mlrift.values import record

# They look at what is there, and keep no address: the OS layer, and the checks of `--debug`.
_KEPT_TO_ITSELF = frozenset(
    {"os.write", "os.read", "os.open", "os.file_size", "core.heapshadow_access"}
)


Onward = Callable[[Block, int], Value | None]


@record
class _Trace:
    """Where an address gets within a function: out of sight, or into these parameters."""

    is_lost: bool
    passed_to: list[BlockParameter]


class EscapeAnalysis:
    """Answers for the addresses of a module; what it learns of parameters it keeps."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._owners = {
            parameter: function
            for function in module.functions.values()
            for parameter in function.parameters
        }
        self._users: dict[Function, dict[Value, list[Op]]] = {}
        self._parameter_traces: dict[BlockParameter, _Trace] = {}

    def escapes(self, function: Function, address: Value) -> bool:
        """Whether an address that an op of the function makes escapes.

        Block parameters count as escape here: round a loop, two of its addresses may be alive.
        """
        trace = self._trace(function, address, lambda block, position: None)
        seen = set(trace.passed_to)
        work = list(seen)
        while work and not trace.is_lost:
            trace = self._parameter_trace(work.pop())
            work += [row for row in trace.passed_to if row not in seen]
            seen.update(trace.passed_to)
        return trace.is_lost

    def _parameter_trace(self, parameter: BlockParameter) -> _Trace:
        known = self._parameter_traces.get(parameter)
        if known is None:
            function = self._owners[parameter]
            if function.name in _KEPT_TO_ITSELF:
                known = _Trace(False, [])
            elif function.blocks:
                known = self._trace(
                    function, parameter, lambda block, position: block.parameters[position]
                )
            else:
                known = _Trace(True, [])
            self._parameter_traces[parameter] = known
        return known

    def _trace(self, function: Function, address: Value, onward: Onward) -> _Trace:
        uses = self._users.get(function)
        if uses is None:
            uses = self._users[function] = users(function)
        trace = _Trace(False, [])
        seen = {address}
        work = [address]
        while work and not trace.is_lost:
            value = work.pop()
            for made in uses.get(value, ()):
                if isinstance(made, Call):
                    parameters = self._module.functions[made.callee].parameters
                    pairs = zip(made.arguments, parameters, strict=True)
                    trace.passed_to += [row for given, row in pairs if given is value]
                    continue
                derived = _derived(made, value, onward)
                if derived is None:
                    trace.is_lost = True
                    break
                work += [row for row in derived if row not in seen]
                seen.update(derived)
        return trace


def _derived(made: Op, value: Value, onward: Onward) -> list[Value] | None:
    """Return the addresses that a use makes of an address, or None when it is out of sight."""
    match made:
        case Add():
            return [made]
        case Load() | VolatileLoad() | CompareInteger():
            return []
        case Store() | VolatileStore():
            return None if made.value is value else []
        case Copy():
            return None if made.size is value else []
        case Fill():
            return None if value is made.byte or value is made.size else []
    if made.ADDRESSES:
        return _used_as_address(made, value)
    return _passed_on(made, value, onward) if made.SUCCESSOR_NAMES else None


def _used_as_address(made: Op, value: Value) -> list[Value] | None:
    """Return nothing derived if an op of a rare family only reaches memory by the address."""
    others = [name for name in made.OPERAND_NAMES if name not in made.ADDRESSES]
    return None if any(getattr(made, name) is value for name in others) else []


def _passed_on(made: Op, value: Value, onward: Onward) -> list[Value] | None:
    found: list[Value] = []
    for edge in made.successors():
        for position, argument in enumerate(edge.arguments):
            if argument is value:
                parameter = onward(edge.block, position)
                if parameter is None:
                    return None
                found.append(parameter)
    return found
