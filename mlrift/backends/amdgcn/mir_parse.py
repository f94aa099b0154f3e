"""Text of machine IR (see `mir_text`) enters, a `MachineFunction` leaves; or `MirSyntaxError`.

Only tests and debugging read this text: the compiler itself never does.
"""

import re
from collections.abc import Callable

from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import FIRST_TRAP_TEMPORARY, SCC, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    FrameObject,
    FrameSlot,
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    MemoryAccess,
    Part,
    Pseudo,
    VirtualRegister,
)
from mlrift.backends.amdgcn.mir_text import SPECIAL_REGISTERS

_VIRTUAL = re.compile(r"%(\d+)(?::(s|v)(\d*))?(?:\[(\d+)(?::(\d+))?\])?$")
_PHYSICAL = re.compile(r"(s|v|ttmp)(?:(\d+)|\[(\d+):(\d+)\])$")
_FRAME = re.compile(r"frame(\d+)\+(\d+)$")
_INTEGER = re.compile(r"-?\d+$")
_FLOAT = re.compile(r"-?\d+\.\d+(e-?\d+)?$")
_MEMORY = re.compile(r"!(\w+)\((\d+)(?:, class (-?\d+))?(, ordered)?\)")
_MODIFIERS = re.compile(r"\{([^}]*)\}")
_BLOCK = re.compile(r"block (\d+)(?: -> ([\d, ]+?))?(?: depth (\d+))?$")

_PSEUDOS = {row.value: row for row in Pseudo}
_SPECIAL = {name: key for key, name in SPECIAL_REGISTERS.items()}


class MirSyntaxError(ValueError):
    """A line that is not machine IR."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.message = message


def parse_mir(text: str) -> MachineFunction:
    """Return the function that a text describes; raises MirSyntaxError."""
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.partition(";")[0].strip()
        if stripped:
            try:
                reader.line(stripped)
            except (ValueError, KeyError) as error:
                raise MirSyntaxError(number, f"{error} in {stripped!r}") from error
    return reader.function


class _Reader:
    """The function as read so far."""

    __slots__ = ("function", "virtual")

    def __init__(self) -> None:
        self.function = MachineFunction("")
        self.virtual: dict[int, VirtualRegister] = {}

    def line(self, text: str) -> None:
        word, _, rest = text.partition(" ")
        header = self._headers().get(word)
        if header is not None:
            header(rest)
        elif word == "block":
            self._block(text)
        elif not self.function.blocks:
            raise ValueError("an instruction outside of a block")
        else:
            self.function.blocks[-1].instructions.append(self._instruction(text))

    def _headers(self) -> dict[str, Callable[[str], None]]:
        return {
            "kernel": self._kernel,
            "arrives": self._arrives,
            "partial": self._partial,
            "frame": self._frame,
            "lds": self._lds,
            "group": self._group,
        }

    def _kernel(self, rest: str) -> None:
        self.function.name = rest.removeprefix("@")

    def _arrives(self, rest: str) -> None:
        virtual, _, physical = rest.partition(" = ")
        self.function.arrives.append((self._register(virtual), _physical(physical)))

    def _partial(self, rest: str) -> None:
        self.function.partial.update(self._register(row.strip()) for row in rest.split(","))

    def _frame(self, rest: str) -> None:
        size, _, align = rest.partition(" align ")
        self.function.frame.append(FrameObject(int(size), int(align)))

    def _lds(self, rest: str) -> None:
        self.function.lds_bytes = int(rest)

    def _group(self, rest: str) -> None:
        x, y, z = (int(row) for row in rest.split())
        self.function.required_group = (x, y, z)

    def _block(self, text: str) -> None:
        match = _BLOCK.match(text)
        if match is None:
            raise ValueError("not a block")
        successors = [int(row) for row in (match[2] or "").replace(",", " ").split()]
        block = MachineBlock(int(match[1]), [], successors, int(match[3] or 0))
        self.function.blocks.append(block)

    def _instruction(self, text: str) -> MachineInstruction:
        memory = None
        found = _MEMORY.search(text)
        if found is not None:
            alias = int(found[3]) if found[3] else -1
            memory = MemoryAccess(found[1], int(found[2]), alias, bool(found[4]))
            text = text[: found.start()]
        modifiers: dict[str, int] = {}
        found = _MODIFIERS.search(text)
        if found is not None:
            pairs = (row.split("=") for row in found[1].split(",") if row.strip())
            modifiers = {key.strip(): int(number) for key, number in pairs}
            text = text[: found.start()]
        targets, _, body = text.rpartition(" = ")
        name, _, listed = body.strip().partition(" ")
        if listed.startswith(":: "):
            second, _, listed = listed[3:].partition(" ")
            name = f"{name} :: {second}"
        operands = [self._operand(row) for row in _split(targets)]
        access = [Access.WRITE] * len(operands)
        for word in _split(listed):
            mark = {"+": Access.BOTH, ">": Access.WRITE}.get(word[0], Access.READ)
            access.append(mark)
            operands.append(self._operand(word.lstrip("+>")))
        operation = _PSEUDOS.get(name, name)
        return MachineInstruction(
            operation, operands, tuple(access), modifiers, span=None, memory=memory
        )

    def _operand(self, text: str) -> MachineOperand:
        if text[0] == "%":
            return self._virtual(text)
        if text[0] == "#":
            return int(text[1:], 0)
        if text[0] == "@":
            return BlockTarget(int(text[1:]))
        if text.startswith("0x"):
            return Literal(int(text, 16))
        if _INTEGER.match(text):
            return Inline(int(text))
        if _FLOAT.match(text):
            return Inline(float(text))
        frame = _FRAME.match(text)
        if frame is not None:
            return FrameSlot(int(frame[1]), int(frame[2]))
        return _physical(text)

    def _register(self, text: str) -> VirtualRegister:
        operand = self._virtual(text)
        if not isinstance(operand, VirtualRegister):
            raise ValueError("a part stands where a register must")
        return operand

    def _virtual(self, text: str) -> VirtualRegister | Part:
        match = _VIRTUAL.match(text)
        if match is None:
            raise ValueError(f"{text} is not a virtual register")
        number = int(match[1])
        register = self.virtual.get(number)
        if register is None:
            if match[2] is None:
                raise ValueError(f"{text} has no type where it is first named")
            file = RegisterFile(match[2])
            register = VirtualRegister(file, int(match[3] or 1), number)
            self.virtual[number] = register
            self.function.registers = max(self.function.registers, number + 1)
        if match[4] is None:
            return register
        first = int(match[4])
        return Part(register, first, int(match[5] or first) - first + 1)


def _split(listed: str) -> list[str]:
    return [row.strip() for row in listed.split(",") if row.strip()]


def _physical(text: str) -> Register:
    if text == "scc":
        return SCC
    special = _SPECIAL.get(text)
    if special is not None:
        return Register(RegisterFile.SCALAR, *special)
    match = _PHYSICAL.match(text)
    if match is None:
        raise ValueError(f"{text} is no operand")
    first = int(match[2] or match[3])
    count = int(match[4]) - first + 1 if match[4] else 1
    if match[1] == "ttmp":
        return Register(RegisterFile.SCALAR, first + FIRST_TRAP_TEMPORARY, count)
    return Register(RegisterFile(match[1]), first, count)
