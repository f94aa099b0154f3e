"""The type algebra: what the language's declarations mean and what IR values are.

Language types (`ScalarType`, `StructType`, `ArrayType`, `SliceType`) say how memory is laid out and
which static tag a word carries. Machine types (`MachineType`) are what an IR value or a memory
access is: every scalar of the language is an `I64`, except floats, which are `F64` or `F32`.
A `VectorType` is several machine values side by side, `VecType` what the language knows of it. A
`TensorType` is an array as a value: of the language, and of the IR until `expand_tensors`.
"""

from enum import Enum, unique

from mlrift.static_types import TYPE_CHECKING
from mlrift.values import field, record

if TYPE_CHECKING:
    from typing import Protocol

    class ExtentName(Protocol):
        """What an extent is called: a variable."""

        name: str


@unique
class Tag(Enum):
    """The static tag of a word: picks instructions and print formats (reference.md 1.2)."""

    UNSIGNED = "U"
    SIGNED = "S"
    F64 = "F64"
    F32 = "F32"
    BOOL = "BOOL"
    CHAR = "CHAR"


@unique
class MachineType(Enum):
    """Types of IR values (`I1`, `I64`, `F32`, `F64`) and of memory accesses (all of them)."""

    VOID = "void"
    I1 = "i1"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    F16 = "f16"
    BF16 = "bf16"
    F32 = "f32"
    F64 = "f64"


I1 = MachineType.I1
I8 = MachineType.I8
I16 = MachineType.I16
I32 = MachineType.I32
I64 = MachineType.I64
F16 = MachineType.F16
BF16 = MachineType.BF16
F32 = MachineType.F32
F64 = MachineType.F64
VOID_MACHINE = MachineType.VOID


@record
class VectorType:
    """The type of `lanes` values of a machine type; `vec` makes each one once, so `is` compares."""

    element: MachineType
    lanes: int

    @property
    def value(self) -> str:
        """The spelling in the text of the IR, as a machine type's."""
        return f"vec<{self.element.value}, {self.lanes}>"


@unique
class ElementKind(Enum):
    """What the elements of a tensor are in memory; truth values are bytes, 0 or 1."""

    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    U64 = "u64"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    F16 = "f16"
    BF16 = "bf16"
    F32 = "f32"
    F64 = "f64"
    BOOL = "bool"


Extents = tuple[int | None, ...]


@record
class TensorType:
    """The type of a tensor: `extents` by axis, None where only the running program knows.

    `tensor` makes each one once, so `is` compares. An extent that is the constant 1 stretches in
    element-wise operations; one that happens to be 1 when the program runs does not. The language
    makes types of its own that have `shape`: what is known of each extent, a name included; their
    `machine` is the type without.
    """

    element: ElementKind
    extents: Extents
    shape: "tuple[int | ExtentName | None, ...]" = ()

    is_float = False
    tag = Tag.UNSIGNED
    size_bytes = 8

    @property
    def machine(self) -> "TensorType":
        """The type of the IR value that holds it."""
        return tensor(self.element, self.extents)

    @property
    def name(self) -> str:
        """The spelling used in messages: `tensor f32[B, 64]`."""
        shown = [_extent_text(row) for row in self.shape or self.extents]
        return f"tensor {self.element.value}[{', '.join(shown)}]"

    @property
    def value(self) -> str:
        """The spelling in the text of the IR, as a machine type's."""
        shown = ", ".join(["?" if row is None else str(row) for row in self.extents])
        return f"tensor<{self.element.value}, [{shown}]>"

    @property
    def rank(self) -> int:
        """The number of axes; 0 is a single element."""
        return len(self.extents)


def _extent_text(extent: "int | ExtentName | None") -> str:
    if extent is None:
        return "?"
    return str(extent) if isinstance(extent, int) else extent.name


ValueType = MachineType | VectorType | TensorType
MAX_LANES = 1024
_vectors: dict[tuple[MachineType, int], VectorType] = {}
_tensors: dict[tuple[ElementKind, Extents], TensorType] = {}


