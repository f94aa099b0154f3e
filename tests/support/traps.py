"""System functions as traps: exported Python functions in, addresses that guest code can call out.

An `Export` says how many arguments a function takes and how wide its result is. At every call the
table checks the rules that the convention puts on callers; afterwards the guest executes the
scribble code, so nothing a callee may destroy survives, the upper half of 32-bit results included.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, unique
from typing import Never, Protocol, TypeVar

from unicorn import x86_const

from tests.support.guest_cpu import TRAP_SLOT_BYTES, trap_page_code
from tests.support.machine import PAGE_BYTES, GuestFault, Machine, Protection
from tests.support.results import RuleBroken
from tests.support.scheduler import Scheduler, WouldBlock, result_of_returning_function

_Function = TypeVar("_Function", bound=Callable[..., int | None])
_SLOT_COUNT = 1000
_DIRECTION_FLAG = 0x400
_GARBAGE = 0xA5A5_5A5A_0000_0000
_WORD64 = (1 << 64) - 1
_WORD32 = (1 << 32) - 1


@unique
class ResultWidth(Enum):
    """How much of the result register a system function defines."""

    NOTHING = "nothing"
    WORD32 = "32 bits"
    WORD64 = "64 bits"


class System(Protocol):
    """What the table needs of an emulated operating system."""

    machine: Machine
    scheduler: Scheduler

    def bad_pointer_result(self) -> int:
        """Note the error of a bad pointer; return what a function answers then."""

    def function_returned(self, result: int) -> Never:
        """End the thread, or the process, whose first function returned."""


@dataclass(frozen=True, slots=True)
class Export:
    """A system function; arguments from `variadic_from` on are variadic (None: it has none)."""

    name: str
    function: Callable[..., int | None]
    argument_count: int
    width: ResultWidth
    variadic_from: int | None = None


class ExportRegistry:
    """The functions that one emulated library exports, filled by decorators at import."""

    def __init__(self) -> None:
        self.exports: dict[str, Export] = {}

    def export(
        self,
        name: str,
        argument_count: int,
        width: ResultWidth = ResultWidth.WORD32,
        variadic_from: int | None = None,
    ) -> Callable[[_Function], _Function]:
        """Register the decorated function under `name`."""

        def register(function: _Function) -> _Function:
            self.exports[name] = Export(name, function, argument_count, width, variadic_from)
            return function

        return register


class TrapTable:
    """The trap pages of one process: hands out an address per function and dispatches calls."""

    def __init__(self, machine: Machine, base: int, *, variadic_on_stack: bool) -> None:
        self.machine = machine
        self.return_address = base
        self.system: System | None = None
        self.expected_platform_register: Callable[[], int] | None = None
        self._base = base
        self._variadic_on_stack = variadic_on_stack
        self._slots: list[Export] = []
        self._addresses: dict[str, int] = {}
        code = trap_page_code(machine.convention, _SLOT_COUNT)
        size_bytes = -(-len(code) // PAGE_BYTES) * PAGE_BYTES
        machine.map(base, size_bytes, Protection.READ | Protection.EXECUTE)
        machine.write(base, code)
        last = base + _SLOT_COUNT * TRAP_SLOT_BYTES - 1
        machine.hook_code(base, last, self._trapped)

    def address_of(self, export: Export) -> int:
        """Return the address that calls `export`; always the same one."""
        if export.name not in self._addresses:
            self._slots.append(export)
            self._addresses[export.name] = self._base + len(self._slots) * TRAP_SLOT_BYTES
        return self._addresses[export.name]

    def _owner(self) -> System:
        if self.system is None:
            raise RuntimeError("the trap table belongs to no system yet")
        return self.system

    def _trapped(self, address: int) -> None:
        slot = (address - self._base) // TRAP_SLOT_BYTES
        if slot == 0:
            self._owner().function_returned(result_of_returning_function(self.machine))
        if slot > len(self._slots):
            raise RuleBroken(f"jump into the middle of nowhere at {address:#x}")
        export = self._slots[slot - 1]
        self._check_caller(export)
        self._call(export)

    def _check_caller(self, export: Export) -> None:
        machine, convention = self.machine, self.machine.convention
        remainder = machine.stack_pointer % 16
        if remainder != convention.entry_stack_remainder:
            raise RuleBroken(f"{export.name}: stack misaligned at the call (SP % 16 = {remainder})")
        is_x86 = convention.link_register is None
        if is_x86 and machine.get(x86_const.UC_X86_REG_EFLAGS) & _DIRECTION_FLAG:
            raise RuleBroken(f"{export.name}: direction flag set at the call")
        register, expect = convention.platform_register, self.expected_platform_register
        if register is not None and expect is not None and machine.get(register) != expect():
            found = machine.get(register)
            raise RuleBroken(f"{export.name}: x18 is {found:#x}, not the TEB {expect():#x}")

    def _call(self, export: Export) -> None:
        system = self._owner()
        scheduler = system.scheduler
        try:
            value = export.function(system, *self._arguments(export))
        except WouldBlock as blocked:
            scheduler.park(blocked.ready)
            return
        except GuestFault:
            value = system.bad_pointer_result()
        scheduler.running.wait_started_seconds = None
        self._store_result(export, value)

    def _arguments(self, export: Export) -> list[int]:
        machine, convention = self.machine, self.machine.convention
        fixed = export.argument_count
        if export.variadic_from is not None and self._variadic_on_stack:
            fixed = export.variadic_from
        in_registers = min(fixed, len(convention.arguments))
        values = [machine.get(register) for register in convention.arguments[:in_registers]]
        on_stack = export.argument_count - in_registers
        if on_stack:
            address = machine.stack_pointer + convention.stack_arguments_offset
            data = machine.read(address, 8 * on_stack)
            values += [
                int.from_bytes(data[start : start + 8], "little")
                for start in range(0, len(data), 8)
            ]
        return values

    def _store_result(self, export: Export, value: int | None) -> None:
        register = self.machine.convention.result
        match export.width:
            case ResultWidth.NOTHING:
                self.machine.set(register, _GARBAGE)
            case ResultWidth.WORD32:
                self.machine.set(register, _GARBAGE | ((value or 0) & _WORD32))
            case ResultWidth.WORD64:
                self.machine.set(register, (value or 0) & _WORD64)
