"""Random programs that reach the same bytes by many kinds of address arithmetic.

With optimisation LLVM may assume things about pointers that we derive from words; without, hardly
anything. Both must print the same words as a model in Python.
"""

import random
import struct
from collections.abc import Callable

import pytest

from mlrift.backends.llvm.options import CodegenOptions, OptimisationLevel
from mlrift.ir.core import Block, BlockParameter, Global, Linkage, Module, Successor, Value
from mlrift.ir.ops import arith, call, compare, control, memory
from mlrift.targets import X86_64
from mlrift.typesystem import I64
from tests.unit.llvm.machine_code import can_run, new_function, new_start, run_module
from tests.unit.llvm.machine_code import write_and_return as finish

OBJECT_BYTES = 64
STEPS = 60
PROGRAMS = 24


class Generator:
    """Builds one program and knows what it writes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.module = Module(f"fuzz{seed}")
        self.add_helpers()
        self.builder = new_start(self.module)
        self.bases: list[Value] = []
        self.contents: list[bytearray] = []
        self.results: list[int] = []
        self.words: list[Value] = []

    def add_helpers(self) -> None:
        """Functions that LLVM will inline, with the operands of the sum both ways round."""
        for name, order in (("sum_a", (0, 1)), ("sum_b", (1, 0))):
            inner = new_function(self.module, name, (I64, I64), (I64,), Linkage.INTERNAL)
            lhs, rhs = [inner.function.parameters[index] for index in order]
            address = inner.emit(arith.Add(lhs, rhs))
            inner.emit(control.Return([inner.emit(memory.Load(address, I64))]))
        fresh = new_function(self.module, "core.memory_fresh", (I64,), (I64,), Linkage.INTERNAL)
        fresh.emit(control.Return([fresh.call_external("os.map", [fresh.function.parameters[0]])]))

    def opaque(self, value: int) -> Value:
        """A word that LLVM does not know."""
        name = f"opaque{len(self.module.globals)}"
        data = struct.pack("<Q", value % 2**64)
        self.module.globals[name] = Global(name, 8, 8, data, Linkage.EXPORTED)
        return self.emit(memory.Load(self.emit(memory.GlobalAddress(name)), I64))

    def emit(self, made: Value) -> Value:
        """Append an op."""
        return self.builder.emit(made)  # type: ignore[type-var]  # ops only

    def word(self, value: int) -> Value:
        """A constant."""
        return self.builder.word(value)

    def add_objects(self) -> None:
        """Two of each kind of storage, zeroed."""
        for index in range(2):
            name = f"storage{index}"
            self.module.globals[name] = Global(name, OBJECT_BYTES, 8)
            self.bases += [
                self.emit(memory.Stack(OBJECT_BYTES, 8)),
                self.emit(memory.GlobalAddress(name)),
                self.emit(memory.Fresh(OBJECT_BYTES)),
            ]
        for base in self.bases:
            self.emit(memory.Fill(base, self.word(0), self.word(OBJECT_BYTES)))
            self.contents.append(bytearray(OBJECT_BYTES))

    def address(self, base: Value, offset: int) -> Value:
        """Compute `base + offset` in one of many ways."""
        ways: list[Callable[[Value, int], Value]] = [
            lambda b, k: self.emit(arith.Add(b, self.word(k))),
            lambda b, k: self.emit(arith.Add(self.word(k), b)),
            lambda b, k: self.emit(arith.Add(b, self.opaque(k))),
            lambda b, k: self.emit(arith.Add(self.opaque(k), b)),
            lambda b, k: self.emit(arith.Sub(self.address(b, k + 8), self.word(8))),
            lambda b, k: self.emit(arith.Add(self.address(b, k - 16), self.word(16))),
            lambda b, k: self.emit(arith.Sub(b, self.opaque(-k))),
            self.by_product,
            self.by_memory,
            self.by_masks,
            self.by_loop,
            self.by_choice,
        ]
        if abs(offset) > 4 * OBJECT_BYTES:
            ways = ways[:4]
        return self.random.choice(ways)(base, offset)

    def by_product(self, base: Value, offset: int) -> Value:
        scaled = self.emit(arith.Mul(self.opaque(offset // 8), self.word(8)))
        rest = self.emit(arith.Add(scaled, base))
        return self.emit(arith.Add(rest, self.word(offset % 8)))

    def by_memory(self, base: Value, offset: int) -> Value:
        cell = self.emit(memory.Stack(8, 8))
        self.emit(memory.Store(cell, base, I64))
        return self.emit(arith.Add(self.emit(memory.Load(cell, I64)), self.word(offset)))

    def by_masks(self, base: Value, offset: int) -> Value:
        mask = self.opaque(self.random.getrandbits(64))
        hidden = self.emit(arith.Xor(base, mask))
        return self.address(self.emit(arith.Xor(hidden, mask)), offset)

    def by_choice(self, base: Value, offset: int) -> Value:
        truth = self.random.randrange(2)
        condition = self.builder.truth(self.opaque(truth))
        right = self.address(base, offset)
        wrong = self.emit(arith.Add(self.bases[0], self.word(8)))
        pair = (right, wrong) if truth else (wrong, right)
        return self.emit(arith.Select(condition, *pair))

    def by_loop(self, base: Value, offset: int) -> Value:
        """Move a pointer eight bytes a turn, and count down beside it."""
        cursor, left = BlockParameter(I64, "cursor"), BlockParameter(I64, "left")
        turns = self.random.randrange(4)
        head = Block("head", [cursor, left])
        body, after = self.builder.new_block("body"), self.builder.new_block("after")
        self.builder.function.blocks.append(head)
        start = self.address(base, offset - 8 * turns)
        self.builder.emit(control.Jump(Successor(head, [start, self.opaque(turns)])))
        self.builder.block = head
        is_more = compare.CompareInteger(compare.IntegerPredicate.NE, left, self.word(0))
        branch = control.Branch(self.emit(is_more), Successor(body), Successor(after))
        self.builder.emit(branch)
        self.builder.block = body
        moved = self.emit(arith.Add(cursor, self.word(8)))
        fewer = self.emit(arith.Sub(left, self.word(1)))
        self.builder.emit(control.Jump(Successor(head, [moved, fewer])))
        self.builder.block = after
        return cursor

    def step(self) -> None:
        """Store or load a word of a random object."""
        index = self.random.randrange(len(self.bases))
        offset = self.random.randrange(OBJECT_BYTES - 7)
        base, content = self.bases[index], self.contents[index]
        if self.random.random() < 0.55:
            value = self.random.getrandbits(64)
            self.emit(memory.Store(self.address(base, offset), self.opaque(value), I64))
            content[offset : offset + 8] = struct.pack("<Q", value)
            return
        if self.random.random() < 0.3:
            name = self.random.choice(("sum_a", "sum_b"))
            known = self.word(offset) if self.random.random() < 0.5 else self.opaque(offset)
            self.words.append(self.emit(call.Call(name, [known, base], (I64,))))
        else:
            self.words.append(self.emit(memory.Load(self.address(base, offset), I64)))
        self.results.append(struct.unpack_from("<Q", content, offset)[0])

    def build(self) -> Module:
        """Return the program."""
        self.add_objects()
        for _ in range(STEPS):
            self.step()
        size = 8 * len(self.words)
        self.module.globals["result"] = Global("result", size, 8)
        address = self.builder.emit(memory.GlobalAddress("result"))
        for index, word in enumerate(self.words):
            place = self.emit(arith.Add(address, self.word(8 * index)))
            self.emit(memory.Store(place, word, I64))
        finish(self.builder, address, self.builder.word(size))
        return self.module


@pytest.mark.skipif(not can_run(X86_64), reason="needs an x86_64 machine")
@pytest.mark.parametrize("seed", range(PROGRAMS))
@pytest.mark.parametrize("level", OptimisationLevel, ids=lambda row: row.value)
def test_addresses_reach_what_they_name(seed: int, level: OptimisationLevel) -> None:
    generator = Generator(seed)
    outcome = run_module(generator.build(), X86_64, CodegenOptions(level=level))
    assert outcome.status == 0
    found = list(struct.unpack(f"<{len(outcome.stdout) // 8}Q", outcome.stdout))
    assert found == generator.results
