"""Values, blocks, functions and modules: the containers of the IR.

Invariants (checked by `verify.py`): every block ends in exactly one terminator and has no other;
blocks take parameters instead of phis; a use is dominated by its definition; the entry block's
parameters are the function's. Uses are not stored: passes that need them count them.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, unique

from mlrift.ir.assembly import Assembly
from mlrift.ir.source_names import SourceFunction, SourceVariable
from mlrift.source import Span
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import ValueType
from mlrift.values import field, record, value

if TYPE_CHECKING:
    from mlrift.ir.op import Op


class Value:
    """Something an op can use: a block parameter or the result of an op. Compared by identity."""

    __slots__ = ("type",)

    type: ValueType


class BlockParameter(Value):
    """A value a block receives from each of its predecessors (or a function from its caller).

    One that `is_number` is never part of an address's base, which helps the back end; it is known
    for parameters of functions that passes make, and not part of the text form.
    """

    __slots__ = ("is_number", "name")

    def __init__(self, parameter_type: ValueType, name: str = "") -> None:
        self.type = parameter_type
        self.name = name
        self.is_number = False


class Block:
    """A straight run of ops; the last one is the terminator."""

    __slots__ = ("name", "ops", "parameters")

    def __init__(self, name: str, parameters: "list[BlockParameter] | None" = None) -> None:
        self.name = name
        self.parameters: list[BlockParameter] = parameters if parameters is not None else []
        self.ops: list[Op] = []

    @property
    def terminator(self) -> "Op":
        """The last op."""
        return self.ops[-1]

    def successors(self) -> "list[Successor]":
        """The edges that leave this block."""
        return self.ops[-1].successors()


@record
class Successor:
    """An edge of the control flow: the target block and a value for each of its parameters."""

    block: Block
    arguments: list[Value] = field(default_factory=list)


@unique
class Linkage(Enum):
    """Who may see a symbol. A KEPT one is internal, yet stays where nothing refers to it."""

    INTERNAL = "internal"
    KEPT = "kept"
    EXPORTED = "exported"
    EXTERNAL = "external"


# What the C functions that library units declare start with: a program may use their names.
FOREIGN_PREFIX = "c."


@value
class ForeignSignature:
    """What the C declaration of a function says beyond the machine types.

    `parameter_bytes` are the sizes of the parameters in C. `libraries` are the files that the
    program names for it, of any system; `is_dynamic` that it asks for dynamic linking.
    """

    parameter_bytes: tuple[int, ...]
    libraries: tuple[str, ...] = ()
    is_dynamic: bool = False


@record
class Function:
    """A function; EXTERNAL ones (OS layer, C functions, encoded ones) have no blocks.

    Nor have those with `assembly`: it is their body.

    One that `is_simd` may be compiled for several generations of a CPU, one that `is_inline` goes
    into its callers. One with a `level` is compiled for processors of that level alone and may only
    be called where `cpu.level` is as high; CPUs without levels leave its body out. `results` has up
    to three entries. `returns` is false for functions such as `os.exit`.
    `foreign` is known for the C functions that programs declare, and `from_c` for the entries by
    which C calls functions of the program; neither is part of the text form.
    `call.address_of` refers to an entry that takes and gives only words, floats as their bits:
    the back end makes one when the signature has floats. `source` is what `-g` knows, else None.
    """

    name: str
    parameters: list[BlockParameter]
    results: tuple[ValueType, ...]
    linkage: Linkage = Linkage.INTERNAL
    blocks: list[Block] = field(default_factory=list)
    span: Span | None = None
    is_naked: bool = False
    realigns_stack: bool = False
    is_simd: bool = False
    is_inline: bool = False
    level: int = 0
    returns: bool = True
    section: str | None = None
    assembly: Assembly | None = None
    foreign: ForeignSignature | None = None
    from_c: ForeignSignature | None = None
    source: SourceFunction | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether it is a C function, called by the operating system's own convention.

        All others are private to the program: System V or AAPCS64 on every system.
        """
        if self.linkage is not Linkage.EXTERNAL:
            return False
        return "." not in self.name or self.name.startswith(FOREIGN_PREFIX)

    @property
    def entry(self) -> Block:
        """The first block."""
        return self.blocks[0]

    def ops(self) -> "Iterator[Op]":
        """Every op in block order."""
        for block in self.blocks:
            yield from block.ops


@record
class Global:
    """A named piece of memory: `data` then zeros up to `size_bytes`.

    EXTERNAL ones are defined by another object. All are writable: string literals may be patched.
    """

    name: str
    size_bytes: int
    align: int = 8
    data: bytes = b""
    linkage: Linkage = Linkage.INTERNAL
    is_constant: bool = False
    source: SourceVariable | None = None


@record
class Module:
    """A program, or a part of one, as functions and globals by name.

    `encoded` is the machine code of EXTERNAL functions that no op can express, for one CPU.
    `called_at_start` and `called_at_end` are the functions that a linker's start code calls around
    `main`. `called_at_trap` is what a failed check calls with the status, instead of the OS layer's
    exit, and never comes back. None of them is part of the text form.
    """

    name: str
    functions: dict[str, Function] = field(default_factory=dict)
    globals: dict[str, Global] = field(default_factory=dict)
    encoded: dict[str, bytes] = field(default_factory=dict)
    called_at_start: str = ""
    called_at_end: str = ""
    called_at_trap: str = ""

    def declare(
        self,
        name: str,
        parameters: Sequence[ValueType],
        results: tuple[ValueType, ...],
    ) -> Function:
        """Return the function `name`, declaring it EXTERNAL when the module has none."""
        known = self.functions.get(name)
        if known is None:
            known = Function(
                name, [BlockParameter(row) for row in parameters], results, Linkage.EXTERNAL
            )
            self.functions[name] = known
        return known
