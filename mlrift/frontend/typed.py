"""The typed model: what the checker returns and lowering consumes.

Every name is resolved, every conversion explicit, every place says what it is. An expression's
`type` decides its machine type: floats are F64/F32 values, everything else (integers, bool, char,
addresses of structs and arrays) is a 64-bit word. Lowering never looks at a name or decides a rule.
"""

from enum import Enum, unique

from mlrift.frontend.builtins.declaration import Builtin
from mlrift.source import Span
from mlrift.static_types import TYPE_CHECKING
from mlrift.typesystem import ArrayType, FieldType, MemberType, ScalarType, StructType, Type
from mlrift.values import field, record

if TYPE_CHECKING:
    from mlrift.interface.model import Interface

# -------------------------------------------------------------------- symbols


@record
class LocalVariable:
    """A local, parameter or `for` variable: one slot. Arrays and structs hold their address.

    A slice parameter is two variables: the address and `slice_length`. A name in the shape of a
    tensor parameter `is_extent`: nobody assigns to it.
    """

    name: str
    type: Type
    span: Span
    is_parameter: bool = False
    slice_length: "LocalVariable | None" = None
    is_extent: bool = False


@record
class StaticVariable:
    """A global: a scalar slot of 8 bytes, an array or a struct. `initial` is the 8-byte word.

    A struct that some assignment re-points `is_repointed`: its name may mean other storage.
    """

    name: str
    type: Type
    span: Span
    initial_word: int = 0
    is_repointed: bool = False
    is_export: bool = False


@record
class FunctionSymbol:
    """A function of the program. Parameters are words or floats after slices are split in two.

    `libraries` are file names that `@dynamic` gives an extern function, of any system. `result` is
    the declared type (VOID for none); `result_count` is 1 to 3, above 1 when some `return` gives a
    tuple: the further results are words then. `further` has their types when the function lists
    them; `result_count` is how many there are. `kept_tensors` are variables whose address was
    taken: they live to the end. In `is_device_code`, kernels and what they call, f32 products are
    contracted with sums.
    """

    name: str
    parameters: list[LocalVariable]
    result: Type
    result_count: int
    span: Span
    is_export: bool = False
    is_naked: bool = False
    is_extern: bool = False
    is_kernel: bool = False
    is_device_code: bool = False
    is_dynamic: bool = False
    is_simd: bool = False
    is_inline: bool = False
    libraries: tuple[str, ...] = ()
    section: str | None = None
    further: list[Type] = field(default_factory=list)
    body: "Block | None" = None
    end_defers: "list[Block]" = field(default_factory=list)
    kept_tensors: list[LocalVariable] = field(default_factory=list)


# ---------------------------------------------------------------- expressions


@record
class IntegerConstant:
    """A word known at compile time (literal, `sizeof`, enum member, constant)."""

    value: int
    type: Type
    span: Span


@record
class FloatConstant:
    """A float constant of type DOUBLE or SINGLE."""

    value: float
    type: ScalarType
    span: Span


@record
class StringConstant:
    """The address of writable, NUL-terminated bytes (`data` without the NUL)."""

    data: bytes
    type: Type
    span: Span


@record
class FormatString:
    """An f-string: bytes and typed expressions; its value is the address of a fresh buffer."""

    parts: "list[bytes | Expression]"
    type: Type
    span: Span


@record
class LocalRead:
    """The value of a local (the address, for arrays and structs)."""

    variable: LocalVariable
    type: Type
    span: Span


@record
class StaticRead:
    """The value of a scalar static."""

    variable: StaticVariable
    type: Type
    span: Span


@record
class StaticAddress:
    """The address of a static array or struct."""

    variable: StaticVariable
    type: Type
    span: Span


@record
class ElementAddress:
    """`base + index * element size`; `count` is set when the array's length is known."""

    base: "Expression"
    index: "Expression"
    element: FieldType
    count: int | None
    array_name: str
    type: Type
    span: Span


@record
class FieldAddress:
    """`base + offset` of a field."""

    base: "Expression"
    offset: int
    type: Type
    span: Span


@record
class Load:
    """A typed load, zero-extended for integers; `type` is a ScalarType, also what is loaded."""

    address: "Expression"
    type: ScalarType
    span: Span


@record
class DeviceRead:
    """A volatile load of a device register at a constant address."""

    address: int
    type: ScalarType
    span: Span


@unique
class UnaryKind(Enum):
    """Unary operations after typing."""

    LOGICAL_NOT = "!"
    NEGATE = "-"
    COMPLEMENT = "~"
    FLOAT_NEGATE = "0.0 -"


@record
class Unary:
    """A unary operation; the operand already has the type the operation needs."""

    kind: UnaryKind
    operand: "Expression"
    type: Type
    span: Span


