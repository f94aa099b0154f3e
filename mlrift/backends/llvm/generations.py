"""Functions compiled for several generations of a CPU, and the choice among them at run time.

Enters: the body of a function as LLVM text, for each generation. Leaves: one function for each,
the code for all processors first, and under the function's own name a jump to the best that this
processor runs. Its level is found at the first call; all versions give the same results.
"""

from mlrift.backends.llvm.machine_code import machine_code_body
from mlrift.backends.llvm.options import (
    CodegenOptions,
    DebugInfo,
    ObjectFlavour,
    OptimisationLevel,
)
from mlrift.backends.llvm.target import Generation, HostTarget
from mlrift.backends.llvm.text import ModuleContext
from mlrift.ir.core import Function
from mlrift.values import value

_LEVEL = "@cpu.level"
_DETECT = "@cpu.detect"
_KNOWN = "@cpu.known"
_SYSTEM_LEVEL = "os.processor_level"
EVERY_PROCESSOR = 0


def generations_of(
    function: Function, target: HostTarget, options: CodegenOptions
) -> list[Generation]:
    """Return those that a function is compiled for besides; a debugger wants to see it once."""
    is_fast = options.level is OptimisationLevel.FULL and options.debug is not DebugInfo.FULL
    if not function.is_simd or function.is_naked or not is_fast:
        return []
    if target.detects_by_system and options.flavour is not ObjectFlavour.PORTABLE:
        return []  # such an object has no OS layer but what its module asks for
    return [row for row in target.generations if row.level <= options.processor_level]


def declare_detection(context: ModuleContext, target: HostTarget) -> None:
    """Add the variable with the processor's level and the function that finds it."""
    context.declare(_LEVEL, f"{_LEVEL} = internal global i64 0, align 8")
    if target.detects_by_system:
        context.declare_runtime(_SYSTEM_LEVEL, "i64", "")
        return
    context.kept.add(_DETECT)
    code = machine_code_body(target.detect_generation, "i64")
    context.declare(_DETECT, f"define internal i64 {_DETECT}() #2{code}")


def detection(target: HostTarget) -> str:
    """Return the name of the function that finds the level of the processor."""
    return f"@{_SYSTEM_LEVEL}" if target.detects_by_system else _DETECT


def declare_level(context: ModuleContext, target: HostTarget) -> str:
    """Add the function that gives the processor's level; return its name."""
    context.is_shared = False
    declare_detection(context, target)
    is_portable = context.options.flavour is ObjectFlavour.PORTABLE
    section = ' section ".text.cpu.known"' if is_portable else ""
    lines = [
        f"define internal i64 {_KNOWN}() #0{section} {{",
        *_level_lines(_DETECT),
        "  ret i64 %level",
        "}",
    ]
    context.declare(_KNOWN, "\n".join(lines))
    return _KNOWN


def group_of_level(function: Function, target: HostTarget) -> str | None:
    """Return the attributes of a function for one level, None where the CPU has no such level."""
    for row in target.generations:
        if row.level == function.level:
            return _attributes(row)
    return None


def _attributes(row: Generation) -> str:
    return f'#0 "target-cpu"="{row.model}" {row.attributes}'


def _level_lines(detect: str) -> list[str]:
    """Return the beginning of a body, which ends with `%level` known."""
    return [
        "entry:",
        f"  %known = load atomic i64, ptr {_LEVEL} monotonic, align 8",
        "  %unknown = icmp eq i64 %known, 0",
        "  br i1 %unknown, label %find, label %choose",
        "find:",
        f"  %found = call i64 {detect}()",
        f"  store atomic i64 %found, ptr {_LEVEL} monotonic, align 8",
        "  br label %choose",
        "choose:",
        "  %level = phi i64 [ %known, %entry ], [ %found, %find ]",
    ]


@value
class Versions:
    """The versions of one function; the fields are parts of its head."""

    symbol: str
    result: str
    parameters: str
    section: str
    generations: list[Generation]
    detect: str

    def definitions(self, bodies: dict[int, list[str]]) -> list[str]:
        """Return the definitions of all versions, of which each level has its body."""
        attributes = {EVERY_PROCESSOR: "#0 noinline"}  # its frame would be made for every level
        for row in self.generations:
            attributes[row.level] = _attributes(row)
        lines = []
        for level, group in attributes.items():
            head = f"{self.result} {self._name(level)}({self.parameters})"
            lines += [f"define internal {head} {group}{self.section} {{", *bodies[level], "}"]
        return lines

    def choice(self) -> list[str]:
        """Return the body of the function that calls the best version."""
        lines = _level_lines(self.detect)
        for row in reversed(self.generations):
            level = row.level
            lines += [
                f"  %is{level} = icmp uge i64 %level, {level}",
                f"  br i1 %is{level}, label %run{level}, label %below{level}",
                f"run{level}:",
                *self._call(level),
                f"below{level}:",
            ]
        return lines + self._call(EVERY_PROCESSOR)

    def _name(self, level: int) -> str:
        suffix = ".every" if level == EVERY_PROCESSOR else f".level{level}"
        symbol = self.symbol
        return f'{symbol[:-1]}{suffix}"' if symbol.endswith('"') else symbol + suffix

    def _call(self, level: int) -> list[str]:
        called = f"{self._name(level)}({self.parameters})"
        if self.result == "void":
            return [f"  tail call void {called}", "  ret void"]
        name = f"%result{level}"
        return [f"  {name} = tail call {self.result} {called}", f"  ret {self.result} {name}"]
