"""A module made ready to run: memory laid out, functions translated when first called."""

from collections.abc import Callable, Sequence
from types import TracebackType

from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.interpret.expressions import NUMBER_FUNCTIONS
from mlrift.ir.interpret.memory import Memory, MemoryFault, StackFill
from mlrift.ir.interpret.os_functions import ProgramExit, bind_os_functions
from mlrift.ir.interpret.os_model import OsModel
from mlrift.ir.interpret.parallel import Regions
from mlrift.ir.interpret.statements import STATEMENT_FUNCTIONS
from mlrift.ir.interpret.threads import Threads
from mlrift.ir.interpret.translate import Translation
from mlrift.ir.op import Op
from mlrift.static_types import TYPE_CHECKING, Any
from mlrift.typesystem import F32, F64, ValueType
from mlrift.values import value

if TYPE_CHECKING:
    from mlrift.ir.interpret.models_memory import ModelMemory
    from mlrift.ir.interpret.tensor_memory import TensorMemory

_FIRST_FUNCTION_ADDRESS = 1 << 46
_FUNCTION_SPACING_BYTES = 16
_STATUS_UNREACHABLE = 132
_STATUS_TIMEOUT = 152

_TO_WORD: dict[ValueType, str] = {F64: "double_to_bits({})", F32: "single_to_bits({})"}
_FROM_WORD: dict[ValueType, str] = {F64: "bits_to_double({})", F32: "bits_to_single({})"}


@value
class ProgramLimits:
    """How much a program may use; `steps` counts loop iterations and calls, None is no limit."""

    call_depth: int = 100_000
    memory_bytes: int = 1 << 31
    steps: int | None = None
    stack_fill: StackFill = StackFill.POISON
    parallel_threads: int = 3
    processor_level: int = 3


class UnresolvedSymbol(Exception):
    """The program refers to a symbol that neither it nor the OS layer has."""


