"""The type algebra: what the language's declarations mean and what IR values are.

Language types (`ScalarType`, `StructType`, `ArrayType`, `SliceType`) say how memory is laid out and
which static tag a word carries. Machine types (`MachineType`) are what an IR value or a memory
access is: every scalar of the language is an `I64`, except floats, which are `F64` or `F32`.
"""

from enum import Enum, unique

from mlrift.values import field, record


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
F32 = MachineType.F32
F64 = MachineType.F64
VOID_MACHINE = MachineType.VOID


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
    type: "FieldType"
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
Type = ScalarType | StructType | ArrayType | SliceType | VoidType | ErrorType

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
