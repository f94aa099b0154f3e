"""The abstract syntax tree: one final class per construct, each with the span it came from.

Nothing here is resolved: names are strings, types are `TypeName`s. Nodes are created in bulk, so
they are plain slotted classes (a frozen dataclass costs three times as much to build); nobody
mutates them after the parser returns.
"""

from enum import Enum, unique

from mlrift.source import SourceFile, Span
from mlrift.values import field, record


@unique
class BinaryOperator(Enum):
    """Binary operators by spelling; precedence lives in the grammar."""

    OR = "||"
    AND = "&&"
    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    REM = "%"
    MATMUL = "@"
    SHL = "<<"
    SHR = ">>"
    BIT_AND = "&"
    BIT_OR = "|"
    BIT_XOR = "^"


@unique
class UnaryOperator(Enum):
    """Prefix operators by spelling."""

    NOT = "!"
    NEGATE = "-"
    COMPLEMENT = "~"


@record
class TypeName:
    """A type as written: a keyword (`u8`, `float`) or an identifier."""

    name: str
    span: Span


@record
class TensorTypeName:
    """`tensor f32[B, D]`; the extents are expressions, new names in parameters."""

    element: TypeName
    extents: "list[Expression]"
    span: Span
    name = "tensor"


@record
class CsrTypeName:
    """`csr T[sources, targets]`: connections with an element or a struct each."""

    element: TypeName
    sources: "Expression"
    targets: "Expression"
    span: Span
    name = "csr"


@record
class EventsTypeName:
    """`events`: the neurons of a population that did something in one step."""

    span: Span
    name = "events"


@record
class VectorTypeName:
    """`vec f32[16]`; the number of lanes is a constant expression."""

    element: TypeName
    lanes: "Expression"
    span: Span
    name = "vec"


AnyTypeName = TypeName | TensorTypeName | CsrTypeName | EventsTypeName | VectorTypeName


@record
class Name:
    """An identifier at the place where it is declared or where a member is named."""

    text: str
    span: Span


# ---------------------------------------------------------------- expressions


@record
class IntegerLiteral:
    """`42`, `0x2A`: `value` is already reduced modulo 2**64."""

    value: int
    span: Span


@record
class FloatLiteral:
    """`1.5`, `2e3f`: `value` as reference.md 2.2 computes it; `is_single` for the `f` suffix."""

    value: float
    is_single: bool
    span: Span


@record
class StringLiteral:
    """`"..."` with escapes decoded; no terminating NUL."""

    data: bytes
    span: Span


@record
class CharLiteral:
    """`'c'`: the value of its byte."""

    value: int
    span: Span


@record
class BoolLiteral:
    """`true` or `false`."""

    value: bool
    span: Span


@record
class FormatString:
    """`f"..{e}.."`: decoded text parts (bytes) and expressions, in order."""

    parts: "list[bytes | Expression]"
    span: Span


@record
class SizeOf:
    """`sizeof(T)`."""

    type: TypeName
    span: Span


@record
class Identifier:
    """A name used as a value."""

    text: str
    span: Span


@record
class Unary:
    """Prefix operator applied to an operand."""

    operator: UnaryOperator
    operand: "Expression"
    span: Span


@record
class Binary:
    """Binary operator; `operator_span` is the operator alone."""

    operator: BinaryOperator
    left: "Expression"
    right: "Expression"
    operator_span: Span
    span: Span


@record
class Call:
    """`f(args)` or `f<T>(args)`; type arguments are kept for messages and otherwise ignored."""

    function: Name
    type_arguments: list[TypeName]
    arguments: "list[Expression]"
    span: Span


@record
class MethodCall:
    """`receiver.method(args)`."""

    receiver: "Expression"
    method: Name
    arguments: "list[Expression]"
    span: Span


@record
class Member:
    """`base.name`: a field, an enum member, a device register or a slice's `len`."""

    base: "Expression"
    member: Name
    span: Span


@record
class Index:
    """`base[index]`."""

    base: "Expression"
    index: "Expression"
    span: Span


@record
class IndexSpan:
    """`first..end` between brackets; either may be left out."""

    first: "Expression | None"
    end: "Expression | None"
    span: Span


@record
class IndexAxes:
    """`base[i, a..b]`: one entry an axis, at least two."""

    base: "Expression"
    entries: "list[Expression | IndexSpan]"
    span: Span


@record
class Cast:
    """`value as T`."""

    operand: "Expression"
    type: TypeName
    span: Span


@record
class Quantity:
    """`10ms`: a number with a unit."""

    number: "IntegerLiteral | FloatLiteral"
    unit: str
    span: Span


