"""Frames around assembly blocks, run on unicorn: registers in and out, and what calls keep."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from mlrift.backends.arm64 import assembler as arm64
from mlrift.backends.arm64 import assembly_block as arm64_block
from mlrift.backends.x86_64 import assembler as x86_64
from mlrift.backends.x86_64 import assembly_block as x86_64_block

unicorn = pytest.importorskip("unicorn", reason="needs the Python package unicorn")
arm64_const = pytest.importorskip("unicorn.arm64_const")
x86_const = pytest.importorskip("unicorn.x86_const")

CODE, STACK, AREA, RETURN = 0x10000, 0x28000, 0x30000, 0x12000
CASES = 60


@dataclass(frozen=True, slots=True)
class Machine:
    """A CPU: its registers by name, those that a call keeps, and a body that changes all."""

    architecture: tuple[int, int]
    registers: dict[str, int]
    kept: tuple[str, ...]
    area: str
    stack: str
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    encode_block: Callable[[bytes, Sequence[str], Sequence[str]], bytes]


def _x86_64() -> Machine:
    numbers = {name: getattr(x86_const, f"UC_X86_REG_{name.upper()}") for name in x86_64.REGISTERS}
    return Machine(
        (unicorn.UC_ARCH_X86, unicorn.UC_MODE_64),
        numbers,
        ("rbx", "rbp", "r12", "r13", "r14", "r15"),
        "rdi",
        "rsp",
        tuple(name for name in x86_64.REGISTERS if name != "rsp"),
        x86_64.REGISTERS,
        x86_64_block.encode_block,
    )


def _arm64() -> Machine:
    names = (*arm64.REGISTERS, "sp", *(f"d{number}" for number in range(8, 16)))
    kept = tuple(f"x{number}" for number in range(18, 30))
    return Machine(
        (unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM),
        {name: getattr(arm64_const, f"UC_ARM64_REG_{name.upper()}") for name in names},
        (*kept, *(f"d{number}" for number in range(8, 16))),
        "x0",
        "sp",
        arm64.REGISTERS,
        arm64.REGISTERS,
        arm64_block.encode_block,
    )


MACHINES = {"x86_64": _x86_64, "arm64": _arm64}


@pytest.mark.parametrize("name", MACHINES)
def test_blocks_load_store_and_keep(name: str) -> None:
    machine = MACHINES[name]()
    randomly = random.Random(name)
    for _ in range(CASES):
        inputs = _some(machine.input_names, randomly)
        outputs = _some(machine.output_names, randomly)
        _check(machine, inputs, outputs, randomly)
    _check(machine, machine.input_names, machine.output_names, randomly)


def _some(names: tuple[str, ...], randomly: random.Random) -> tuple[str, ...]:
    return tuple(randomly.sample(names, randomly.randrange(len(names) + 1)))


def _check(
    machine: Machine, inputs: Sequence[str], outputs: Sequence[str], randomly: random.Random
) -> None:
    """Run a block; where its instructions would be, look at the registers and change them all."""
    code = machine.encode_block(_MARK[machine.area], inputs, outputs)
    middle = CODE + code.index(_MARK[machine.area])
    cpu = unicorn.Uc(*machine.architecture)
    for base in (0x10000, 0x20000, 0x30000):
        cpu.mem_map(base, 0x10000)
    cpu.mem_write(CODE, code)
    given = [randomly.getrandbits(64) for _ in inputs]
    cpu.mem_write(AREA, b"".join(word.to_bytes(8, "little") for word in given))
    before = {row: randomly.getrandbits(64) for row in machine.kept}
    registers = machine.registers
    for row, word in before.items():
        cpu.reg_write(registers[row], word)
    stack = _enter(machine, cpu)
    cpu.emu_start(CODE, middle)
    assert cpu.reg_read(registers[machine.stack]) % 16 == 0
    assert [cpu.reg_read(registers[row]) for row in inputs] == given
    words = {row: randomly.getrandbits(64) for row in registers if row != machine.stack}
    for row, word in words.items():
        cpu.reg_write(registers[row], word)
    words[machine.stack] = cpu.reg_read(registers[machine.stack])
    cpu.emu_start(middle + len(_MARK[machine.area]), RETURN)
    stored = bytes(cpu.mem_read(AREA, 8 * len(outputs)))
    expected = b"".join(words[row].to_bytes(8, "little") for row in outputs)
    assert stored == expected
    assert {row: cpu.reg_read(registers[row]) for row in machine.kept} == before
    assert cpu.reg_read(registers[machine.stack]) == stack


# An instruction that occurs nowhere else: nop of eight bytes, and nop-like `hint #99`.
_MARK = {"rdi": bytes.fromhex("0f1f840078563412"), "x0": (0xD5032C7F).to_bytes(4, "little")}


def _enter(machine: Machine, cpu: Any) -> int:
    """Set the registers of a call, and return what SP is after it."""
    registers = machine.registers
    cpu.reg_write(registers[machine.area], AREA)
    if machine.stack == "sp":
        cpu.reg_write(registers["x30"], RETURN)
        cpu.reg_write(registers["sp"], STACK)
        return STACK
    cpu.mem_write(STACK - 8, RETURN.to_bytes(8, "little"))
    cpu.reg_write(registers["rsp"], STACK - 8)
    return STACK