class Program:
    """The generated functions live in `namespace`, called by names `f0`, `f1`, ..."""

    def __init__(self, module: Module, model: OsModel, limits: ProgramLimits) -> None:
        self.module = module
        self._model = model
        self._tensor_memory: TensorMemory | None = None
        self._model_memory: ModelMemory | None = None
        self.memory = Memory(limits.memory_bytes, limits.stack_fill)
        self.counts_steps = limits.steps is not None
        self.translations: dict[str, Translation] = {}
        self._steps_left = limits.steps or 0
        self.threads = Threads(self)
        self._external: dict[str, Callable[..., Any]] = {
            **bind_os_functions(self.memory, model),
            **self.threads.functions(),
        }
        self._globals = {
            name: self.memory.place(row.data, row.size_bytes)
            for name, row in module.globals.items()
            if row.linkage is not Linkage.EXTERNAL
        }
        self._numbers = {name: number for number, name in enumerate(module.functions)}
        self._names = list(module.functions)
        self.namespace: dict[str, Any] = {
            **NUMBER_FUNCTIONS,
            **STATEMENT_FUNCTIONS,
            "R": self.memory.regions,
            "memory": self.memory,
            "program": self,
            "new_stack": self.memory.new_stack,
            "free_stack": self.memory.free_stack,
            "map_memory": self.memory.map,
            "copy_memory": self.memory.copy,
            "fill_memory": self.memory.fill,
            "reach_unreachable": _reach_unreachable,
            "step": self._step,
            "turn": _no_turn,
            **Regions(limits.parallel_threads).functions(),
            "processor_level": limits.processor_level,
        }

    def constant(self, value: object) -> str:
        """Return a name for a value in the generated code."""
        name = f"k{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def global_address(self, symbol: str) -> int:
        """Return the address of a global."""
        found = self._globals.get(symbol)
        if found is None:
            raise UnresolvedSymbol(f"no object defines the global @{symbol}")
        return found

    def function_address(self, name: str) -> int:
        """Return the address of a function."""
        return _FIRST_FUNCTION_ADDRESS + self._numbers[name] * _FUNCTION_SPACING_BYTES

    def callee(self, name: str) -> str:
        """Return a function's name in the generated code; it is translated when first called."""
        python_name = f"f{self._numbers[name]}"
        if python_name not in self.namespace:

            def translate_and_call(*arguments: Any) -> Any:
                return self.function(name)(*arguments)

            self.namespace[python_name] = translate_and_call
        return python_name

    def function(self, name: str) -> Callable[..., Any]:
        """Return the Python function of a function."""
        function = self.module.functions.get(name)
        if function is None:
            raise UnresolvedSymbol(f"no function @{name}")
        python_name = f"f{self._numbers[name]}"
        if function.linkage is Linkage.EXTERNAL:
            found = self._external.get(name)
            if found is None:
                raise UnresolvedSymbol(f"no object defines the function @{name}")
            self.namespace[python_name] = found
        elif function.assembly is not None:
            raise UnresolvedSymbol(f"the function @{name} is assembly, which is not interpreted")
        elif name not in self.translations:
            made = self.translations[name] = Translation(function, self, python_name)
            exec(compile("\n".join(made.lines), f"<ir {name}>", "exec"), self.namespace)
        callable_: Callable[..., Any] = self.namespace[python_name]
        return callable_

    def callee_table(self, argument_count: int) -> str:
        """Return the name of the table of functions by address for calls with words."""
        name = f"calls{argument_count}"
        if name not in self.namespace:
            self.namespace[name] = _CalleeTable(self, argument_count)
        return name

    def entered_with_words(self, address: int, argument_count: int) -> Callable[..., int]:
        """Return a function by its address, as `call.indirect` enters it."""
        number, rest = divmod(address - _FIRST_FUNCTION_ADDRESS, _FUNCTION_SPACING_BYTES)
        if rest or not 0 <= number < len(self._names):
            raise MemoryFault(address, 1)
        function = self.module.functions[self._names[number]]
        target = self.function(function.name)
        source = _adapter_source(function, argument_count, self.callee(function.name))
        if source is None:
            return target
        scope: dict[str, Any] = {}
        exec(compile(source, f"<ir {function.name}>", "exec"), self.namespace, scope)
        adapter: Callable[..., int] = scope["adapter"]
        return adapter

    def write_error(self, line: bytes) -> None:
        """Write to standard error."""
        self._model.write(2, line)

    def tensor_memory(self) -> "TensorMemory":
        """Return the tensors that have to do with memory."""
        if self._tensor_memory is None:
            from mlrift.ir.interpret.tensor_memory import (  # noqa: PLC0415 - imports numpy
                TensorMemory,
            )

            self._tensor_memory = TensorMemory(self.memory)
        return self._tensor_memory

    def model_memory(self) -> "ModelMemory":
        """Return the populations and connections."""
        if self._model_memory is None:
            from mlrift.ir.interpret.models_memory import (  # noqa: PLC0415 - imports numpy
                ModelMemory,
            )

            self._model_memory = ModelMemory(self)
        return self._model_memory

    def place_texts(self, texts: Sequence[bytes]) -> int:
        """Return the address of an array of pointers to texts that ends with null."""
        pointers = [self.memory.place(text + b"\0", len(text) + 1) for text in texts]
        words = b"".join(pointer.to_bytes(8, "little") for pointer in [*pointers, 0])
        return self.memory.place(words, len(words))

    def origin(self, traceback: TracebackType | None) -> tuple[str, Op | None]:
        """Return the function and the op at the bottom of a traceback ("" when not in ours)."""
        name, line = "", 0
        while traceback is not None:
            file = traceback.tb_frame.f_code.co_filename
            name, line = (file[4:-1] if file.startswith("<ir ") else ""), traceback.tb_lineno
            traceback = traceback.tb_next
        made = self.translations.get(name)
        origins = made.origins if made is not None else []
        return name, origins[line - 1] if 0 < line <= len(origins) else None

    def _step(self) -> None:
        self._steps_left -= 1
        if self._steps_left < 0:
            raise ProgramExit(_STATUS_TIMEOUT)


class _CalleeTable(dict[int, Callable[..., int]]):
    """Functions by address for calls with a number of words; filled when they are called."""

    def __init__(self, program: Program, argument_count: int) -> None:
        super().__init__()
        self._program = program
        self._argument_count = argument_count

    def __missing__(self, address: int) -> Callable[..., int]:
        found = self[address] = self._program.entered_with_words(address, self._argument_count)
        return found


def _adapter_source(function: Function, argument_count: int, python_name: str) -> str | None:
    """Return a function that takes and gives words, or None when the function itself does.

    Arguments that are missing are 0, as is the result of a function that has none.
    """
    types = [row.type for row in function.parameters]
    given = [f"a{index}" for index in range(argument_count)]
    passed = [
        _convert(_FROM_WORD, row, given[index] if index < argument_count else "0")
        for index, row in enumerate(types)
    ]
    call = f"{python_name}({', '.join(passed)})"
    if len(function.results) == 1:
        call = _convert(_TO_WORD, function.results[0], call)
    elif function.results:
        call = _convert(_TO_WORD, function.results[0], f"{call}[0]")
    else:
        call = f"({call}, 0)[1]"
    if passed == given and call == f"{python_name}({', '.join(given)})":
        return None
    return f"def adapter({', '.join(given)}):\n return {call}"


def _convert(rows: dict[ValueType, str], value_type: ValueType, text: str) -> str:
    return rows.get(value_type, "{}").format(text)


def _no_turn() -> None:
    """Do what an atomic access does besides while there is one thread."""


def _reach_unreachable() -> None:
    raise ProgramExit(_STATUS_UNREACHABLE)
