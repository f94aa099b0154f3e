"""The `@op` declaration: a class body is the whole definition of an operation.

    @op("arith.add", Effect.PURE, Trait.COMMUTATIVE, result=same_as("lhs"))
    class Add(Op):
        '''Integer sum modulo 2**64.'''
        lhs: Value
        rhs: Value
        def evaluate(self, lhs: int, rhs: int) -> int: return (lhs + rhs) & MASK

Fields typed `Value` are operands, `list[Value]` is a variable number of operands, `Successor` is a
control-flow edge; every other field is an attribute. Printer, parser, verifier, folder,
interpreter (pure ops) and the reference page are derived from the declaration.

The classes are slotted; their constructors and operand accessors are generated, one per shape of
declaration, because a compilation makes and rewrites hundreds of thousands of ops, and when the
first op of the class is made, because a program uses few of the classes.
"""

from collections.abc import Callable
from enum import Enum, unique

from mlrift.ir.core import Successor, Value
from mlrift.source import Span
from mlrift.static_types import ClassVar, TypeVar, cast, dataclass_transform
from mlrift.typesystem import I64, MachineType, ValueType
from mlrift.values import value


@unique
class Effect(Enum):
    """What an op may do besides giving a value; decides removal and reordering."""

    PURE = "pure"
    READ = "reads memory"
    WRITE = "writes memory"
    ALLOCATE = "makes storage"
    ANY = "anything"
    TERMINATOR = "ends its block"


@unique
class Trait(Enum):
    """Facts that generic passes use."""

    COMMUTATIVE = "commutative"
    TRAPS = "may end the program"


@unique
class FieldKind(Enum):
    """What a declared field is."""

    OPERAND = "operand"
    OPERANDS = "operands"
    SUCCESSOR = "successor"
    ATTRIBUTE = "attribute"


@value
class OpField:
    """A field of a declaration, in order; `type` is the annotation of an attribute."""

    name: str
    kind: FieldKind
    type: object


ResultRule = MachineType | Callable[["Op"], ValueType]
OperandRule = Callable[["Op"], str | None]


class Op(Value):
    """Base of every operation; an op with a result is that value. Classes are final.

    `ADDRESSES` names the operands by which an op of a rare family reaches memory, and which it does
    not keep.
    """

    __slots__ = ("span",)

    MNEMONIC: ClassVar[str]
    EFFECT: ClassVar[Effect]
    TRAITS: ClassVar[frozenset[Trait]]
    FIELDS: ClassVar[tuple[OpField, ...]]
    OPERAND_NAMES: ClassVar[tuple[str, ...]]
    LIST_NAMES: ClassVar[tuple[str, ...]]
    SUCCESSOR_NAMES: ClassVar[tuple[str, ...]]
    IS_TERMINATOR: ClassVar[bool]
    IS_FOLDABLE: ClassVar[bool]
    RESULT: ClassVar[tuple[ResultRule]]
    ADDRESSES: ClassVar[tuple[str, ...]] = ()

    span: Span | None

    def __init__(self, *fields: object, **named: object) -> None:
        """Store the fields; the first call generates the constructor of the class."""
        generate_methods(type(self))
        self.__init__(*fields, **named)  # type: ignore[misc]

    def operands(self) -> list[Value]:
        """Return the values used, edge arguments included: operands, lists, edges."""
        raise NotImplementedError(type(self).__name__)

    def successors(self) -> list[Successor]:
        """Return the edges of a terminator."""
        raise NotImplementedError(type(self).__name__)

    def replace_operands(self, replacements: dict[Value, Value]) -> None:
        """Use `replacements[v]` wherever `v` is used."""
        raise NotImplementedError(type(self).__name__)

    def check_operands(self) -> str | None:
        """Return what is wrong with the operands' types, or None; set by the declaration."""
        raise NotImplementedError(type(self).__name__)

    def check(self) -> str | None:
        """Return what is wrong with this op by its own rules, or None."""
        return None


REGISTRY: dict[str, type[Op]] = {}
OpClass = TypeVar("OpClass", bound=type[Op])