@record
class LiteralField:
    """One entry of a struct literal; `name` is None for a positional entry."""

    name: Name | None
    value: "Expression"


@record
class StructLiteral:
    """`P { 1, 2 }` or `P { y: 5, x: 6 }`."""

    type: TypeName
    fields: list[LiteralField]
    span: Span


Expression = (
    IntegerLiteral
    | FloatLiteral
    | StringLiteral
    | CharLiteral
    | BoolLiteral
    | FormatString
    | SizeOf
    | Identifier
    | Unary
    | Binary
    | Call
    | MethodCall
    | Member
    | Index
    | IndexSpan
    | IndexAxes
    | Cast
    | Quantity
    | StructLiteral
)

# ----------------------------------------------------------------- statements


@record
class Block:
    """`{ statements }`; the span covers the braces."""

    statements: "list[Statement]"
    span: Span


@record
class Declare:
    """`T name` or `T name = expr`."""

    type: AnyTypeName
    name: Name
    value: Expression | None
    span: Span


@record
class DeclareArray:
    """`T[N] name`; the size is a literal or the name of a constant."""

    type: TypeName
    size: IntegerLiteral | Identifier
    name: Name
    span: Span


@record
class DeclareTuple:
    """`(T a, U b) = expr`, two or three names."""

    names: list[tuple[TypeName, Name]]
    value: Expression
    span: Span


@record
class Assign:
    """`target = value`, or `target op= value` when `operator` is set."""

    target: Expression
    operator: BinaryOperator | None
    value: Expression
    span: Span


@record
class ExpressionStatement:
    """An expression evaluated for its effect."""

    value: Expression
    span: Span


@record
class Return:
    """`return`, `return e`, `return (a, b[, c])`: zero to three values."""

    values: list[Expression]
    span: Span


@record
class If:
    """`if c { } else { }`; `else if` is an `If` alone in the otherwise-block."""

    condition: Expression
    then: Block
    otherwise: Block | None
    span: Span


@record
class While:
    """`while c { }`."""

    condition: Expression
    body: Block
    span: Span


@record
class Loop:
    """`loop { }`."""

    body: Block
    span: Span


@record
class For:
    """`for i in a..b { }`, inclusive with `..=`."""

    name: Name
    start: Expression
    end: Expression
    inclusive: bool
    body: Block
    span: Span


@record
class DeclareView:
    """`tensor T[N] name at address`: memory seen as a tensor."""

    type: AnyTypeName
    name: Name
    address: "Expression"
    span: Span


@record
class ForEach:
    """`for name in sequence { }`: the neurons of an event stream."""

    name: Name
    sequence: "Expression"
    body: "Block"
    span: Span


@record
class ForEachEdge:
    """`for i, j in connections { }`: source and target of every edge."""

    source: Name
    target: Name
    sequence: "Expression"
    body: "Block"
    span: Span


@record
class Build:
    """`build { }`: connections that share one sequence of random numbers."""

    body: "Block"
    span: Span


@record
class Decay:
    """`decay name time_constant [to level]`, in a `dynamics` block."""

    name: Name
    time_constant: "Expression"
    level: "Expression | None"
    span: Span


@record
class Derivative:
    """`d name = rate [by method]`, in a `dynamics` block."""

    name: Name
    rate: "Expression"
    method: "Name | None"
    span: Span


@record
class Spike:
    """`spike condition { }`, in a `dynamics` block."""

    condition: "Expression"
    body: "Block"
    span: Span


@record
class Hold:
    """`hold name duration`, in a `spike` block."""

    name: Name
    duration: "Expression"
    span: Span


@record
class ValuePattern:
    """A pattern compared with `==`."""

    value: Expression
    span: Span


@record
class RangePattern:
    """`a..b` or `a..=b` as a pattern."""

    start: Expression
    end: Expression
    inclusive: bool
    span: Span


@record
class WildcardPattern:
    """`_`."""

    span: Span


Pattern = ValuePattern | RangePattern | WildcardPattern


@record
class MatchArm:
    """`pattern, pattern => { }`."""

    patterns: list[Pattern]
    body: Block
    span: Span


@record
class Match:
    """`match e { arms }`."""

    scrutinee: Expression
    arms: list[MatchArm]
    span: Span


@record
class Break:
    """`break`."""

    span: Span


@record
class Continue:
    """`continue`."""

    span: Span


@record
class Defer:
    """`defer { }`."""

    body: Block
    span: Span


@record
class PointerLoad:
    """`unsafe { *(address as T) -> name }`, or `volatile { ... }`."""

    is_volatile: bool
    address: Expression
    type: TypeName
    name: Name
    span: Span


@record
class PointerStore:
    """`unsafe { *(address as T) = value }`, or `volatile { ... }`."""

    is_volatile: bool
    address: Expression
    type: TypeName
    value: Expression
    span: Span