@unique
class BinaryKind(Enum):
    """Binary operations after typing: signedness and floatness are in the kind.

    Comparisons give 0 or 1 as a word.
    """

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    UDIV = "udiv"
    SDIV = "sdiv"
    UREM = "urem"
    SREM = "srem"
    AND = "and"
    OR = "or"
    XOR = "xor"
    SHL = "shl"
    LSHR = "lshr"
    ASHR = "ashr"
    EQ = "eq"
    NE = "ne"
    ULT = "ult"
    ULE = "ule"
    UGT = "ugt"
    UGE = "uge"
    SLT = "slt"
    SLE = "sle"
    SGT = "sgt"
    SGE = "sge"
    FADD = "fadd"
    FSUB = "fsub"
    FMUL = "fmul"
    FDIV = "fdiv"
    FEQ = "feq"
    FNE = "fne"
    FLT = "flt"
    FLE = "fle"
    FGT = "fgt"
    FGE = "fge"


@record
class Binary:
    """A binary operation; both operands have the same machine type.

    `is_overflow_checked` is set on + - * with a signed operand: `--debug` traps on overflow.
    """

    kind: BinaryKind
    left: "Expression"
    right: "Expression"
    type: Type
    span: Span
    is_overflow_checked: bool = False


@unique
class LogicalKind(Enum):
    """Short-circuit operators."""

    AND = "&&"
    OR = "||"


@record
class Logical:
    """`a && b` is 0 or b's value; `a || b` is 1 or b's value. Operands are words."""

    kind: LogicalKind
    left: "Expression"
    right: "Expression"
    type: Type
    span: Span


@unique
class ConversionKind(Enum):
    """Every conversion that exists. `*_BITS` reinterpret; F32 bits sit in the word's low half."""

    INT_TO_F64 = "int to f64"
    INT_TO_F32 = "int to f32"
    F32_TO_F64 = "f32 to f64"
    F64_TO_F32 = "f64 to f32"
    BITS_TO_F64 = "bits to f64"
    BITS_TO_F32 = "bits to f32"
    F64_TO_BITS = "f64 to bits"
    F32_TO_BITS = "f32 to bits"
    RETAG = "retag"


@record
class Convert:
    """An explicit conversion; RETAG changes only the static type."""

    kind: ConversionKind
    operand: "Expression"
    type: Type
    span: Span


@record
class CopyStruct:
    """The address of fresh storage holding a copy of the struct at `source`."""

    source: "Expression"
    struct: StructType
    type: Type
    span: Span


@record
class StructValue:
    """A struct literal: fresh zeroed storage, then the fields in the order written.

    A struct-typed field's value is an address whose bytes are copied in.
    """

    struct: StructType
    fields: "list[tuple[int, MemberType, Expression]]"
    type: Type
    span: Span


@record
class StructEqual:
    """Bytewise comparison of two structs: 1 when equal (0 when `is_negated`)."""

    left: "Expression"
    right: "Expression"
    size_bytes: int
    is_negated: bool
    type: Type
    span: Span


@record
class Call:
    """A call of a function; arguments already converted and copied as its parameters want."""

    function: FunctionSymbol
    arguments: "list[Expression]"
    type: Type
    span: Span


@record
class CallPointer:
    """`call_ptr(address, words...)`: every argument is a word, the result too."""

    address: "Expression"
    arguments: "list[Expression]"
    type: Type
    span: Span


@record
class BuiltinCall:
    """A call of a builtin; arguments already converted to its parameter types."""

    builtin: Builtin
    arguments: "list[Expression]"
    type: Type
    span: Span


@record
class FunctionAddress:
    """`fn_addr("name")`: entered with words (floats as bits) by `call_ptr`."""

    function: FunctionSymbol
    type: Type
    span: Span


@record
class Print:
    """`print`/`println`: the arguments separated by spaces, one write; value 0.

    The type of each argument decides its format; a directly written StringConstant or
    FormatString prints as text.
    """

    arguments: "list[Expression]"
    ends_line: bool
    type: Type
    span: Span


Expression = (
    IntegerConstant
    | FloatConstant
    | StringConstant
    | FormatString
    | LocalRead
    | StaticRead
    | StaticAddress
    | ElementAddress
    | FieldAddress
    | Load
    | DeviceRead
    | Unary
    | Binary
    | Logical
    | Convert
    | CopyStruct
    | StructValue
    | StructEqual
    | Call
    | CallPointer
    | BuiltinCall
    | FunctionAddress
    | Print
)

# --------------------------------------------------------------------- places


@record
class LocalPlace:
    """A local variable as a target."""

    variable: LocalVariable
    type: Type
    span: Span


@record
class StaticPlace:
    """A scalar static as a target: all 64 bits are stored (an f32 in the low half)."""

    variable: StaticVariable
    type: Type
    span: Span


@record
class MemoryPlace:
    """Typed memory: a field, an element, `*(p as T)`. A struct type means: copy its bytes in.

    `value_first`: the value is evaluated before the address (`a[i] = v`), else after.
    """

    address: Expression
    type: MemberType
    value_first: bool
    span: Span


