"""Executes machine IR, before or after allocation: a function enters, what it stores leaves.

Only what `random_mir` makes is known. Registers begin with arbitrary contents, vector instructions
write the lanes of EXEC, `global_store_b32` is recorded with the lanes that are active.
"""

from mlrift.backends.amdgcn.allocation.groups import copies_of
from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import EXEC, NULL, SCC, VCC, Register, RegisterFile
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    FrameSlot,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    Part,
    Pseudo,
    VirtualRegister,
)

LANES = 32
_MASK = 0xFFFFFFFF
_STEPS = 200_000

_BINARY = {
    "add": lambda a, b: a + b,
    "add_nc": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "mul_lo": lambda a, b: a * b,
    "xor": lambda a, b: a ^ b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
}

Store = tuple[int, tuple[tuple[int, int], ...]]
"""Where and what, of each active lane."""


class Machine:
    """One wave."""

    def __init__(self, function: MachineFunction, noise: int) -> None:
        self.function, self.noise = function, noise
        self.registers: dict[object, list[int]] = {}
        self.scratch: dict[tuple[int, int], int] = {}
        self.stores: list[Store] = []
        self.registers[self._key(EXEC, 0)] = [_MASK]
        self.registers["v", 0] = list(range(LANES))

    def run(self) -> list[Store]:
        """Execute from the first block to s_endpgm; return the stores."""
        position = {block.number: index for index, block in enumerate(self.function.blocks)}
        block = index = 0
        for _ in range(_STEPS):
            rows = self.function.blocks[block].instructions
            if index == len(rows):
                block, index = block + 1, 0
                continue
            made = rows[index]
            if made.operation == "s_endpgm":
                return self.stores
            index += 1
            target = self._branch(made)
            if target is not None:
                block, index = position[target], 0
            elif not isinstance(made.operands[-1], BlockTarget):
                self._execute(made)
        raise AssertionError("the program does not end")

    def _key(self, operand: MachineOperand, dword: int) -> object:
        match operand:
            case VirtualRegister():
                return (operand, dword)
            case Part(of, first):
                return (of, first + dword)
            case Register(file, first):
                return (file.value, first + dword)
            case _:
                raise AssertionError(f"{operand} is no register")

    def _is_vector(self, operand: MachineOperand) -> bool:
        match operand:
            case VirtualRegister() | Register():
                return operand.file is RegisterFile.VECTOR
            case Part(of):
                return of.file is RegisterFile.VECTOR
            case _:
                return False

    def _lanes(self, operand: MachineOperand, dword: int = 0) -> list[int]:
        """Return the contents, a number a lane, of which a scalar has one."""
        key = self._key(operand, dword)
        found = self.registers.get(key)
        if found is None:
            size = LANES if self._is_vector(operand) else 1
            seed = self.noise + len(self.registers) * 7919
            found = [(seed * (lane + 3) * 2654435761) & _MASK for lane in range(size)]
            self.registers[key] = found
        return found

    def _read(self, operand: MachineOperand, lane: int, dword: int = 0) -> int:
        match operand:
            case Inline(number):
                assert isinstance(number, int)
                return number & _MASK if dword == 0 else (_MASK if number < 0 else 0)
            case Literal(bits):
                return bits if dword == 0 else (_MASK if bits >> 31 else 0)
            case _:
                found = self._lanes(operand, dword)
                return found[lane] if len(found) > 1 else found[0]

    def _write(self, operand: MachineOperand, lane: int, number: int, dword: int = 0) -> None:
        if operand == NULL:
            return
        found = self._lanes(operand, dword)
        found[lane if len(found) > 1 else 0] = number & _MASK

    def _active(self) -> list[int]:
        mask = self.registers[self._key(EXEC, 0)][0]
        return [lane for lane in range(LANES) if mask >> lane & 1]

    def _branch(self, made: MachineInstruction) -> int | None:
        if not made.operands or not isinstance(made.operands[-1], BlockTarget):
            return None
        conditions = {
            "s_branch": True,
            "s_cbranch_execz": not self._read(EXEC, 0),
            "s_cbranch_execnz": bool(self._read(EXEC, 0)),
            "s_cbranch_scc0": not self._read(SCC, 0) & 1,
            "s_cbranch_scc1": bool(self._read(SCC, 0) & 1),
        }
        taken = conditions[str(made.operation)]
        return made.operands[-1].number if taken else None

    def _execute(self, made: MachineInstruction) -> None:
        operation = made.operation
        if isinstance(operation, Pseudo):
            self._pseudo(made)
        elif operation.startswith("scratch_"):
            self._private(made)
        elif operation.startswith("s_"):
            self._scalar(
                operation.removesuffix("_b32").removesuffix("_u32").removesuffix("_i32")[2:], made
            )
        elif operation == "global_store_b32":
            address = self._read(made.operands[2], 0)
            pairs = [(lane, self._read(made.operands[1], lane)) for lane in self._active()]
            self.stores.append((address, tuple(pairs)))
        else:
            self._vector(operation, made)

    def _pseudo(self, made: MachineInstruction) -> None:
        if made.operation in (Pseudo.UNDEFINED, Pseudo.DRAIN):
            return
        values = []
        active = self._active()
        for target, source in copies_of(made):
            count = target.count if not isinstance(target, int) else 1  # type: ignore[union-attr]
            lanes = active if self._is_vector(target) else active[:1]
            for dword in range(count):
                rows = [(lane, self._read(source, lane, dword)) for lane in lanes]
                values.append((target, dword, rows))
        for target, dword, rows in values:
            for lane, number in rows:
                self._write(target, lane, number, dword)
        if not active:
            self._scalar_copies_without_lanes(made)

    def _scalar_copies_without_lanes(self, made: MachineInstruction) -> None:
        values = []
        for target, source in copies_of(made):
            if not self._is_vector(target) and not self._is_vector(source):
                for dword in range(target.count):  # type: ignore[union-attr]
                    values.append((target, dword, self._read(source, 0, dword)))
        for target, dword, number in values:
            self._write(target, 0, number, dword)

    def _private(self, made: MachineInstruction) -> None:
        stores = made.access[0] is Access.READ
        data, address = (made.operands[1], 0) if stores else (made.operands[0], 0)
        slot = made.operands[2]
        offset = made.modifiers.get("offset", 0)
        if isinstance(slot, FrameSlot):
            offset += slot.number * 4096 + slot.offset_bytes
        elif slot != NULL:
            offset += self._read(slot, 0)
        count = int(str(made.operation).rpartition("_b")[2]) // 32
        for lane in self._active():
            for dword in range(count):
                place = (lane, offset + address + 4 * dword)
                if stores:
                    self.scratch[place] = self._read(data, lane, dword)
                else:
                    self._write(data, lane, self.scratch.get(place, 0xDEAD), dword)

    def _scalar(self, name: str, made: MachineInstruction) -> None:
        if name == "mov_b64":
            numbers = [self._read(made.operands[1], 0, dword) for dword in range(2)]
            for dword, number in enumerate(numbers):
                self._write(made.operands[0], 0, number, dword)
            return
        if name in ("cmp_lg", "cmp_eq"):
            same = self._read(made.operands[0], 0) == self._read(made.operands[1], 0)
            self._write(SCC, 0, int(same == (name == "cmp_eq")))
            return
        if name == "mov":
            self._write(made.operands[0], 0, self._read(made.operands[1], 0))
            return
        if name == "and_saveexec":
            old, mask = self._read(EXEC, 0), self._read(made.operands[1], 0)
            self._write(made.operands[0], 0, old)
            self._write(EXEC, 0, old & mask)
        else:
            left, right = self._read(made.operands[1], 0), self._read(made.operands[2], 0)
            number = left & ~right if name == "and_not1" else _BINARY[name](left, right)
            self._write(made.operands[0], 0, number)
        self._write(SCC, 0, 1)

    def _load(self, made: MachineInstruction) -> None:
        """What is loaded depends on the address alone."""
        offset = made.modifiers.get("offset", 0)
        results = {
            lane: [
                (self._read(made.operands[1], lane) * 40503 + 4 * dword + offset) * 2654435761
                for dword in range(made.operands[0].count)  # type: ignore[union-attr]
            ]
            for lane in self._active()
        }
        for lane, numbers in results.items():
            for dword, number in enumerate(numbers):
                self._write(made.operands[0], lane, number, dword)

    def _pair(self, made: MachineInstruction) -> None:
        """Both halves read before either writes."""
        rest = list(made.operands)
        results: list[tuple[MachineOperand, int, int]] = []
        for half in str(made.operation).split(" :: "):
            name = half.replace("v_dual_", "v_")
            count = 2 if name == "v_mov_b32" else 3
            operands, rest = rest[:count], rest[count:]
            if name == "v_cndmask_b32":
                operands.append(VCC)
            for lane in self._active():
                results.append((operands[0], lane, self._lane(name, operands, lane)[0]))
        for target, lane, number in results:
            self._write(target, lane, number)

    def _vector(self, operation: str, made: MachineInstruction) -> None:
        operands = made.operands
        if operation.startswith("global_load"):
            self._load(made)
            return
        if " :: " in operation:
            self._pair(made)
            return
        if operation == "v_readlane_b32":
            self._write(operands[0], 0, self._lanes(operands[1])[self._read(operands[2], 0)])
            return
        if operation == "v_writelane_b32":
            self._lanes(operands[0])[self._read(operands[2], 0)] = self._read(operands[1], 0)
            return
        active = self._active()
        if operation == "v_readfirstlane_b32":
            self._write(operands[0], 0, self._read(operands[1], active[0] if active else 0))
            return
        if operation == "v_cmp_gt_u32":
            mask = 0
            for lane in active:
                bit = self._read(operands[1], lane) > self._read(operands[2], lane)
                mask |= bit << lane
            self._write(operands[0], 0, mask)
            return
        results = {lane: self._lane(operation, operands, lane) for lane in active}
        for lane, numbers in results.items():
            for target, number in zip(operands, numbers, strict=False):
                self._write(target, lane, number)

    def _lane(self, operation: str, operands: list[MachineOperand], lane: int) -> list[int]:
        if operation == "v_lshlrev_b32":
            return [self._read(operands[2], lane) << (self._read(operands[1], lane) & 31)]
        if operation == "v_mov_b32":
            return [self._read(operands[1], lane)]
        if operation == "v_swap_b32":
            return [self._read(operands[1], lane), self._read(operands[0], lane)]
        if operation == "v_cndmask_b32":
            mask = self._read(operands[3], 0) >> lane & 1
            return [self._read(operands[2 if mask else 1], lane)]
        name = operation.removesuffix("_u32").removesuffix("_b32")[2:]
        left, right = self._read(operands[1], lane), self._read(operands[2], lane)
        return [_BINARY[name](left, right)]


assert VCC.count == 1