class SameAs:
    """A result rule: the type of the operand, or the type attribute, called `name`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, made: Op) -> ValueType:
        """Return the result type of `made`."""
        found = getattr(made, self.name)
        return found.type if isinstance(found, Value) else cast(ValueType, found)


def same_as(name: str) -> SameAs:
    """The result has the type of the operand or the type attribute `name`."""
    return SameAs(name)


def words(made: Op) -> str | None:
    """Operand rule: every operand is an i64 (the rule when a declaration names none)."""
    return typed()(made)


def anything(made: Op) -> str | None:
    """Operand rule: operands have any type; what is expected is known elsewhere."""
    return None


def alike(*allowed: MachineType) -> OperandRule:
    """Operand rule: all operands have one type, which is one of `allowed`."""

    def rule(made: Op) -> str | None:
        operands = made.operands()
        expected = operands[0].type
        if expected not in allowed:
            names = " or ".join(row.value for row in allowed)
            return f"operands must be {names}, not {expected.value}"
        for operand in operands:
            if operand.type is not expected:
                return f"operands differ in type: {expected.value} and {operand.type.value}"
        return None

    return rule


def typed(**expected: MachineType) -> OperandRule:
    """Operand rule: the named operands have these types, all others are words."""

    def rule(made: Op) -> str | None:
        for name in made.OPERAND_NAMES:
            wanted = expected.get(name, I64)
            found = getattr(made, name).type
            if found is not wanted:
                return f"operand `{name}` must be {wanted.value}, not {found.value}"
        for name in made.LIST_NAMES:
            for operand in getattr(made, name):
                if operand.type is not I64:
                    return f"operands of `{name}` must be i64, not {operand.type.value}"
        return None

    return rule


@dataclass_transform(eq_default=False)
def op(
    mnemonic: str,
    effect: Effect,
    *traits: Trait,
    result: ResultRule = MachineType.VOID,
    operands: OperandRule = words,
) -> Callable[[OpClass], OpClass]:
    """Declare an operation: derive its fields, its constructor and its registry entry."""

    def declare(body: OpClass) -> OpClass:
        annotations: dict[str, object] = body.__annotations__
        fields = tuple(OpField(name, _kind_of(hint), hint) for name, hint in annotations.items())
        namespace: dict[str, object] = {
            name: value
            for name, value in body.__dict__.items()
            if name not in ("__dict__", "__weakref__")
        }
        namespace.update(
            __slots__=tuple(annotations),
            __match_args__=tuple(annotations),
            MNEMONIC=mnemonic,
            EFFECT=effect,
            TRAITS=frozenset(traits),
            FIELDS=fields,
            OPERAND_NAMES=_names(fields, FieldKind.OPERAND),
            LIST_NAMES=_names(fields, FieldKind.OPERANDS),
            SUCCESSOR_NAMES=_names(fields, FieldKind.SUCCESSOR),
            IS_TERMINATOR=effect is Effect.TERMINATOR,
            IS_FOLDABLE="evaluate" in body.__dict__,
            RESULT=(result,),
            check_operands=operands,
        )
        made = cast(OpClass, type(body.__name__, body.__bases__, namespace))
        REGISTRY[mnemonic] = made
        return made

    return declare


def generate_methods(declared: type[Op]) -> None:
    """Give the class its constructor and accessors: done for the classes a program needs."""
    made = {"__init__": _constructor(declared.FIELDS, declared.RESULT[0])}
    for name, method in {**_accessors(declared.FIELDS), **made}.items():
        setattr(declared, name, method)


def _kind_of(hint: object) -> FieldKind:
    if isinstance(hint, str):
        raise TypeError(f"op fields need real annotations, not the text {hint!r}")
    if hint is Value:
        return FieldKind.OPERAND
    if hint == list[Value]:
        return FieldKind.OPERANDS
    if hint is Successor:
        return FieldKind.SUCCESSOR
    return FieldKind.ATTRIBUTE


def _names(fields: tuple[OpField, ...], kind: FieldKind) -> tuple[str, ...]:
    return tuple(row.name for row in fields if row.kind is kind)


_generated: dict[str, dict[str, object]] = {}


def _generate(source: str, rule: object = None) -> dict[str, object]:
    """Run generated source once and return what it defines; `rule` is `_rule` in it."""
    key = f"{source}#{rule}"
    made = _generated.get(key)
    if made is None:
        made = {}
        exec(source, {"_rule": rule}, made)
        _generated[key] = made
    return made


def _constructor(fields: tuple[OpField, ...], result: ResultRule) -> object:
    names = [row.name for row in fields]
    kinds = {row.name: row.kind for row in fields}
    rule: object = result
    if isinstance(result, MachineType):
        finish = "_rule"
    elif isinstance(result, SameAs):
        rule = None
        finish = result.name + (".type" if kinds[result.name] is FieldKind.OPERAND else "")
    else:
        finish = "_rule(self)"
    lines = [f"def __init__(self, {', '.join(names)}):"]
    lines += [f" self.{name} = {name}" for name in names]
    lines += [f" self.type = {finish}", " self.span = None"]
    return _generate("\n".join(lines), rule)["__init__"]


def _accessors(fields: tuple[OpField, ...]) -> dict[str, object]:
    """Generate `operands`, `successors` and `replace_operands`."""
    single = _names(fields, FieldKind.OPERAND)
    lists = _names(fields, FieldKind.OPERANDS)
    edges = _names(fields, FieldKind.SUCCESSOR)
    used = [f"self.{name}" for name in single]
    used += [f"*self.{name}" for name in lists] + [f"*self.{name}.arguments" for name in edges]
    body = [" get = replacements.get"]
    for name in single:
        body += [f" new = get(self.{name})", f" if new is not None: self.{name} = new"]
    for path in [f"self.{name}" for name in lists] + [f"self.{name}.arguments" for name in edges]:
        body += [f" if {path}: {path} = [get(value, value) for value in {path}]"]
    source = [
        f"def operands(self): return [{', '.join(used)}]",
        f"def successors(self): return [{', '.join(f'self.{name}' for name in edges)}]",
        "def replace_operands(self, replacements):",
        *body,
    ]
    return _generate("\n".join(source))
