"""LLVM text to machine code in this process.

One engine a program; each batch of chunks is a module of its own with the library functions it
needs. Invariant: a function's address stays valid as long as its `Machine`.
"""

from llvmlite import binding as llvm

from mlrift.emulator.exponential_series import SERIES_DECLARATIONS
from mlrift.emulator.library import definitions
from mlrift.emulator.library_lanes import LIBRARY_DECLARATIONS
from mlrift.emulator.library_run import RUN
from mlrift.emulator.library_vectors import VECTOR_DECLARATIONS
from mlrift.emulator.matrix_library import MATRIX_DECLARATIONS
from mlrift.static_types import Any

_OPTIMISATION = 1


class Machine:
    """An engine with the functions that were given to it."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_default_triple()
        self._target: Any = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            opt=_OPTIMISATION,
            jit=True,
        )
        self._engine: Any = llvm.create_mcjit_compiler(self._parse(RUN), self._target)
        self._engine.finalize_object()
        self.turn_address = int(self._engine.get_function_address("turn"))
        self.run_group_address = int(self._engine.get_function_address("run_group"))

    def add(
        self, functions: dict[int, str], helpers: set[str], declarations: set[str]
    ) -> dict[int, int]:
        """Compile chunks; return their addresses by number."""
        needed = frozenset().union(
            LIBRARY_DECLARATIONS, MATRIX_DECLARATIONS, VECTOR_DECLARATIONS, SERIES_DECLARATIONS
        )
        known = sorted(declarations | needed)
        text = "\n".join([*functions.values(), definitions(helpers), *known])
        self._engine.add_module(self._parse(text))
        self._engine.finalize_object()
        return {
            number: int(self._engine.get_function_address(f"chunk{number}")) for number in functions
        }

    def _parse(self, text: str) -> Any:
        module = llvm.parse_assembly(text)
        module.triple = self._target.triple
        module.data_layout = str(self._target.target_data)
        return module
