"""The text of one LLVM function under construction: what every lowering rule writes into.

Values are numbered in the order of the text, as LLVM demands; `names` gives each IR value its
operand spelling and `pointers` the spelling of its pointer form, for those that have one. An
address without one is converted where it is used. Lines get the debug location of the op.
"""

from collections.abc import Container

from mlrift.backends.llvm.addresses import AddressPlan
from mlrift.backends.llvm.debug import FunctionDebug
from mlrift.backends.llvm.names import Symbols
from mlrift.backends.llvm.options import CodegenOptions, ObjectFlavour
from mlrift.ir.core import Block, Function, Module, Successor, Value
from mlrift.ir.ops.arith import Constant
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import I64
from mlrift.values import field, record

if TYPE_CHECKING:
    from mlrift.backends.llvm.foreign_arguments import Arrangement

TRAP_LABEL = "division.trap"
DIVISION_STATUS = 136
_FIRST_METADATA = 1 << 24


@record
class ModuleContext:
    """What the functions of a module share: symbols, options, and declarations they asked for.

    `is_unprototyped`: C functions are called so that variadic ones find their floats.
    `address_convention` is how a function is called by its address, empty for the usual one.
    `arrange_foreign` puts the arguments of C functions in order, None where nothing has to be done.
    `kept` are symbols of the text that LLVM must not make guesses about.
    `is_shared` stays true while no function needed a rule that only one CPU has.
    `generation` is the level of the CPU that a function is written for, 0 for every processor, and
    `halves_level` the one from which it has instructions for halves, `wide_level` the one from
    which it has registers that can be compressed and 64-bit integers of vectors of floats; a
    function whose text `depends_on_generation` is written anew for each.
    `metadata` are the nodes of loops; `group_lists` are those that list several access groups.
    """

    module: Module
    symbols: Symbols
    options: CodegenOptions
    pointer_functions: frozenset[str]
    foreign_convention: str = ""
    is_unprototyped: bool = False
    block_convention: str = ""
    address_convention: str = ""
    arrange_foreign: "Arrangement | None" = None
    is_shared: bool = True
    declarations: dict[str, str] = field(default_factory=dict)
    halves_level: int = 0
    wide_level: int | None = None
    generation: int = 0
    depends_on_generation: bool = False
    metadata: list[str] = field(default_factory=list)
    group_lists: dict[str, list[str]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def declare(self, name: str, declaration: str) -> None:
        """Note that the text needs this declaration of an intrinsic."""
        self.declarations[name] = declaration

    def add_metadata(self, text: str) -> str:
        """Add a numbered node and return its reference; debug information has lower numbers."""
        reference = f"!{_FIRST_METADATA + len(self.metadata)}"
        self.metadata.append(f"{reference} = {text}")
        return reference

    def declare_runtime(self, name: str, result: str, parameters: str) -> None:
        """Note that the text calls a function of the runtime, which the module may know."""
        if name not in self.module.functions:
            hidden = "hidden " if self.options.flavour is ObjectFlavour.PORTABLE else ""
            self.declarations[name] = f"declare {hidden}{result} @{name}({parameters}) #0"

    def convention(self, function: Function) -> str:
        """Return the calling convention to write for a function; empty for the usual one."""
        if function.assembly is not None:
            return "" if function.is_naked else self.block_convention
        return self.foreign_convention if function.is_foreign else ""

    def is_called_unprototyped(self, function: Function) -> bool:
        """Whether a function is called as if it were variadic."""
        if function.foreign is None and self.options.flavour is ObjectFlavour.PORTABLE:
            return False
        return function.is_foreign and self.is_unprototyped

    def has_words_entry(self, function: Function) -> bool:
        """Whether the address of a function is that of an extra entry which takes only words."""
        return (
            (self.address_convention != "" and not function.is_foreign)
            or function.results != (I64,)
            or any([row.type is not I64 for row in function.parameters])
            or function.name in self.pointer_functions
        )


class FunctionText:
    """Lines of a function; the frame (`allocas`) goes in front of them when it is finished."""

    __slots__ = (
        "access",
        "access_groups",
        "aggregates",
        "allocas",
        "bases",
        "block",
        "context",
        "debug",
        "edge_labels",
        "exit_labels",
        "function",
        "has_trap",
        "hidden",
        "label",
        "labels",
        "latches",
        "lines",
        "names",
        "next_number",
        "pointer_demand",
        "pointers",
        "suffix",
        "word_demand",
    )

    def __init__(
        self,
        context: ModuleContext,
        function: Function,
        word_demand: Container[Value],
        plan: AddressPlan,
        debug: FunctionDebug | None,
    ) -> None:
        self.context = context
        self.function = function
        self.word_demand = word_demand
        self.pointer_demand = plan.pointers
        self.bases = plan.bases
        self.hidden = plan.hidden
        self.lines: list[str] = []
        self.allocas: list[str] = []
        self.names: dict[Value, str] = {}
        self.pointers: dict[Value, str] = {}
        self.labels: dict[Block, str] = {}
        self.exit_labels: dict[Block, str] = {}
        self.edge_labels: dict[Successor, str] = {}
        self.aggregates: dict[Value, str] = {}
        self.block: Block = function.blocks[0]
        self.next_number = 0
        self.label = ""
        self.suffix = ""
        self.has_trap = False
        self.debug = debug
        self.access = ""
        self.access_groups: dict[Block, str] = {}
        self.latches: dict[Block, str] = {}

    def enter_loops(self, block: Block) -> None:
        """Note to which loops with independent iterations the instructions of a block belong."""
        self.access = self.access_groups.get(block, "")
        self.suffix = self.access

    def define(self, value: Value, text: str) -> str:
        """Write `%n = text` as the definition of an IR value."""
        number = self.next_number
        self.next_number = number + 1
        name = self.names[value] = f"%{number}"
        self.lines.append(f"  {name} = {text}{self.suffix}")
        return name

    def define_pointer(self, value: Value, text: str) -> str:
        """Write `%n = text` as the pointer form of an IR value."""
        name = self.pointers[value] = self.temporary(text)
        return name

    def temporary(self, text: str) -> str:
        """Write `%n = text` for a value that the IR has no name for."""
        number = self.next_number
        self.next_number = number + 1
        suffix = self.suffix
        if self.access and text.startswith("getelementptr"):  # LLVM refuses the group on these
            suffix = suffix.removesuffix(self.access)
        self.lines.append(f"  %{number} = {text}{suffix}")
        return f"%{number}"

    def emit(self, text: str) -> None:
        """Write an instruction without a result."""
        self.lines.append(f"  {text}{self.suffix}")

    def pointer(self, address: Value) -> str:
        """Return the pointer form of an address, converting the word here if it has none."""
        known = self.pointers.get(address)
        if known is not None:
            return known
        name = self.names[address]
        if isinstance(address, Constant):
            return "null" if name == "0" else f"inttoptr (i64 {name} to ptr)"
        return self.temporary(f"inttoptr i64 {name} to ptr")

    def begin_block(self, label: str) -> None:
        """Start a further LLVM block; the block under construction must have been ended."""
        self.label = label
        self.lines.append(f"{label}:")

    def fresh_label(self) -> str:
        """Return a label that nothing else uses."""
        number = self.next_number
        self.next_number = number + 1
        return f"x{number}"

    def generation(self) -> int:
        """Return the level of the CPU that is written for, 0 for all; asking makes it matter."""
        self.context.depends_on_generation = True
        return self.context.generation

    def has_wide_registers(self) -> bool:
        """Return whether the CPU is one with registers of 512 bits; some never are."""
        level = self.context.wide_level
        return level is not None and self.generation() >= level

    def converts_halves(self) -> bool:
        """Return whether the CPU has instructions for halves."""
        self.context.is_shared = False
        return self.generation() >= self.context.halves_level

    def trap_label(self) -> str:
        """Return the label of the function's one block that ends the program with status 136."""
        self.has_trap = True
        return TRAP_LABEL