@record
class VecType:
    """The type of a vector of the language, `vec f32[16]`: lanes of a kind, kept in registers.

    `vec_type` makes each one once, so `is` compares.
    """

    kind: ElementKind
    lanes: int

    is_float = False
    tag = Tag.UNSIGNED
    size_bytes = 8

    @property
    def machine(self) -> VectorType:
        """The type of the IR value that holds it."""
        return vec(KIND_MACHINES[self.kind], self.lanes)

    @property
    def name(self) -> str:
        """The spelling used in messages."""
        return f"vec {self.kind.value}[{self.lanes}]"


KIND_MACHINES: dict[ElementKind, MachineType] = {
    ElementKind.U8: I8,
    ElementKind.U16: I16,
    ElementKind.U32: I32,
    ElementKind.U64: I64,
    ElementKind.I8: I8,
    ElementKind.I16: I16,
    ElementKind.I32: I32,
    ElementKind.I64: I64,
    ElementKind.F16: F16,
    ElementKind.BF16: BF16,
    ElementKind.F32: F32,
    ElementKind.F64: F64,
    ElementKind.BOOL: I1,
}
_vecs: dict[tuple[ElementKind, int], VecType] = {}


def vec_type(kind: ElementKind, lanes: int) -> VecType:
    """Return the type of a vector of the language."""
    known = _vecs.get((kind, lanes))
    if known is None:
        known = _vecs[kind, lanes] = VecType(kind, lanes)
    return known


def tensor(element: ElementKind, extents: Extents) -> TensorType:
    """Return the type of a tensor."""
    known = _tensors.get((element, extents))
    if known is None:
        known = _tensors[element, extents] = TensorType(element, extents)
    return known


def vec(element: MachineType, lanes: int) -> VectorType:
    """Return the type of a vector with one lane to MAX_LANES."""
    known = _vectors.get((element, lanes))
    if known is None:
        if not 1 <= lanes <= MAX_LANES or element is VOID_MACHINE:
            raise ValueError(f"no vector has {lanes} lanes of {element.value}")
        known = _vectors[element, lanes] = VectorType(element, lanes)
    return known


@record
class ScalarType:
    """A keyword type. `memory` is the access that a load or store of it makes."""

    name: str
    size_bytes: int
    tag: Tag
    memory: MachineType

    @property
    def is_float(self) -> bool:
        """Whether arithmetic on it is float arithmetic."""
        return self.tag is Tag.F64 or self.tag is Tag.F32

    @property
    def machine(self) -> MachineType:
        """The type of the IR value that holds it."""
        return self.memory if self.is_float else I64


@record
class StructField:
    """A field: `offset` in bytes from the start of the struct (no padding)."""

    name: str
    type: "MemberType"
    offset: int


@record
class StructType:
    """A struct; a value of it is the address of its storage. Compared by identity."""

    name: str
    fields: dict[str, StructField] = field(default_factory=dict)
    size_bytes: int = 0

    machine = I64
    is_float = False
    tag = Tag.UNSIGNED


@record
class ArrayType:
    """A declared array; a value of it is its address."""

    element: "FieldType"
    count: int

    machine = I64
    is_float = False
    tag = Tag.UNSIGNED

    @property
    def name(self) -> str:
        """The spelling used in messages."""
        return f"{self.element.name}[{self.count}]"

    @property
    def size_bytes(self) -> int:
        """Bytes of all elements."""
        return self.element.size_bytes * self.count


@record
class SliceType:
    """The address half of a slice parameter `[T] name`."""

    element: "FieldType"

    machine = I64
    is_float = False
    tag = Tag.UNSIGNED

    @property
    def name(self) -> str:
        """The spelling used in messages."""
        return f"[{self.element.name}]"

    @property
    def size_bytes(self) -> int:
        """An address is one word."""
        return 8


@record
class PopulationType:
    """A declared population: neurons of a struct with `dynamics`; a value is its descriptor.

    `struct` has scalar fields only. Compared by identity: two populations of one declaration are of
    one type.
    """

    struct: StructType

    machine = I64
    is_float = False
    tag = Tag.UNSIGNED
    size_bytes = 8

    @property
    def name(self) -> str:
        """The spelling used in messages."""
        return f"population of {self.struct.name}"


