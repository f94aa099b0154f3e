"""The text of machine IR: a `MachineFunction` enters, lines leave that `mir_parse` reads back.

    kernel @saxpy
    arrives %0:s2 = s[0:1]
    partial %7:v
    frame 64 align 4
    lds 512
    group 256 1 1
    block 0 -> 1, 2 depth 0
      %0 = copy s[0:1]
      %1:s4 = s_load_b128 %0, null, #0 {offset=16} !constant(16)
      %2:v, %3:s = v_add_co_u32 %4:v, %1[0]
      v_fmac_f32 +%5:v, %2, 0x3fc00000
      s_cbranch_scc1 @2

What an instruction writes stands left of `=` as far as it comes first; `+` marks an operand that is
read and written, `>` a later one that is written. Virtual registers are `%number`, with file and
length where they are first named and `[dword]` or `[first:last]` for a part. `#5` is a number of
the instruction, `5` and `0.5` are inline constants, `0x...` literals, `@2` a block, `frame1+8`
private memory. Names of registers and places in the source are left out.
"""

from collections.abc import Iterator
from itertools import takewhile

from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import FIRST_TRAP_TEMPORARY, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    FrameSlot,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    MemoryAccess,
    Part,
    Pseudo,
    VirtualRegister,
)

SPECIAL_REGISTERS = {
    (106, 1): "vcc_lo",
    (107, 1): "vcc_hi",
    (106, 2): "vcc",
    (124, 1): "null",
    (124, 2): "null2",
    (125, 1): "m0",
    (126, 1): "exec_lo",
    (127, 1): "exec_hi",
    (126, 2): "exec",
}


def print_mir(function: MachineFunction) -> str:
    """Return the text of a function."""
    return "\n".join(_lines(function)) + "\n"


def instruction_text(made: MachineInstruction) -> str:
    """Return the text of one instruction."""
    return _Printer().instruction(made)


def register_name(register: Register) -> str:
    """Return a physical register as the assembler writes it."""
    if register.file is RegisterFile.CONDITION:
        return "scc"
    first, count, prefix = register.first, register.count, register.file.value
    if register.file is RegisterFile.SCALAR and first >= 106:
        special = SPECIAL_REGISTERS.get((first, count))
        if special is not None:
            return special
        prefix, first = "ttmp", first - FIRST_TRAP_TEMPORARY
    return f"{prefix}{first}" if count == 1 else f"{prefix}[{first}:{first + count - 1}]"


def _lines(function: MachineFunction) -> Iterator[str]:
    printer = _Printer()
    yield f"kernel @{function.name}"
    for virtual, physical in function.arrives:
        yield f"arrives {printer.operand(virtual)} = {register_name(physical)}"
    if function.partial:
        ordered = sorted(function.partial, key=lambda row: row.number)
        yield "partial " + ", ".join(printer.operand(row) for row in ordered)
    for slot in function.frame:
        yield f"frame {slot.size_bytes} align {slot.align_bytes}"
    if function.lds_bytes:
        yield f"lds {function.lds_bytes}"
    if function.required_group is not None:
        yield "group " + " ".join(str(row) for row in function.required_group)
    for block in function.blocks:
        targets = ", ".join(str(row) for row in block.successors)
        arrow = f" -> {targets}" if targets else ""
        depth = f" depth {block.loop_depth}" if block.loop_depth else ""
        yield f"block {block.number}{arrow}{depth}"
        for instruction in block.instructions:
            yield "  " + printer.instruction(instruction)


class _Printer:
    """Remembers which registers have been named with their type."""

    __slots__ = ("named",)

    def __init__(self) -> None:
        self.named: set[VirtualRegister] = set()

    def instruction(self, made: MachineInstruction) -> str:
        operation = made.operation
        name = operation.value if isinstance(operation, Pseudo) else operation
        first_read = sum(1 for _ in takewhile(lambda row: row is Access.WRITE, made.access))
        texts = [self.operand(row) for row in made.operands]
        marks = {Access.READ: "", Access.BOTH: "+", Access.WRITE: ">"}
        sources = [
            marks[access] + text
            for access, text in zip(made.access[first_read:], texts[first_read:], strict=True)
        ]
        targets = ", ".join(texts[:first_read])
        words = [*([targets, "="] if targets else []), name]
        if sources:
            words.append(", ".join(sources))
        if made.modifiers:
            pairs = ", ".join(f"{key}={number}" for key, number in made.modifiers.items())
            words.append("{" + pairs + "}")
        if made.memory is not None:
            words.append(_memory(made.memory))
        return " ".join(words)

    def operand(self, operand: MachineOperand) -> str:
        match operand:
            case VirtualRegister():
                return self._virtual(operand)
            case Part(of, first, count):
                last = f":{first + count - 1}" if count > 1 else ""
                return f"{self._virtual(of)}[{first}{last}]"
            case Register():
                return register_name(operand)
            case Inline(number):
                return repr(number)
            case Literal(bits):
                return f"0x{bits:08x}"
            case BlockTarget(number):
                return f"@{number}"
            case FrameSlot(number, offset):
                return f"frame{number}+{offset}"
            case _:
                return f"#{operand}"

    def _virtual(self, register: VirtualRegister) -> str:
        if register in self.named:
            return f"%{register.number}"
        self.named.add(register)
        count = str(register.count) if register.count > 1 else ""
        return f"%{register.number}:{register.file.value}{count}"


def _memory(access: MemoryAccess) -> str:
    fields = [str(access.bytes_per_lane)]
    if access.alias_class != -1:
        fields.append(f"class {access.alias_class}")
    if access.ordered:
        fields.append("ordered")
    return f"!{access.space}({', '.join(fields)})"
