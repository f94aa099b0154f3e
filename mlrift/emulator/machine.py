"""LLVM text to machine code in this process.

The functions of the library are compiled well, once a process; chunks of kernels are compiled fast
(a module a batch) and call them. Invariant: an address stays valid as long as what gave it.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from llvmlite import binding as llvm

from mlrift.emulator.errors import EmulatorError
from mlrift.emulator.exponential_series import SERIES_DECLARATIONS
from mlrift.emulator.library import declaration_of, definition_of, names_called
from mlrift.emulator.library_lanes import LIBRARY_DECLARATIONS
from mlrift.emulator.library_run import RUN
from mlrift.emulator.library_vectors import VECTOR_DECLARATIONS
from mlrift.emulator.matrix_library import MATRIX_DECLARATIONS
from mlrift.static_types import Any

_LIBRARY_OPTIMISATION = 2
_CHUNK_OPTIMISATION = 1
_INTRINSICS = LIBRARY_DECLARATIONS | MATRIX_DECLARATIONS | VECTOR_DECLARATIONS | SERIES_DECLARATIONS


_NEEDED_ON_X86 = ("f16c", "fma")
"""Without them LLVM calls functions that this process may not have."""


def check_host(triple: str, features: Mapping[str, bool]) -> None:
    """Raise EmulatorError on a processor that cannot run translated code."""
    if not triple.startswith("x86_64"):
        return
    missing = [name for name in _NEEDED_ON_X86 if not features.get(name)]
    if missing:
        raise EmulatorError(
            f"the emulator needs a processor with {' and '.join(missing)}, as all with AVX2 have"
        )


class _Engine:
    """An LLVM engine for the machine we run on."""

    def __init__(self, optimisation: int, text: str) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_default_triple()
        check_host(llvm.get_default_triple(), llvm.get_host_cpu_features())
        self._target: Any = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            opt=optimisation,
            jit=True,
        )
        self._engine: Any = llvm.create_mcjit_compiler(self._parse(text), self._target)
        self._engine.finalize_object()

    def add(self, text: str) -> None:
        """Compile a module."""
        self._engine.add_module(self._parse(text))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Return where a function is."""
        return int(self._engine.get_function_address(name))

    def _parse(self, text: str) -> Any:
        module = llvm.parse_assembly(text)
        module.triple = self._target.triple
        module.data_layout = str(self._target.target_data)
        return module


class Library:
    """The functions that chunks call, compiled when one is first needed."""

    def __init__(self) -> None:
        self._engine = _Engine(_LIBRARY_OPTIMISATION, RUN)
        self._known: set[str] = set()
        self.turn_address = self._engine.address("turn")
        self.run_group_address = self._engine.address("run_group")

    def need(self, names: Iterable[str]) -> None:
        """Make functions, and what they call, known to the chunks compiled later."""
        new: dict[str, str] = {}
        others: set[str] = set()
        pending = sorted(names)
        while pending:
            name = pending.pop()
            if name in self._known:
                others.add(name)
            elif name not in new:
                new[name] = definition_of(name)
                pending += names_called(new[name])
        if not new:
            return
        declared = [declaration_of(name) for name in sorted(others - new.keys())]
        self._engine.add("\n".join([*new.values(), *declared, *sorted(_INTRINSICS)]))
        for name in new:
            llvm.add_symbol(name, self._engine.address(name))
        self._known |= new.keys()


@cache
def library() -> Library:
    """Return the library of this process."""
    return Library()


class Machine:
    """The compiled chunks of one kernel."""

    def __init__(self) -> None:
        self._engine = _Engine(_CHUNK_OPTIMISATION, "")
        self.turn_address = library().turn_address
        self.run_group_address = library().run_group_address

    def add(
        self, functions: Mapping[int, str], helpers: set[str], declarations: set[str]
    ) -> dict[int, int]:
        """Compile chunks; return their addresses by number."""
        library().need(helpers)
        declared = [declaration_of(name) for name in sorted(helpers)]
        self._engine.add("\n".join([*functions.values(), *declared, *sorted(declarations)]))
        return {number: self._engine.address(f"chunk{number}") for number in functions}