@record
class DevicePlace:
    """A device register as a target: a volatile store."""

    address: int
    type: ScalarType
    span: Span


Place = LocalPlace | StaticPlace | MemoryPlace | DevicePlace

# ----------------------------------------------------------------- statements


@record
class Block:
    """Statements in order."""

    statements: "list[Statement]"
    span: Span


@record
class DeclareScalar:
    """A scalar local; without a value it becomes 0. The value is converted already."""

    variable: LocalVariable
    value: Expression | None
    span: Span


@record
class DeclareArray:
    """An array local: storage zeroed each time this executes (scalars: stack up to 4096 bytes)."""

    variable: LocalVariable
    type: ArrayType
    span: Span


@record
class DeclareStruct:
    """A struct local: fresh storage that outlives the scope, zeroed or a copy of `source`."""

    variable: LocalVariable
    struct: StructType
    source: Expression | None
    span: Span


@record
class DeclareTuple:
    """Two or three fresh scalars from a call with that many results.

    `conversions` turn each result (first of the call's type, the others words) into its variable's
    type; None keeps it.
    """

    variables: list[LocalVariable]
    conversions: list[ConversionKind | None]
    call: Expression
    span: Span


@record
class Assign:
    """`place = value`; the value has the place's type."""

    place: Place
    value: Expression
    span: Span


@record
class CompoundAssign:
    """`place op= operand`, the place's address evaluated once."""

    place: Place
    kind: BinaryKind
    operand: Expression
    is_overflow_checked: bool
    span: Span


@record
class Evaluate:
    """An expression evaluated for its effect."""

    value: Expression
    span: Span


@record
class Return:
    """Values already converted to the result types; then `defers` run in this order."""

    values: list[Expression]
    defers: list[Block]
    span: Span


@record
class If:
    """Conditions are words: any non-zero is true."""

    condition: Expression
    then: Block
    otherwise: Block | None
    span: Span


@record
class While:
    """`while`; a Loop is a While with a constant condition."""

    condition: Expression
    body: Block
    span: Span


@record
class For:
    """`variable = start; while variable `comparison` end { body; variable += 1 }`."""

    variable: LocalVariable
    start: Expression
    end: Expression
    comparison: BinaryKind
    body: Block
    span: Span


@record
class EqualPattern:
    """Matches when the scrutinee equals the value."""

    value: Expression


@record
class StructPattern:
    """Matches when the scrutinee's struct has the same bytes as the value's."""

    value: Expression
    size_bytes: int


@record
class RangePattern:
    """Matches when `start <= scrutinee` and `scrutinee end_comparison end`."""

    start: Expression
    end: Expression
    start_comparison: BinaryKind
    end_comparison: BinaryKind


@record
class AlwaysPattern:
    """The wildcard."""


Pattern = EqualPattern | StructPattern | RangePattern | AlwaysPattern


@record
class MatchArm:
    """Patterns tried in order, then the body."""

    patterns: list[Pattern]
    body: Block


@record
class Match:
    """The scrutinee is evaluated once; the first arm that matches runs."""

    scrutinee: Expression
    arms: list[MatchArm]
    span: Span


@record
class Break:
    """Leaves the innermost loop."""

    span: Span


@record
class Continue:
    """Goes on with the innermost loop (a `for` increments first)."""

    span: Span


@record
class PointerLoad:
    """`unsafe/volatile { *(address as T) -> name }`: load `memory_type`, convert, assign."""

    address: Expression
    memory_type: ScalarType
    conversion: ConversionKind | None
    place: Place
    is_volatile: bool
    span: Span


@record
class PointerStore:
    """`unsafe/volatile { *(address as T) = value }`: address first, then the value."""

    address: Expression
    memory_type: ScalarType
    value: Expression
    is_volatile: bool
    span: Span


@record
class AsmInput:
    """A word that is in a register when the block begins."""

    register: str
    value: Expression


@record
class AsmOutput:
    """A register that is stored, converted, when the block has ended."""

    register: str
    place: LocalPlace | StaticPlace
    conversion: ConversionKind | None


@record
class Asm:
    """Inline assembly, one instruction a string."""

    instructions: tuple[str, ...]
    inputs: list[AsmInput]
    outputs: list[AsmOutput]
    span: Span


Statement = (
    DeclareScalar
    | DeclareArray
    | DeclareStruct
    | DeclareTuple
    | Assign
    | CompoundAssign
    | Evaluate
    | Return
    | If
    | While
    | For
    | Match
    | Break
    | Continue
    | PointerLoad
    | PointerStore
    | Asm
)


@record
class TypedProgram:
    """Everything that is lowered: functions in source order and all statics.

    `roots` are the names code generation starts from (main, @export). `interface` is what a
    library offers to C; other products have none.
    """

    functions: list[FunctionSymbol]
    statics: dict[str, StaticVariable]
    roots: list[str]
    interface: "Interface | None" = None
