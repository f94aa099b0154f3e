"""One instruction being translated: operands, and where the wave goes on.

The semantics of an operation reads sources and writes results through a `Step` and never looks at
encodings. Invariant: a step that ends its chunk has written all registers back before it leaves.
"""

from collections.abc import Callable
from typing import Protocol

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import (
    Immediate,
    Instruction,
    Literal,
    OperandKind,
)
from mlrift.emulator.float_mode import FloatMode
from mlrift.emulator.layout import ContextOffset, FaultCode, Status, WaveOffset
from mlrift.emulator.operand_access import OperandAccess
from mlrift.emulator.wave_registers import NoSemantics, WaveRegisters

_COHERENT_MODIFIERS = ("glc", "dlc")


class Chunks(Protocol):
    """Who numbers the chunks of a program."""

    def number_of(self, offset: int, mode: FloatMode) -> int:
        """Return the number of the chunk that begins at an offset in a float mode."""


class Step(OperandAccess):
    """An instruction, the registers around it, and the code it becomes."""

    def __init__(
        self,
        instruction: Instruction,
        registers: WaveRegisters,
        generation: Generation,
        mode: FloatMode,
    ) -> None:
        super().__init__(instruction, registers, generation, mode)
        self.chunks: Chunks | None = None
        self.offset = self.next_offset = self.site = 0
        self.code_base = 0
        """Address of offset 0."""
        self.has_ended = False

    def place(self, chunks: Chunks, offset: int, size: int, site: int, code_base: int) -> None:
        """Say where the instruction is."""
        self.chunks, self.offset, self.next_offset = chunks, offset, offset + size
        self.site, self.code_base = site, code_base

    # -- leaving --

    def _number_of(self, offset: int) -> int:
        if self.chunks is None:
            raise NoSemantics(f"{self.row.name}: a branch outside a program")
        return self.chunks.number_of(offset, self.mode)

    def branch_target(self) -> int:
        """Return the offset that a branch goes to."""
        for spec, operand in zip(self.row.operands, self.instruction.operands, strict=True):
            if spec.kind is OperandKind.BRANCH_TARGET and isinstance(operand, Immediate):
                return self.next_offset + 4 * operand.number
        raise NoSemantics(f"{self.row.name}: no branch target")

    def go(self, offset: int) -> None:
        """Leave for the chunk at an offset."""
        self.registers.flush()
        self.code.do(f"ret i32 {self._number_of(offset)}")
        self.has_ended = True

    def go_if(self, condition: str, offset: int) -> None:
        """Leave for an offset if the bit is set, else for the next instruction."""
        then, otherwise = self._number_of(offset), self._number_of(self.next_offset)
        self.registers.flush()
        found = self.code.choose(condition, "i32", str(then), str(otherwise))
        self.code.do(f"ret i32 {found}")
        self.has_ended = True

    def stop(self, status: Status) -> None:
        """Leave for the scheduler, for good."""
        self.registers.flush()
        self.code.do(f"ret i32 {status:d}")
        self.has_ended = True

    def stop_and_continue(self, status: Status) -> None:
        """Leave for the scheduler; go on at the next instruction."""
        place = self.code.address("%wave", WaveOffset.NEXT)
        self.code.store("i32", str(self._number_of(self.next_offset)), place)
        self.stop(status)

    def jump(self, address: str) -> None:
        """Leave for an address that is only known at run time."""
        place = self.code.address("%wave", WaveOffset.TARGET)
        self.code.store("i64", address, place, 8)
        mode = self.code.address("%wave", WaveOffset.MODE)
        self.code.store("i32", str(self.mode.bits), mode)
        self.stop(Status.JUMP)

    def fault(self, code: FaultCode) -> None:
        """End the launch here."""
        self.code.call_void(
            "fault.set",
            "ptr %context",
            f"i32 {code:d}",
            f"i32 {self.site}",
            "i32 0",
            "i64 0",
            "i64 0",
            "i32 0",
        )
        self.code.do(f"ret i32 {Status.FAULT:d}")
        self.has_ended = True

    def leave_if_fault(self, status: str) -> None:
        """Leave if a function of the library has described a fault."""
        bad = self.code.binary("icmp ne", "i32", status, "0")
        self._leave_if(bad)

    def _leave_if(self, bad: str) -> None:
        code = self.code
        leave, go_on = code.fresh("fault"), code.fresh("fine")
        code.branch_if(bad, leave, go_on)
        code.start(leave)
        code.do(f"ret i32 {Status.FAULT:d}")
        code.start(go_on)

    # -- memory --

    def scalar_host(self, address: str, size_bytes: int) -> str:
        """Return a pointer to the bytes at a device address that all lanes share."""
        host = self.code.call(
            "ptr",
            "host.scalar",
            "ptr %wave",
            "ptr %context",
            f"i64 {address}",
            f"i64 {size_bytes}",
            f"i32 {self.site}",
        )
        self._leave_if(self.code.binary("icmp eq", "ptr", host, "null"))
        return host

    def charge_coherent(self) -> None:
        """Make a wave that polls memory yield sooner: atomics and coherent loads cost more."""
        instruction = self.instruction
        is_coherent = any(instruction.modifier(name) for name in _COHERENT_MODIFIERS)
        is_coherent = is_coherent or instruction.modifier("scope") >= 2 or self.is_atomic
        if not is_coherent:
            return
        code = self.code
        cost = code.load("i64", code.address("%context", ContextOffset.COHERENT_COST), 8)
        place = code.address("%wave", WaveOffset.QUANTUM)
        code.store("i64", code.binary("sub", "i64", code.load("i64", place, 8), cost), place, 8)

    @property
    def is_atomic(self) -> bool:
        """Whether the instruction is an atomic."""
        return "atomic" in self.row.operation

    def code_address(self, offset: int) -> str:
        """Return the device address of an offset in the code."""
        return str(self.code_base + offset)

    def set_register_value(self) -> str:
        """Return what s_setreg writes: a register, or the constant after the instruction."""
        for operand in self.instruction.operands:
            if isinstance(operand, Literal):
                return str(operand.bits)
        return self.first_register()


Semantics = Callable[[Step], None]
"""What an operation does: it reads sources and writes results through its step."""

__all__ = ["Chunks", "NoSemantics", "Semantics", "Step"]
