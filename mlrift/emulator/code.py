"""Lines of one LLVM function, written as text.

Values are names (`%v12`) or constants as LLVM prints them; `Code` makes each name once. Vectors
have one element a lane. Invariant: every value is defined before its use in program order, because
a control structure (`loop`, `when`) is opened and closed in order.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

LANES = 32


def vector(element: str) -> str:
    """Return the type of one `element` a lane."""
    return f"<{LANES} x {element}>"


V1, V8, V16, V32, V64 = (vector(f"i{bits}") for bits in (1, 8, 16, 32, 64))
VHALF, VFLOAT, VDOUBLE = vector("half"), vector("float"), vector("double")


def splat(element: str, constant: int | str) -> str:
    """Return the vector constant with the same number in all lanes."""
    return f"splat ({element} {constant})"


def float_constant(number: float) -> str:
    """Return a constant that `float` and `double` both accept; `number` is exact in the type."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


def double_splat(number: float) -> str:
    """Return a number in all lanes of a vector of doubles."""
    return splat("double", float_constant(number))


class Code:
    """The body of a function under construction, and what it calls."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.label = "entry"
        self.declarations: set[str] = set()
        self.helpers: set[str] = set()
        """Functions of the library that are called."""
        self._made = 0

    def fresh(self, prefix: str = "v") -> str:
        """Return a name not used before, without its `%`."""
        self._made += 1
        return f"{prefix}{self._made}"

    def value(self, text: str) -> str:
        """Add an instruction that makes a value; return its name."""
        self._made += 1
        name = f"%v{self._made}"
        self.lines.append(f"{name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Add an instruction without a value."""
        self.lines.append(text)

    def start(self, label: str) -> None:
        """Begin the LLVM block of that label; the one before must have ended."""
        self.lines.append(f"{label}:")
        self.label = label

    def branch(self, label: str) -> None:
        """Jump."""
        self.do(f"br label %{label}")

    def branch_if(self, condition: str, then: str, otherwise: str) -> None:
        """Jump to one of two labels."""
        self.do(f"br i1 {condition}, label %{then}, label %{otherwise}")

    # -- the operations that everything else is written in --

    def binary(self, operation: str, kind: str, left: str, right: str) -> str:
        """Return `operation kind left, right` (add, shl, fmul, `icmp eq`, ...)."""
        return self.value(f"{operation} {kind} {left}, {right}")

    def convert(self, operation: str, source: str, value: str, target: str) -> str:
        """Return a value converted: bitcast, zext, trunc, sitofp, ..."""
        return self.value(f"{operation} {source} {value} to {target}")

    def select(self, mask: str, kind: str, then: str, otherwise: str) -> str:
        """Return lanes of one value or of another, by a vector of bits."""
        return self.value(f"select {V1} {mask}, {kind} {then}, {kind} {otherwise}")

    def choose(self, condition: str, kind: str, then: str, otherwise: str) -> str:
        """Return one value or the other, by one bit."""
        return self.value(f"select i1 {condition}, {kind} {then}, {kind} {otherwise}")

    def call(self, kind: str, name: str, *arguments: str) -> str:
        """Call a function of the module or an intrinsic; arguments are `type value`."""
        return self.value(f"{self._call(kind, name, arguments)}")

    def call_void(self, name: str, *arguments: str) -> None:
        """Call a function that returns nothing."""
        self.do(self._call("void", name, arguments))

    def _call(self, kind: str, name: str, arguments: tuple[str, ...]) -> str:
        if not name.startswith("llvm."):
            self.helpers.add(name)
        else:
            types = ", ".join(_type_of(argument) for argument in arguments)
            self.declarations.add(f"declare {kind} @{name}({types})")
        return f"call {kind} @{name}({', '.join(arguments)})"

    def address(self, base: str, byte: int | str, index_type: str = "i64") -> str:
        """Return a pointer `byte` bytes after `base`."""
        if byte == 0:
            return base
        return self.value(f"getelementptr i8, ptr {base}, {index_type} {byte}")

    def load(self, kind: str, pointer: str, align: int = 4) -> str:
        """Return what memory holds."""
        return self.value(f"load {kind}, ptr {pointer}, align {align}")

    def store(self, kind: str, value: str, pointer: str, align: int = 4) -> None:
        """Write memory."""
        self.do(f"store {kind} {value}, ptr {pointer}, align {align}")

    def broadcast(self, element: str, value: str) -> str:
        """Return a scalar in all lanes."""
        kind = vector(element)
        one = self.value(f"insertelement {kind} poison, {element} {value}, i32 0")
        return self.value(
            f"shufflevector {kind} {one}, {kind} poison, {vector('i32')} zeroinitializer"
        )

    @contextmanager
    def loop(self, count: int | str) -> Iterator[str]:
        """Repeat the body for 0, 1, ... count - 1 (i32); yields the number."""
        before, head = self.label, self.fresh("loop")
        index, following = f"%{self.fresh('i')}", f"%{self.fresh('i')}"
        latch, after = self.fresh("latch"), self.fresh("after")
        self.branch(head)
        self.start(head)
        self.do(f"{index} = phi i32 [ 0, %{before} ], [ {following}, %{latch} ]")
        yield index
        self.branch(latch)
        self.start(latch)
        self.do(f"{following} = add i32 {index}, 1")
        self.branch_if(self.value(f"icmp ult i32 {following}, {count}"), head, after)
        self.start(after)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Do the body only if the bit is set."""
        then, after = self.fresh("then"), self.fresh("after")
        self.branch_if(condition, then, after)
        self.start(then)
        yield
        self.branch(after)
        self.start(after)


def _type_of(argument: str) -> str:
    """Return the type of `type value`, where the type may contain blanks."""
    if argument.startswith("<"):
        return argument[: argument.index(">") + 1]
    if argument.startswith("{"):
        return argument[: argument.index("}") + 1]
    return argument.split(" ", 1)[0]
