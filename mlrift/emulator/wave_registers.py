"""The registers of a wave as one chunk of code sees them.

A register is loaded from the wave's state at its first use, then lives in an LLVM value, and is
written back by `flush` at the end of the chunk. Invariant: between chunks the state is complete.
"""

from collections.abc import Callable

from mlrift.backends.amdgcn.isa.registers import EXEC, M0, NULL, VCC
from mlrift.emulator.code import V1, V32, Code
from mlrift.emulator.layout import VGPR_BYTES, WaveOffset

WAVE = "%wave"
CONTEXT = "%context"


class NoSemantics(Exception):
    """An instruction, or a form of one, that the emulator does not execute."""


class UnallocatedRegister(NoSemantics):
    """A register that the wave does not have."""


class WaveRegisters:
    """Scalar registers are i32, vector registers `V32`, SCC i1 and lane masks `V1`."""

    def __init__(self, code: Code, allocated_vectors: int = 256) -> None:
        self.code = code
        self.allocated_vectors = allocated_vectors
        self._scalars: dict[int, str] = {}
        self._vectors: dict[int, str] = {}
        self._scc: str | None = None
        self._dirty_scalars: set[int] = set()
        self._dirty_vectors: set[int] = set()
        self._is_scc_dirty = False
        self._masks: dict[str, str] = {}
        self.before_leaving: list[Callable[[], None]] = []
        """What else has to be written back at the end of the chunk."""

    def scalar(self, number: int) -> str:
        """Return a scalar register; NULL reads as 0."""
        if number == NULL.first:
            return "0"
        found = self._scalars.get(number)
        if found is None:
            pointer = self.code.address(WAVE, WaveOffset.SGPR + 4 * number)
            found = self._scalars[number] = self.code.load("i32", pointer)
        return found

    def set_scalar(self, number: int, value: str) -> None:
        """Write a scalar register; a write to NULL is lost."""
        if number != NULL.first:
            self._scalars[number] = value
            self._dirty_scalars.add(number)

    def scalar_pair(self, number: int) -> str:
        """Return two scalar registers as an i64."""
        code = self.code
        low = code.convert("zext", "i32", self.scalar(number), "i64")
        if number == NULL.first:
            return low
        high = code.convert("zext", "i32", self.scalar(number + 1), "i64")
        return code.binary("or", "i64", low, code.binary("shl", "i64", high, "32"))

    def set_scalar_pair(self, number: int, value: str) -> None:
        """Write two scalar registers from an i64."""
        if number == NULL.first:
            return
        code = self.code
        self.set_scalar(number, code.convert("trunc", "i64", value, "i32"))
        high = code.binary("lshr", "i64", value, "32")
        self.set_scalar(number + 1, code.convert("trunc", "i64", high, "i32"))

    def vector(self, number: int) -> str:
        """Return a vector register."""
        self._check(number)
        found = self._vectors.get(number)
        if found is None:
            pointer = self.code.address(WAVE, WaveOffset.VGPR + VGPR_BYTES * number)
            found = self._vectors[number] = self.code.load(V32, pointer, 64)
        return found

    def set_vector(self, number: int, value: str) -> None:
        """Write all lanes of a vector register."""
        self._check(number)
        self._vectors[number] = value
        self._dirty_vectors.add(number)

    def _check(self, number: int) -> None:
        if number >= self.allocated_vectors:
            raise UnallocatedRegister(
                f"v{number} is used, but the kernel's descriptor allocates {self.allocated_vectors}"
                " vector registers"
            )

    def set_active(self, number: int, value: str, mask: str | None = None) -> None:
        """Write the active lanes of a vector register (or those of another mask)."""
        old = self.vector(number)
        chosen = self.exec_mask() if mask is None else mask
        self.set_vector(number, self.code.select(chosen, V32, value, old))

    @property
    def scc(self) -> str:
        """The condition code, an i1."""
        if self._scc is None:
            word = self.code.load("i32", self.code.address(WAVE, WaveOffset.SCC))
            self._scc = self.code.binary("icmp ne", "i32", word, "0")
        return self._scc

    def set_scc(self, value: str) -> None:
        """Write the condition code from an i1."""
        self._scc = value
        self._is_scc_dirty = True

    @property
    def exec_name(self) -> str | None:
        """The LLVM value that EXEC is now, None if nothing has read or written it."""
        return self._scalars.get(EXEC.first)

    @property
    def exec(self) -> str:
        """EXEC, an i32."""
        return self.scalar(EXEC.first)

    @property
    def vcc(self) -> str:
        """VCC, an i32."""
        return self.scalar(VCC.first)

    def exec_mask(self) -> str:
        """Return the active lanes."""
        return self.mask(self.exec)

    def mask(self, word: str) -> str:
        """Return the bits of an i32 as a lane mask."""
        found = self._masks.get(word)
        if found is None:
            found = self._masks[word] = self.code.convert("bitcast", "i32", word, V1)
        return found

    @property
    def m0(self) -> str:
        """M0, an i32."""
        return self.scalar(M0.first)

    def _indexed(self, base: int, register: int, size_bytes: int) -> str:
        """Return the address of a register M0 after another; all registers are written back."""
        self.flush()
        code = self.code
        number = code.binary("add", "i32", self.m0, str(register))
        inside = code.binary("and", "i32", number, "255" if size_bytes > 4 else "127")
        place = code.binary("mul", "i32", inside, str(size_bytes))
        start = code.address(WAVE, base)
        return code.address(start, code.convert("zext", "i32", place, "i64"))

    def indexed_vector(self, register: int) -> str:
        """Return the vector register M0 after another."""
        return self.code.load(V32, self._indexed(WaveOffset.VGPR, register, VGPR_BYTES), 64)

    def set_indexed_vector(self, register: int, value: str) -> None:
        """Write the active lanes of the vector register M0 after another."""
        code = self.code
        place = self._indexed(WaveOffset.VGPR, register, VGPR_BYTES)
        old = code.load(V32, place, 64)
        code.store(V32, code.select(self.exec_mask(), V32, value, old), place, 64)
        self._vectors.clear()

    def indexed_scalar(self, register: int, bits: int) -> str:
        """Return the scalar register (or pair) M0 after another."""
        return self.code.load(f"i{bits}", self._indexed(WaveOffset.SGPR, register, 4))

    def set_indexed_scalar(self, register: int, value: str, bits: int) -> None:
        """Write the scalar register (or pair) M0 after another."""
        self.code.store(f"i{bits}", value, self._indexed(WaveOffset.SGPR, register, 4))
        self._scalars.clear()

    def flush(self) -> None:
        """Write everything that changed back to the wave's state."""
        code = self.code
        for write_back in self.before_leaving:
            write_back()
        for number in sorted(self._dirty_scalars):
            pointer = code.address(WAVE, WaveOffset.SGPR + 4 * number)
            code.store("i32", self._scalars[number], pointer)
        for number in sorted(self._dirty_vectors):
            pointer = code.address(WAVE, WaveOffset.VGPR + VGPR_BYTES * number)
            code.store(V32, self._vectors[number], pointer, 64)
        if self._is_scc_dirty and self._scc is not None:
            word = code.convert("zext", "i1", self._scc, "i32")
            code.store("i32", word, code.address(WAVE, WaveOffset.SCC))
        self._dirty_scalars.clear()
        self._dirty_vectors.clear()
        self._is_scc_dirty = False