@record
class EventsType:
    """The neurons of a population that did something in one step: the address of (list, count)."""

    name: str = "events"

    machine = I64
    is_float = False
    tag = Tag.UNSIGNED
    size_bytes = 8


@record
class CsrType:
    """Connections between two populations; each edge has an element, or the fields of a struct."""

    element: "ScalarType | StructType"
    source: "StructType | None" = None
    target: "StructType | None" = None

    machine = I64
    is_float = False
    tag = Tag.UNSIGNED
    size_bytes = 8

    @property
    def name(self) -> str:
        """The spelling used in messages."""
        return f"csr {self.element.name}"


@record
class VoidType:
    """The result of a function without a result type."""

    name: str = "void"
    size_bytes: int = 0

    machine = VOID_MACHINE
    is_float = False
    tag = Tag.UNSIGNED


@record
class ErrorType:
    """The type of an expression that was already reported; never causes another message."""

    name: str = "<error>"
    size_bytes: int = 8

    machine = I64
    is_float = False
    tag = Tag.UNSIGNED


FieldType = ScalarType | StructType
MemberType = FieldType | TensorType
ModelType = PopulationType | EventsType | CsrType
ExtendedType = ModelType | TensorType | VecType
Type = ScalarType | StructType | ArrayType | SliceType | VoidType | ErrorType | ExtendedType
# The kinds of types that the checkers of tensors, models and vectors know what to do with.
EXTENDED_KINDS = frozenset((PopulationType, EventsType, CsrType, TensorType, VecType))

U8 = ScalarType("u8", 1, Tag.UNSIGNED, I8)
U16 = ScalarType("u16", 2, Tag.UNSIGNED, I16)
U32 = ScalarType("u32", 4, Tag.UNSIGNED, I32)
U64 = ScalarType("u64", 8, Tag.UNSIGNED, I64)
S8 = ScalarType("i8", 1, Tag.SIGNED, I8)
S16 = ScalarType("i16", 2, Tag.SIGNED, I16)
S32 = ScalarType("i32", 4, Tag.SIGNED, I32)
S64 = ScalarType("i64", 8, Tag.SIGNED, I64)
HALF = ScalarType("f16", 2, Tag.UNSIGNED, I16)
SINGLE = ScalarType("f32", 4, Tag.F32, F32)
DOUBLE = ScalarType("f64", 8, Tag.F64, F64)
BOOL = ScalarType("bool", 1, Tag.BOOL, I8)
CHAR = ScalarType("char", 1, Tag.CHAR, I8)
VOID = VoidType()
EVENTS = EventsType()
ERROR = ErrorType()

SCALARS: dict[str, ScalarType] = {
    row.name: row
    for row in (U8, U16, U32, U64, S8, S16, S32, S64, HALF, SINGLE, DOUBLE, BOOL, CHAR)
}
SCALARS |= {
    "uint8": U8,
    "uint16": U16,
    "uint32": U32,
    "uint64": U64,
    "int8": S8,
    "int16": S16,
    "int32": S32,
    "int64": S64,
    "float": SINGLE,
    "double": DOUBLE,
}


def stored_bytes(member: MemberType) -> int:
    """Return how many bytes of its struct a field takes; all extents of a tensor are known."""
    if not isinstance(member, TensorType):
        return member.size_bytes
    made = _ELEMENT_BYTES[member.element]
    for extent in member.extents:
        made *= extent or 0
    return made


def stored_alignment(member: MemberType) -> int:
    """Return what a field's offset is a multiple of: tensors lie at multiples of their elements."""
    if isinstance(member, TensorType):
        return _ELEMENT_BYTES[member.element]
    if isinstance(member, StructType):
        return max((stored_alignment(row.type) for row in member.fields.values()), default=1)
    return 1


_ELEMENT_BYTES = {
    kind: BOOL.size_bytes if kind is ElementKind.BOOL else int(kind.value.lstrip("uifb")) // 8
    for kind in ElementKind
}
