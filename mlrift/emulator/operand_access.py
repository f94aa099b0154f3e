"""One instruction being translated: its operands as LLVM values, with their modifiers applied.

The semantics of an operation reads sources and writes results through a `Step` and never looks at
encodings. Sources are numbered in the row's order with accumulators last, so `v_fmac` and `v_fma`
look alike. Invariant: all sources are read before a result is written.
"""

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa.instruction import (
    Access,
    Immediate,
    Inline,
    Instruction,
    Literal,
    Operand,
    OperandKind,
    OperandSpec,
)
from mlrift.backends.amdgcn.isa.registers import EXEC, VCC, Register, RegisterFile
from mlrift.emulator import floats
from mlrift.emulator.code import V1, V16, V32, V64, Code, splat, vector
from mlrift.emulator.elements import KINDS, Kind, constant_bits, signed
from mlrift.emulator.float_mode import FloatMode
from mlrift.emulator.special_sources import special_source
from mlrift.emulator.wave_registers import NoSemantics, WaveRegisters
from mlrift.static_types import assert_never
from mlrift.values import replace


class OperandAccess:
    """An instruction and the registers around it: sources to LLVM values, values to results."""

    def __init__(
        self,
        instruction: Instruction,
        registers: WaveRegisters,
        generation: Generation,
        mode: FloatMode,
    ) -> None:
        self.instruction = instruction
        self.row = instruction.row
        self.registers = registers
        self.code: Code = registers.code
        self.generation = generation
        self.mode = mode
        pairs = [
            (self._resolved(spec), operand)
            for spec, operand in zip(self.row.operands, instruction.operands, strict=True)
        ]
        reads = [pair for pair in pairs if pair[0].access is Access.READ]
        both = [pair for pair in pairs if pair[0].access is Access.BOTH]
        self.read_operands: list[tuple[OperandSpec, Operand]] = reads + both
        self.written_operands: list[tuple[OperandSpec, Operand]] = [
            pair for pair in pairs if pair[0].access is not Access.READ
        ]
        self.write_mask: str | None = None
        """Lanes to write; None for EXEC. DPP narrows it."""
        self.first_source: str | None = None
        """The dwords of source 0 when DPP has replaced them."""
        self.is_scalar_result = False
        """Write lane 0 of a vector result to a scalar register."""

    def _resolved(self, spec: OperandSpec) -> OperandSpec:
        """Return the spec; a literal constant is of the kind of the first operand."""
        if spec.kind is OperandKind.LITERAL:
            return replace(spec, element=self.row.operands[0].element)
        return spec

    # -- sources --

    def element(self, number: int) -> Kind:
        """Return what a source is made of."""
        return KINDS[self.read_operands[number][0].element]

    def kind(self, number: int) -> str:
        """Return the type that `lanes` gives for a source."""
        return vector(self.element(number).name)

    def result_element(self, number: int = 0) -> Kind:
        """Return what a result is made of."""
        return KINDS[self.written_operands[number][0].element]

    def lanes(self, number: int) -> str:
        """Return a source as a vector of its element's type, negated and so on as asked."""
        spec, _ = self.read_operands[number]
        kind = KINDS[spec.element]
        bits = self.lane_bits(number)
        return self._modified(number, kind, bits) if kind.is_float else bits

    def lane_bits(self, number: int) -> str:
        """Return the bits of a source as a vector of integers as wide as its element."""
        spec, operand = self.read_operands[number]
        kind = KINDS[spec.element]
        if kind.bits == 64:
            return self._lanes64(spec, operand)
        word = self.lane_words(number)
        if kind.bits == 32:
            return word
        if self.instruction.modifier("op_sel") >> number & 1:
            word = self.code.binary("lshr", V32, word, splat("i32", 16))
        return self.code.convert("trunc", V32, word, V16)

    def lane_words(self, number: int) -> str:
        """Return the (low) dword of a source a lane."""
        if number == 0 and self.first_source is not None:
            return self.first_source
        spec, operand = self.read_operands[number]
        return self.words_of(spec, operand, 0)

    def words_of(self, spec: OperandSpec, operand: Operand, index: int) -> str:
        """Return the index-th dword of an operand a lane."""
        match operand:
            case Register(RegisterFile.VECTOR, first):
                return self.registers.vector(first + index)
            case Register():
                return self.code.broadcast("i32", self.scalar_register(operand, index))
            case Inline() | Literal():
                bits = constant_bits(operand, spec.element) >> 32 * index & 0xFFFFFFFF
                return splat("i32", signed(bits, 32))
            case Immediate(number):
                return splat("i32", signed(number & 0xFFFFFFFF, 32))
        assert_never(operand)

    def lane_bits_16(self, number: int) -> str:
        """Return the half of a source that `op_sel` picks, whatever its element is."""
        word = self.lane_words(number)
        if self.instruction.modifier("op_sel") >> number & 1:
            word = self.code.binary("lshr", V32, word, splat("i32", 16))
        return self.code.convert("trunc", V32, word, V16)

    def selection(self, name: str) -> int:
        """Return `op_sel` or `op_sel_hi`, one bit a source."""
        return self.instruction.modifier(name)

    def _lanes64(self, spec: OperandSpec, operand: Operand) -> str:
        match operand:
            case Register(RegisterFile.VECTOR, first):
                return self.join64(self.registers.vector(first), self.registers.vector(first + 1))
            case Register():
                return self.code.broadcast("i64", self.scalar_register64(operand))
            case Inline() | Literal():
                return splat("i64", signed(constant_bits(operand, spec.element), 64))
            case Immediate(number):
                return splat("i64", number)
        assert_never(operand)

    def join64(self, low: str, high: str) -> str:
        """Return two vectors of dwords as a vector of i64."""
        code = self.code
        wide_low = code.convert("zext", V32, low, V64)
        wide_high = code.convert("zext", V32, high, V64)
        return code.binary(
            "or", V64, wide_low, code.binary("shl", V64, wide_high, splat("i64", 32))
        )

    def split64(self, whole: str) -> tuple[str, str]:
        """Return the low and high dwords of a vector of i64."""
        code = self.code
        high = code.binary("lshr", V64, whole, splat("i64", 32))
        return code.convert("trunc", V64, whole, V32), code.convert("trunc", V64, high, V32)

    def _modified(self, number: int, kind: Kind, bits: str) -> str:
        code, kind_name = self.code, vector(kind.name)
        found = code.convert("bitcast", vector(kind.integer), bits, kind_name)
        if not self.mode.takes_denormals(kind.bits):
            found = floats.flushed_small(code, kind, found)
        if self.instruction.modifier("abs") >> number & 1:
            found = code.call(kind_name, f"llvm.fabs.v32f{kind.bits}", f"{kind_name} {found}")
        if self.instruction.modifier("neg") >> number & 1:
            found = code.value(f"fneg {kind_name} {found}")
        return found

    # -- scalar sources --

    def scalar(self, number: int) -> str:
        """Return a source as one value (not a vector) of its element's type."""
        spec, operand = self.read_operands[number]
        kind = KINDS[spec.element]
        if kind.bits == 64:
            bits = self._scalar64(spec, operand)
        else:
            bits = self.scalar_word(spec, operand)
            if kind.bits == 16:
                bits = self.code.convert("trunc", "i32", bits, "i16")
        if kind.is_float:
            return self.code.convert("bitcast", kind.integer, bits, kind.name)
        return bits

    def scalar_word(self, spec: OperandSpec, operand: Operand) -> str:
        """Return an operand as an i32; of a vector register, its lane 0 is never meant."""
        match operand:
            case Register(RegisterFile.VECTOR):
                raise NoSemantics(f"{self.row.name}: vector register as a scalar source")
            case Register():
                return self.scalar_register(operand, 0)
            case Inline() | Literal():
                return str(signed(constant_bits(operand, spec.element) & 0xFFFFFFFF, 32))
            case Immediate(number):
                return str(signed(number & 0xFFFFFFFF, 32))
        assert_never(operand)

    def _scalar64(self, spec: OperandSpec, operand: Operand) -> str:
        match operand:
            case Register():
                return self.scalar_register64(operand)
            case Inline() | Literal():
                return str(signed(constant_bits(operand, spec.element), 64))
            case Immediate(number):
                return str(number)
        assert_never(operand)

    def scalar_register(self, register: Register, index: int) -> str:
        """Return the index-th dword of a scalar register, or of what reads like one."""
        if register.file is RegisterFile.CONDITION:
            return self.code.convert("zext", "i1", self.registers.scc, "i32")
        number = register.first + (index if register.count > 1 else 0)
        special = special_source(self.registers, number)
        if special is not None:
            return special
        return self.registers.scalar(number)

    def scalar_register64(self, register: Register) -> str:
        """Return a pair of scalar registers, or a special source, as an i64."""
        is_pair = register.file is RegisterFile.SCALAR and register.count > 1
        if is_pair and register.first < 128:
            return self.registers.scalar_pair(register.first)
        word = self.scalar_register(register, 0)
        wide = self.code.convert("zext", "i32", word, "i64")
        if register.first in (235, 236, 237, 238):
            return self.code.binary("shl", "i64", wide, "32")
        return wide

    # -- results --

    def write(self, result: str, number: int = 0) -> None:
        """Write a vector to a vector register: clamp, scale, and keep what the mask leaves."""
        kind = self.result_element(number)
        if kind.is_float:
            result = self.finished(kind, result)
            result = self.code.convert("bitcast", vector(kind.name), result, vector(kind.integer))
        self.write_bits(result, number)

    def write_bits(self, bits: str, number: int = 0) -> None:
        """Write a vector of integers as wide as the element, with no modifier."""
        spec, operand = self.written_operands[number]
        if self.is_scalar_result:
            self._write_first_lane(bits, number)
            return
        if not isinstance(operand, Register) or operand.file is not RegisterFile.VECTOR:
            raise NoSemantics(f"{self.row.name}: a vector result for {operand}")
        kind = KINDS[spec.element]
        if kind.bits == 64:
            for index, word in enumerate(self.split64(bits)):
                self.write_word(operand.first + index, word)
        elif kind.bits == 16:
            is_high = self.instruction.modifier("op_sel") >> 3 & 1
            self.write_half(operand.first, bits, is_high)
        else:
            self.write_word(operand.first, bits)

    def _write_first_lane(self, bits: str, number: int) -> None:
        kind = self.result_element(number)
        first = self.code.value(f"extractelement {vector(kind.integer)} {bits}, i32 0")
        if kind.bits == 16:
            first = self.code.convert("zext", "i16", first, "i32")
        self.write_scalar_word(first, number)

    def write_scalar_word(self, word: str, number: int = 0) -> None:
        """Write an i32 to a scalar register."""
        self.registers.set_scalar(self.scalar_target(number), word)

    def write_result_word(self, word: str) -> None:
        """Write a dword to the first result, whatever its element is."""
        self.write_word(self.vector_target(0), word)

    def vector_target(self, number: int) -> int:
        """Return the number of the vector register that takes a result."""
        _, operand = self.written_operands[number]
        return self._vector_number(operand)

    def vector_register(self, number: int) -> int:
        """Return the number of the vector register at a place of the operand list."""
        return self._vector_number(self.instruction.operands[number])

    def _vector_number(self, operand: Operand) -> int:
        if not isinstance(operand, Register) or operand.file is not RegisterFile.VECTOR:
            raise NoSemantics(f"{self.row.name}: no vector register: {operand}")
        return operand.first

    def write_word(self, register: int, word: str) -> None:
        """Write the active lanes of a vector register."""
        self.registers.set_active(register, word, self.write_mask)

    def write_half(self, register: int, bits: str, is_high: int) -> None:
        """Write one half (a vector of i16) of a vector register; the other half stays."""
        code = self.code
        wide = code.convert("zext", V16, bits, V32)
        keep = splat("i32", -65536)
        if is_high:
            wide = code.binary("shl", V32, wide, splat("i32", 16))
            keep = splat("i32", 65535)
        kept = code.binary("and", V32, self.registers.vector(register), keep)
        self.write_word(register, code.binary("or", V32, kept, wide))

    def finished(self, kind: Kind, result: str) -> str:
        """Return a result with the output modifiers: scaled, flushed as the mode says, clamped."""
        code, name = self.code, vector(kind.name)
        if not self.mode.rounds_to_nearest(kind.bits):
            raise NoSemantics("a rounding mode other than nearest even")
        scale = {0: None, 1: 2.0, 2: 4.0, 3: 0.5}[self.instruction.modifier("omod")]
        if scale is not None:
            result = code.binary("fmul", name, result, floats.constant(kind, scale))
        if not self.mode.gives_denormals(kind.bits):
            result = floats.flushed_small(code, kind, result)
        if self.instruction.modifier("clamp"):
            one = floats.constant(kind, 1.0)
            positive = code.binary("fcmp ogt", name, result, "zeroinitializer")
            result = code.select(positive, name, result, "zeroinitializer")
            large = code.binary("fcmp ogt", name, result, one)
            result = code.select(large, name, one, result)
        return result

    def scalar_target(self, number: int = 0) -> int:
        """Return the number of the (first) scalar register that takes a result."""
        _, operand = self.written_operands[number]
        if not isinstance(operand, Register) or operand.file is not RegisterFile.SCALAR:
            raise NoSemantics(f"{self.row.name}: a scalar result for {operand}")
        return operand.first

    def narrow_mask(self, mask: str) -> None:
        """Write only lanes of a mask, among the active ones."""
        before = self.registers.exec_mask() if self.write_mask is None else self.write_mask
        self.write_mask = self.code.binary("and", V1, before, mask)

    def optional(self, field: str) -> Operand | None:
        """Return the operand of a field, None if the instruction has no such field."""
        for spec, operand in zip(self.row.operands, self.instruction.operands, strict=True):
            if spec.field == field:
                return operand
        return None

    def field_words(self, field: str) -> list[str]:
        """Return the dwords a lane of the vector registers in a field."""
        for spec, operand in zip(self.row.operands, self.instruction.operands, strict=True):
            if spec.field == field:
                first = self._vector_number(operand)
                count = operand.count if isinstance(operand, Register) else spec.dwords
                return [self.registers.vector(first + index) for index in range(count)]
        raise NoSemantics(f"{self.row.name}: no operand {field}")

    def immediate(self) -> int:
        """Return the number that is part of the instruction."""
        for operand in self.instruction.operands:
            if isinstance(operand, Immediate):
                return operand.number
        raise NoSemantics(f"{self.row.name}: no number")

    def scalar_bits(self, number: int) -> str:
        """Return a 32-bit scalar source as an i32, whatever its element is."""
        return self.scalar_word(*self.read_operands[number])

    def first_register(self) -> str:
        """Return the scalar register that a SOPK instruction reads, an i32."""
        for operand in self.instruction.operands:
            if isinstance(operand, Register):
                return self.registers.scalar(operand.first)
        raise NoSemantics(f"{self.row.name}: no register")

    def source_register(self) -> int:
        """Return the number of the scalar register that source 0 is."""
        _, operand = self.read_operands[0]
        if not isinstance(operand, Register) or operand.file is not RegisterFile.SCALAR:
            raise NoSemantics(f"{self.row.name}: source {operand}")
        return operand.first

    def old_scalar(self) -> str:
        """Return what the scalar result's register holds before."""
        first = self.scalar_target()
        if self.result_element().bits == 64:
            return self.registers.scalar_pair(first)
        return self.registers.scalar(first)

    def exec_as(self, kind: str) -> str:
        """Return EXEC as i32 or i64 (the high half is 0 in wave32)."""
        if kind == "i64":
            return self.registers.scalar_pair(EXEC.first)
        return self.registers.exec

    def set_exec(self, kind: str, found: str) -> None:
        """Write EXEC from i32 or i64."""
        if kind == "i64":
            self.registers.set_scalar_pair(EXEC.first, found)
        else:
            self.registers.set_scalar(EXEC.first, found)

    def write_scalar(self, result: str, number: int = 0) -> None:
        """Write one integer or float to a scalar register (or pair)."""
        kind = self.result_element(number)
        if kind.is_float:
            result = self.code.convert("bitcast", kind.name, result, kind.integer)
        if kind.bits == 16:
            result = self.code.convert("zext", "i16", result, "i32")
        first = self.scalar_target(number)
        if kind.bits == 64:
            self.registers.set_scalar_pair(first, result)
        else:
            self.registers.set_scalar(first, result)

    def set_mask_register(self, operand: Operand, mask: str) -> None:
        """Write a vector of bits, 0 for inactive lanes, to the scalar register given."""
        if not isinstance(operand, Register):
            raise NoSemantics(f"{self.row.name}: a mask for {operand}")
        word = self.code.convert("bitcast", "<32 x i1>", mask, "i32")
        active = self.registers.exec
        if self.write_mask is not None:
            active = self.code.convert("bitcast", "<32 x i1>", self.write_mask, "i32")
        self.registers.set_scalar(operand.first, self.code.binary("and", "i32", word, active))

    def mask_source(self) -> str:
        """Return the source with one bit a lane (VCC when no operand is) as a vector of bits."""
        for spec, operand in self.read_operands:
            if spec.kind is OperandKind.MASK_SOURCE:
                return self.registers.mask(self.scalar_word(spec, operand))
        return self.registers.mask(self.registers.vcc)

    def write_mask_result(self, mask: str) -> None:
        """Write bits, 0 for inactive lanes, to the operand that takes a mask, or else to VCC."""
        for spec, operand in self.written_operands:
            if spec.kind is OperandKind.MASK_TARGET:
                self.set_mask_register(operand, mask)
                return
        self.set_mask_register(VCC, mask)