@unique
class AsmConstraintKind(Enum):
    """The three constraint clauses of an asm block."""

    IN = "in"
    OUT = "out"
    CLOBBERS = "clobbers"


@record
class AsmConstraint:
    """`in(variable -> register)`, `out(register -> variable)`, `clobbers(register)`."""

    kind: AsmConstraintKind
    register: Name
    variable: Name | None


@record
class Asm:
    """Inline assembly: one instruction per string."""

    instructions: list[StringLiteral]
    constraints: list[AsmConstraint]
    span: Span


Statement = (
    Declare
    | DeclareArray
    | DeclareTuple
    | Assign
    | ExpressionStatement
    | Return
    | If
    | While
    | Loop
    | For
    | Match
    | Break
    | Continue
    | Defer
    | PointerLoad
    | PointerStore
    | Asm
    | DeclareView
    | ForEach
    | ForEachEdge
    | Build
    | Decay
    | Derivative
    | Spike
    | Hold
)

# ------------------------------------------------------------------ top level


@record
class Annotation:
    """`@name` or `@name(arguments)`; arguments are the raw text between the parentheses."""

    name: str
    arguments: str | None
    span: Span


@record
class Import:
    """`import "path"`."""

    path: str
    span: Span


@record
class Parameter:
    """`T name`, or `[T] name` when `is_slice`."""

    type: AnyTypeName
    is_slice: bool
    name: Name
    span: Span


@record
class Function:
    """A function or method (`receiver` set: `fn Point.scale`); `span` is the signature.

    `further` are the types behind the first of `-> (T, U)`, empty without such a list.
    """

    annotations: list[Annotation]
    receiver: Name | None
    name: Name
    generics: list[Name]
    parameters: list[Parameter]
    result: AnyTypeName | None
    body: Block
    span: Span
    further: list[AnyTypeName] = field(default_factory=list)


@record
class Extern:
    """`extern fn name(params) -> T`."""

    annotations: list[Annotation]
    name: Name
    parameters: list[Parameter]
    result: AnyTypeName | None
    span: Span


@record
class Const:
    """`const T name = constant expression`."""

    type: TypeName
    name: Name
    value: Expression | None
    span: Span
    annotations: list[Annotation] | tuple[()] = ()


@record
class Static:
    """`static T name = ...` or `static T[N] name`; `size` is None for a scalar or struct."""

    type: TypeName
    size: IntegerLiteral | Identifier | None
    name: Name
    value: Expression | None
    span: Span
    annotations: list[Annotation] | tuple[()] = ()


@record
class Field:
    """One field of a struct."""

    type: AnyTypeName
    name: Name
    span: Span


@record
class Struct:
    """`struct name { fields }`."""

    annotations: list[Annotation]
    name: Name
    fields: list[Field]
    span: Span


@record
class EnumMember:
    """One member of an enum, with its explicit value if any."""

    name: Name
    value: int | None


@record
class EnumDeclaration:
    """`enum name { members }`."""

    name: Name
    members: list[EnumMember]
    span: Span
    annotations: list[Annotation] | tuple[()] = ()


@record
class Alias:
    """`type name = T`."""

    name: Name
    type: TypeName
    span: Span


@record
class Register:
    """`NAME at offset : T [rw|ro|wo]` inside a device block."""

    name: Name
    offset: int
    type: TypeName
    access: str | None


@record
class Device:
    """`device name at base { registers }`."""

    name: Name
    base: int
    registers: list[Register]
    span: Span


@record
class Dynamics:
    """`dynamics [name of] struct by method [fast] { }`: how a neuron moves over one step."""

    name: Name
    struct: Name
    method: Name
    is_fast: bool
    body: Block
    span: Span


@record
class OnSpike:
    """`on pre { }` or `on post { }`."""

    side: Name
    body: Block
    span: Span


@record
class Plasticity:
    """`plasticity struct(T pre, U post) { on pre { } on post { } }`."""

    struct: Name
    pre_type: TypeName
    pre: Name
    post_type: TypeName
    post: Name
    rules: list[OnSpike]
    span: Span


Item = (
    Function
    | Extern
    | Const
    | Static
    | Struct
    | EnumDeclaration
    | Alias
    | Device
    | Dynamics
    | Plasticity
)


@record
class SourceModule:
    """One parsed file: its imports and its items in order; `language_profile` from `#lang`."""

    file: SourceFile
    language_profile: str | None
    imports: list[Import]
    items: list[Item]


@record
class Program:
    """All files of a program, dependencies before dependents, the root last."""

    modules: list[SourceModule]
    token_count: int = 0
