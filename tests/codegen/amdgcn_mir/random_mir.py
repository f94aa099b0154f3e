"""Random machine IR: nested divergent and uniform control flow, variables, tuples, many registers.

What selection makes: EXEC masks, a copy into a variable at the end of each side, tuples from parts.
"""

from random import Random

from mlrift.backends.amdgcn.isa.instruction import Access, Inline, Literal
from mlrift.backends.amdgcn.isa.registers import EXEC, NULL, RegisterFile, vgpr
from mlrift.backends.amdgcn.mir import (
    BlockTarget,
    MachineBlock,
    MachineFunction,
    MachineInstruction,
    MachineOperand,
    MemoryAccess,
    Part,
    Pseudo,
    VirtualRegister,
)

_READ, _WRITE, _BOTH = Access.READ, Access.WRITE, Access.BOTH
_VECTOR_OPERATIONS = ("v_add_nc_u32", "v_xor_b32", "v_mul_lo_u32", "v_and_b32", "v_lshlrev_b32")
_SCALAR_OPERATIONS = ("s_add_u32", "s_xor_b32", "s_mul_i32", "s_and_b32")


class Generator:
    """Builds one function."""

    def __init__(self, seed: int, size: int) -> None:
        self.random = Random(seed)
        self.function = MachineFunction(f"random{seed}")
        self.budget = size
        self.block = self._new_block(0)
        self.vectors: list[VirtualRegister] = []
        self.scalars: list[VirtualRegister] = []
        self.variables: list[VirtualRegister] = []
        self.scalar_variables: list[VirtualRegister] = []
        self.base = self.function.new_register(RegisterFile.SCALAR, 2)
        self.depth = 0
        self.divergence = 0

    def build(self) -> MachineFunction:
        """Return the function."""
        lane = self._new(RegisterFile.VECTOR)
        self.function.arrives.append((lane, vgpr(0)))
        self._emit(Pseudo.COPY, [lane, vgpr(0)], _WRITE, _READ)
        self.vectors.append(lane)
        for number in range(self.random.randint(2, 6)):
            variable = self._new(RegisterFile.VECTOR)
            self._emit("v_mul_lo_u32", [variable, lane, Inline(number + 3)], _WRITE, _READ, _READ)
            self.variables.append(variable)
        for number in range(self.random.randint(2, 5)):
            variable = self._new(RegisterFile.SCALAR)
            self._emit(Pseudo.COPY, [variable, Literal(77 * number + 100)], _WRITE, _READ)
            self.scalar_variables.append(variable)
        self._emit(Pseudo.COPY, [self.base, Inline(16)], _WRITE, _READ)
        self._statements(12)
        for variable in (*self.variables, *self.vectors[:3]):
            self._store(variable)
        for variable in self.scalar_variables:
            copy = self._new(RegisterFile.VECTOR)
            self._emit(Pseudo.COPY, [copy, variable], _WRITE, _READ)
            self._store(copy)
        self._emit("s_endpgm", [0], _READ)
        return self.function

    def _new_block(self, depth: int) -> MachineBlock:
        block = MachineBlock(len(self.function.blocks), [], [], depth)
        self.function.blocks.append(block)
        return block

    def _new(self, file: RegisterFile, count: int = 1) -> VirtualRegister:
        return self.function.new_register(file, count)

    def _emit(
        self, operation: str | Pseudo, operands: list[MachineOperand], *access: Access
    ) -> MachineInstruction:
        made = MachineInstruction(operation, operands, access)
        self.block.instructions.append(made)
        return made

    def _store(self, data: MachineOperand) -> None:
        made = self._emit("global_store_b32", [self.vectors[0], data, self.base], *[_READ] * 3)
        made.memory = MemoryAccess("global", 4)

    def _statements(self, most: int) -> None:
        for _ in range(self.random.randint(2, most)):
            if self.budget <= 0:
                return
            self.budget -= 1
            kind = self.random.random()
            if kind < 0.12 and self.depth < 4:
                self._divergent_if()
            elif kind < 0.2 and self.depth < 3:
                self._divergent_loop()
            elif kind < 0.27 and self.depth < 3:
                self._uniform_loop()
            else:
                self._simple()

    def _simple(self) -> None:
        self.random.choice(
            [
                self._vector_operation,
                self._vector_operation,
                self._vector_operation,
                self._scalar_operation,
                self._assign,
                self._rotate,
                self._tuple,
                self._select,
                self._store_something,
                self._load_something,
                self._literal,
            ]
        )()

    def _vector(self) -> MachineOperand:
        pool = [*self.vectors[-40:], *self.variables]
        return self.random.choice(pool)

    def _scalar(self) -> MachineOperand:
        return self.random.choice([*self.scalars[-20:], *self.scalar_variables])

    def _vector_operation(self) -> None:
        target = self._new(RegisterFile.VECTOR)
        left = self.random.choice([self._vector(), self._scalar()])
        operation = self.random.choice(_VECTOR_OPERATIONS)
        self._emit(operation, [target, left, self._vector()], _WRITE, _READ, _READ)
        self.vectors.append(target)

    def _scalar_operation(self) -> None:
        target = self._new(RegisterFile.SCALAR)
        operation = self.random.choice(_SCALAR_OPERATIONS)
        self._emit(operation, [target, self._scalar(), self._scalar()], _WRITE, _READ, _READ)
        self.scalars.append(target)

    def _kept(self) -> Access:
        return _BOTH if self.divergence else _WRITE

    def _assign(self) -> None:
        if self.random.random() < 0.3:
            target = self.random.choice(self.scalar_variables)
            self._emit(Pseudo.COPY, [target, self._scalar()], _WRITE, _READ)
            return
        target = self.random.choice(self.variables)
        source = self.random.choice([self._vector(), self._scalar(), Inline(5)])
        self._emit(Pseudo.COPY, [target, source], self._kept(), _READ)

    def _rotate(self) -> None:
        pool = self.variables if self.random.random() < 0.6 else self.scalar_variables
        count = self.random.randint(2, len(pool))
        targets = self.random.sample(pool, count)
        sources: list[MachineOperand] = list(self.random.sample(pool, count))
        operands = [row for pair in zip(targets, sources, strict=True) for row in pair]
        kept = self._kept() if pool is self.variables else _WRITE
        self._emit(Pseudo.PARALLEL_COPY, operands, *[kept, _READ] * count)

    def _tuple(self) -> None:
        if self.random.random() < 0.6:
            count = self.random.choice([2, 2, 3, 4])
            parts = [self._vector() for _ in range(count)]
            whole = self._new(RegisterFile.VECTOR, count)
            file_pool = self.vectors
        else:
            count = self.random.choice([2, 4])
            parts = [self._scalar() for _ in range(count)]
            whole = self._new(RegisterFile.SCALAR, count)
            file_pool = self.scalars
        self._emit(Pseudo.ASSEMBLE, [whole, *parts], _WRITE, *[_READ] * count)
        for dword in self.random.sample(range(count), min(2, count)):
            target = self._new(whole.file)
            self._emit(Pseudo.COPY, [target, Part(whole, dword)], _WRITE, _READ)
            file_pool.append(target)

    def _select(self) -> None:
        mask = self._compare()
        target = self._new(RegisterFile.VECTOR)
        operands: list[MachineOperand] = [target, self._vector(), self._vector(), mask]
        self._emit("v_cndmask_b32", operands, _WRITE, _READ, _READ, _READ)
        self.vectors.append(target)

    def _compare(self) -> VirtualRegister:
        mask = self._new(RegisterFile.SCALAR)
        operands: list[MachineOperand] = [mask, self._vector(), self._vector()]
        self._emit("v_cmp_gt_u32", operands, _WRITE, _READ, _READ)
        return mask

    def _store_something(self) -> None:
        self._store(self._vector())

    def _literal(self) -> None:
        constant, target = self._new(RegisterFile.SCALAR), self._new(RegisterFile.VECTOR)
        literal = Literal(self.random.choice([0x76543210, 0xFEDCBA98, 1000]))
        self._emit("s_mov_b32", [constant, literal], _WRITE, _READ)
        self._emit("v_xor_b32", [target, constant, self._vector()], _WRITE, _READ, _READ)
        self.vectors.append(target)

    def _load_something(self) -> None:
        count = self.random.choice([1, 1, 1, 2, 4])
        target = self._new(RegisterFile.VECTOR, count)
        operands: list[MachineOperand] = [target, self._vector(), self.base]
        made = self._emit(f"global_load_b{32 * count}", operands, _WRITE, _READ, _READ)
        made.memory = MemoryAccess("global", 4 * count, self.random.choice([-1, 0]))
        made.modifiers["offset"] = 4 * self.random.randint(0, 3)
        copy = self._new(RegisterFile.VECTOR)
        part = Part(target, self.random.randrange(count))
        self._emit(Pseudo.COPY, [copy, part], _WRITE, _READ)
        self.vectors.append(copy)

    def _scoped(self, most: int) -> None:
        """Statements whose registers nobody uses later."""
        counts = len(self.vectors), len(self.scalars)
        self._statements(most)
        del self.vectors[counts[0] :]
        del self.scalars[counts[1] :]

    def _next_block(self, depth: int) -> MachineBlock:
        block = self._new_block(depth)
        self.block.successors.append(block.number)
        self.block = block
        return block

    def _divergent_if(self) -> None:
        self.depth += 1
        self.divergence += 1
        loop_depth = self.block.loop_depth
        mask, saved = self._compare(), self._new(RegisterFile.SCALAR)
        self._emit("s_and_saveexec_b32", [saved, mask], _WRITE, _READ)
        branch = self._emit("s_cbranch_execz", [0], _READ)
        before = self.block
        self._next_block(loop_depth)
        self._scoped(5)
        middle = self._next_block(loop_depth)
        branch.operands[0] = BlockTarget(middle.number)
        before.successors.append(middle.number)
        self._emit("s_and_not1_b32", [EXEC, saved, mask], _WRITE, _READ, _READ)
        branch = self._emit("s_cbranch_execz", [0], _READ)
        self._next_block(loop_depth)
        self._scoped(4)
        end = self._next_block(loop_depth)
        branch.operands[0] = BlockTarget(end.number)
        middle.successors.append(end.number)
        self._emit("s_mov_b32", [EXEC, saved], _WRITE, _READ)
        self.depth -= 1
        self.divergence -= 1

    def _divergent_loop(self) -> None:
        """Lane i goes round (i & 3) + 1 times; a register of the body is read behind the loop."""
        self.depth += 1
        loop_depth = self.block.loop_depth
        saved, left = self._new(RegisterFile.SCALAR), self._new(RegisterFile.VECTOR)
        self._emit("s_mov_b32", [saved, EXEC], _WRITE, _READ)
        self._emit("v_and_b32", [left, Inline(3), self.vectors[0]], _WRITE, _READ, _READ)
        inside = self._new(RegisterFile.VECTOR)
        self._emit(Pseudo.UNDEFINED, [inside], _WRITE)
        carried = self._carried()
        head = self._next_block(loop_depth + 1)
        self.divergence += 1
        self._scoped(5)
        self._emit("v_add_nc_u32", [inside, carried, self._vector()], _WRITE, _READ, _READ)
        mask = self._new(RegisterFile.SCALAR)
        self._emit("v_cmp_gt_u32", [mask, left, Inline(0)], _WRITE, _READ, _READ)
        self._emit("v_add_nc_u32", [left, Inline(-1), left], _BOTH, _READ, _READ)
        self._emit("s_and_b32", [EXEC, EXEC, mask], _WRITE, _READ, _READ)
        if self.random.random() < 0.5:
            self._emit(Pseudo.COPY, [carried, inside], _WRITE, _READ)
            self._emit("s_cbranch_execnz", [BlockTarget(head.number)], _READ)
            latch = self.block
            self._next_block(loop_depth)
            latch.successors.append(head.number)
            wanted = inside
        else:
            self._latch(head, loop_depth, carried, inside)
            wanted = carried
        self.divergence -= 1
        self._emit("s_mov_b32", [EXEC, saved], _WRITE, _READ)
        self.vectors += [inside, wanted]
        self.depth -= 1

    def _carried(self) -> VirtualRegister:
        """A variable of a loop: what it holds in each round comes from the round before."""
        carried = self._new(RegisterFile.VECTOR)
        self._emit(Pseudo.COPY, [carried, self._vector()], _WRITE, _READ)
        return carried

    def _latch(
        self,
        head: MachineBlock,
        loop_depth: int,
        carried: VirtualRegister,
        following: VirtualRegister,
    ) -> None:
        """Leave the loop in front of its last block."""
        branch = self._emit("s_cbranch_execz", [0], _READ)
        leaving = self.block
        latch = self._next_block(loop_depth + 1)
        self._assign()
        self._emit(Pseudo.COPY, [carried, following], _WRITE, _READ)
        self._assign()
        self._emit("s_branch", [BlockTarget(head.number)], _READ)
        exit_block = self._next_block(loop_depth)
        latch.successors = [head.number]
        leaving.successors.append(exit_block.number)
        branch.operands[0] = BlockTarget(exit_block.number)

    def _uniform_loop(self) -> None:
        self.depth += 1
        loop_depth = self.block.loop_depth
        counter = self._new(RegisterFile.SCALAR)
        self._emit(Pseudo.COPY, [counter, Inline(self.random.randint(1, 3))], _WRITE, _READ)
        carried = self._carried()
        head = self._next_block(loop_depth + 1)
        following = self._new(RegisterFile.VECTOR)
        self._scoped(3)
        self._emit("v_add_nc_u32", [following, carried, self._vector()], _WRITE, _READ, _READ)
        self._emit(Pseudo.COPY, [carried, following], _WRITE, _READ)
        self.vectors.append(following)
        self._scoped(3)
        lower = self._new(RegisterFile.SCALAR)
        self._emit("s_add_u32", [lower, counter, Inline(-1)], _WRITE, _READ, _READ)
        self._emit("s_cmp_lg_u32", [lower, Inline(0)], _READ, _READ)
        self._emit(Pseudo.COPY, [counter, lower], _WRITE, _READ)
        self._emit("s_cbranch_scc1", [BlockTarget(head.number)], _READ)
        latch = self.block
        self._next_block(loop_depth)
        latch.successors.append(head.number)
        self.depth -= 1


assert NULL.count == 1
