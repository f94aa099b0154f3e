"""Functions compiled for several generations of a CPU, and the choice among them at run time.

Enters: the body of a function as LLVM text. Leaves: the body once per generation, the code for all
processors first, and under the function's own name a jump to the best that this processor runs. The
level of the processor is found at the first call; all versions give the same results.
"""

from mlrift.backends.llvm.machine_code import machine_code_body
from mlrift.backends.llvm.options import CodegenOptions, DebugInfo, OptimisationLevel
from mlrift.backends.llvm.target import HostTarget
from mlrift.backends.llvm.text import ModuleContext
from mlrift.ir.core import Function
from mlrift.values import value

_LEVEL = "@cpu.level"
_DETECT = "@cpu.detect"
_EVERY_PROCESSOR = 0


def has_generations(function: Function, target: HostTarget, options: CodegenOptions) -> bool:
    """Whether a function is compiled more than once; a debugger wants to see it once."""
    return (
        function.is_simd
        and not function.is_naked
        and target.generations != ()
        and options.level is OptimisationLevel.FULL
        and options.debug is not DebugInfo.FULL
    )


def declare_detection(context: ModuleContext, target: HostTarget) -> None:
    """Add the variable with the processor's level and the function that finds it."""
    context.is_shared = False
    context.kept.add(_DETECT)
    context.declare(_LEVEL, f"{_LEVEL} = internal global i64 0, align 8")
    code = machine_code_body(target.detect_generation, "i64")
    context.declare(_DETECT, f"define internal i64 {_DETECT}() #2{code}")


@value
class Versions:
    """The versions of one function; the fields are parts of its head."""

    symbol: str
    result: str
    parameters: str
    section: str
    target: HostTarget

    def definitions(self, body: list[str]) -> list[str]:
        """Return the definitions of all versions."""
        attributes = {_EVERY_PROCESSOR: "#0"}
        for row in self.target.generations:
            attributes[row.level] = f'#0 "target-cpu"="{row.model}" {row.attributes}'
        lines = []
        for level, group in attributes.items():
            head = f"{self.result} {self._name(level)}({self.parameters})"
            lines += [f"define internal {head} {group}{self.section} {{", *body, "}"]
        return lines

    def choice(self) -> list[str]:
        """Return the body of the function that calls the best version."""
        lines = [
            "entry:",
            f"  %known = load atomic i64, ptr {_LEVEL} monotonic, align 8",
            "  %unknown = icmp eq i64 %known, 0",
            "  br i1 %unknown, label %find, label %choose",
            "find:",
            f"  %found = call i64 {_DETECT}()",
            f"  store atomic i64 %found, ptr {_LEVEL} monotonic, align 8",
            "  br label %choose",
            "choose:",
            "  %level = phi i64 [ %known, %entry ], [ %found, %find ]",
        ]
        for row in reversed(self.target.generations):
            level = row.level
            lines += [
                f"  %is{level} = icmp uge i64 %level, {level}",
                f"  br i1 %is{level}, label %run{level}, label %below{level}",
                f"run{level}:",
                *self._call(level),
                f"below{level}:",
            ]
        return lines + self._call(_EVERY_PROCESSOR)

    def _name(self, level: int) -> str:
        suffix = ".every" if level == _EVERY_PROCESSOR else f".level{level}"
        symbol = self.symbol
        return f'{symbol[:-1]}{suffix}"' if symbol.endswith('"') else symbol + suffix

    def _call(self, level: int) -> list[str]:
        called = f"{self._name(level)}({self.parameters})"
        if self.result == "void":
            return [f"  tail call void {called}", "  ret void"]
        name = f"%result{level}"
        return [f"  {name} = tail call {self.result} {called}", f"  ret {self.result} {name}"]
