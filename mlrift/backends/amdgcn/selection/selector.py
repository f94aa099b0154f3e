"""The state of selection, and how rules get at operands.

A value lives in a *home*: uniform words are in scalar registers, floats and what differs between
lanes in vector registers, divergent truth values are masks (a bit a lane; the bits of lanes that
were inactive say nothing), uniform ones 0 or 1 in a scalar register. A divergent truth value that
is a parameter of a block is 0 or 1 in a vector register, as a mask cannot be written lane by lane.

An i64 is one dword where the facts say so (`Width`), else a pair.
"""

from enum import Enum, unique

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.errors import KernelError
from mlrift.backends.amdgcn.facts import KernelFacts, Width
from mlrift.backends.amdgcn.isa.instruction import Inline, Literal
from mlrift.backends.amdgcn.mir import (
    FrameObject,
    MachineOperand,
    MemoryAccess,
    Part,
    VirtualRegister,
)
from mlrift.backends.amdgcn.selection.constants import (
    double_operand,
    float_operand,
    half_bits,
    is_inline_word,
    word_operand,
)
from mlrift.backends.amdgcn.selection.emitter import (
    Emitter,
    dwords_of,
    high_part,
    is_vector,
    low_part,
    part_of,
)
from mlrift.backends.amdgcn.selection.flow import FlowPlan
from mlrift.backends.amdgcn.selection.generation import (
    Coherence,
    GenerationRules,
    Matrices,
    rules_of,
)
from mlrift.backends.amdgcn.selection.inputs import Inputs
from mlrift.backends.amdgcn.selection.legal import legalise
from mlrift.backends.amdgcn.selection.private import private_values
from mlrift.backends.amdgcn.selection.stores import GlobalStores
from mlrift.ir.analysis.uses import count_uses
from mlrift.ir.core import Block, BlockParameter, Function, Value
from mlrift.ir.numbers import WORD_MASK
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Constant
from mlrift.ir.ops.convert import BitsToFloat
from mlrift.ir.ops.device import LdsArray, Shuffle
from mlrift.ir.ops.memory import Stack
from mlrift.ir.ops.vector_types import LANE_BITS
from mlrift.static_types import TypeVar
from mlrift.typesystem import BF16, F16, F64, I1, I64, VectorType

OpType = TypeVar("OpType", bound=Op)
LOW_MASK = (1 << 32) - 1


@unique
class Home(Enum):
    """Where a value lives."""

    SCALAR = "scalar register"
    VECTOR = "vector register"
    MASK = "a bit a lane in a scalar register"
    TRUTH = "0 or 1 in a scalar register"
    FLAG = "0 or 1 in a vector register"


class Selector(Emitter):
    """Selection of one function: facts, homes and registers of values, and the code so far."""

    def __init__(self, function: Function, facts: KernelFacts, chip: Chip) -> None:
        self.flow = FlowPlan(function, facts.divergent_branches)
        super().__init__(function.name, chip.generation, len(self.flow.order))
        self.source = function
        self.facts = facts
        self.chip = chip
        self.rules: GenerationRules = rules_of(chip.generation)
        self.uses = count_uses(function)
        self.places: dict[Value, VirtualRegister | Part] = {}
        self.aliases: dict[Value, Value] = {}
        self._zero: VirtualRegister | None = None
        self.keeps_lanes: set[Value] = set()
        self.block: Block = function.entry
        self.blocks: dict[Value, Block] = {
            made: block for block in self.flow.layout for made in (*block.parameters, *block.ops)
        }
        self.constants: dict[int, VirtualRegister] = {}
        self.lds_offsets: dict[int, int] = {}
        self.lds_alignment: dict[VirtualRegister, int] = {}
        self.frames: dict[Value, int] = {}
        self.inputs = Inputs(self, function)
        self.stores = GlobalStores(function)
        self.private = private_values(function)

    # facts

    def is_divergent(self, value: Value) -> bool:
        """Whether lanes may have different values."""
        return value in self.facts.divergent

    def bound(self, value: Value) -> int:
        """Return the greatest unsigned value that is possible."""
        if isinstance(value, Constant):
            return int(value.value) & WORD_MASK
        return self.facts.upper_bounds.get(value, WORD_MASK)

    def is_narrow(self, value: Value) -> bool:
        """Whether an i64 has one dword."""
        return self.facts.widths.get(value, Width.FULL) is not Width.FULL

    def is_small(self, value: Value) -> bool:
        """Whether the upper 32 bits of an i64 are zero, or nobody looks at them."""
        if isinstance(value, Constant):
            return int(value.value) <= LOW_MASK
        return self.bound(value) <= LOW_MASK or value in self.facts.low_only

    def is_signed_word(self, value: Value) -> bool:
        """Whether an i64 is a 32-bit number that was sign-extended."""
        if isinstance(value, Constant):
            return (int(value.value) + (1 << 31)) & WORD_MASK <= LOW_MASK
        return self.facts.widths.get(value) is Width.SIGNED or self.bound(value) < 1 << 31

    def home(self, value: Value) -> Home:
        """Return where a value lives."""
        if value.type is I1:
            if not self.is_divergent(value):
                return Home.TRUTH
            return Home.FLAG if isinstance(value, BlockParameter) else Home.MASK
        if self.is_divergent(value):
            return Home.VECTOR
        if value.type is I64 or self._is_scalar_float(value):
            return Home.SCALAR
        return Home.VECTOR

    def _is_scalar_float(self, value: Value) -> bool:
        if isinstance(value, BlockParameter):
            return self.blocks[value] is self.source.entry
        if isinstance(value, BitsToFloat):
            return True
        return isinstance(value, Shuffle) or value in self.facts.scalar_loads

    def size_of(self, value: Value) -> int:
        """Return how many dwords a value has."""
        kind = value.type
        if isinstance(kind, VectorType):
            return self._vector_size(kind)
        if kind is I64:
            return 1 if self.is_narrow(value) else 2
        return 2 if kind is F64 else 1

    def _vector_size(self, kind: VectorType) -> int:
        if kind.element in (F16, BF16) and kind.lanes == 16:
            return 4 if self.rules.matrices is Matrices.SPLIT else 8
        return max(1, LANE_BITS[kind.element] * kind.lanes // 32)

    # instructions

    def emit(
        self,
        operation: str,
        *operands: MachineOperand,
        modifiers: dict[str, int] | None = None,
        memory: MemoryAccess | None = None,
    ) -> None:
        """Append an instruction; the second of two literals of a scalar one is moved before."""
        if operation.startswith("s_"):
            literals = [row for row in operands if isinstance(row, Literal)]
            if len(literals) > 1 and literals[0] != literals[1]:
                held = self.scalar()
                self.copy(held, literals[1])
                operands = tuple([held if row is literals[1] else row for row in operands])
        super().emit(operation, *operands, modifiers=modifiers, memory=memory)

    # registers of values

    def place(self, value: Value) -> VirtualRegister | Part:
        """Return the register of a value that is no constant, and say that it is wanted.

        A parameter that can only be one value shares that one's register (`aliases`).
        """
        value = self.aliases.get(value, value)
        found = self.places.get(value)
        if found is None:
            found = self.places[value] = self.new_place(value)
        return found

    def new_place(self, value: Value) -> VirtualRegister:
        """Return a new register that could hold a value."""
        name = value.name if isinstance(value, BlockParameter) else ""
        made = (
            self.vector(self.size_of(value))
            if self.home(value) in (Home.VECTOR, Home.FLAG)
            else self.scalar(self.size_of(value))
        )
        made.name = name
        return made

    def match(self, value: Value, kind: type[OpType]) -> OpType | None:
        """Return the op of a value if its only user may do its work, else None."""
        if isinstance(value, kind) and self.uses.get(value) == 1 and value not in self.places:
            home = self.blocks[value]
            if home is self.block or self.flow.depth[home] >= self.flow.depth[self.block]:
                return value
        return None

    # 32-bit operands

    def word(self, value: Value) -> MachineOperand:
        """Return the low dword of an i64 or the bits of an f32, in any file."""
        if isinstance(value, Constant):
            if value.type is I64 or value.type is I1:
                return word_operand(int(value.value))
            return float_operand(float(value.value))
        return low_part(self.place(value)) if self.size_of(value) > 1 else self.place(value)

    def vector_word(self, value: Value) -> MachineOperand:
        """Return the low dword in a vector register."""
        return self.in_vector(self.word(value))

    def scalar_word(self, value: Value) -> MachineOperand:
        """Return the low dword of a uniform value as a scalar register or a constant."""
        return self.in_scalar(self.word(value))

    def high_word(self, value: Value) -> MachineOperand:
        """Return the high dword of an i64 (a new register where it is the sign)."""
        if isinstance(value, Constant):
            return word_operand(int(value.value) >> 32)
        if self.size_of(value) == 2:
            return high_part(self.place(value))
        if self.is_small(value) or value in self.facts.low_only:
            return Inline(0)
        return self.sign_of(self.place(value))

    def sign_of(self, word: MachineOperand) -> MachineOperand:
        """Return the dword that extends a signed one."""
        if is_vector(word):
            made = self.vector()
            self.valu("v_ashrrev_i32", made, Inline(31), word)
        else:
            made = self.scalar()
            self.emit("s_ashr_i32", made, word, Inline(31))
        return made

    # 64-bit operands

    def words(self, value: Value) -> tuple[MachineOperand, MachineOperand]:
        """Return both dwords of an i64 or f64, constants as such."""
        if isinstance(value, Constant) and value.type is F64:
            bits = half_bits(float(value.value))
            return word_operand(bits[0]), word_operand(bits[1])
        if value.type is F64:
            place = self.place(value)
            return low_part(place), high_part(place)
        return self.word(value), self.high_word(value)

    def pair(self, value: Value) -> MachineOperand:
        """Return an i64 as a pair of either file, or as an inline constant."""
        if isinstance(value, Constant):
            number = int(value.value)
            if is_inline_word(number):
                return word_operand(number)
            return self.constant_pair(number)
        if self.size_of(value) == 2:
            return self.place(value)
        low, high = self.words(value)
        made = self.vector(2) if is_vector(low) else self.scalar(2)
        self.assemble(made, low, high)
        return made

    def scalar_pair(self, value: Value) -> MachineOperand:
        """Return a uniform i64 as a scalar pair or an inline constant."""
        return self.in_scalar(self.pair(value))

    def vector_pair(self, value: Value) -> MachineOperand:
        """Return an i64 or f64 as a vector pair."""
        if not isinstance(value, Constant):
            return self.in_vector_pair(self.pair(value) if value.type is I64 else self.place(value))
        made = self.vector(2)
        self.assemble(made, *self.words(value))
        return made

    def double(self, value: Value) -> MachineOperand:
        """Return an f64 as a pair or a constant that an instruction can hold."""
        if isinstance(value, Constant):
            found = double_operand(float(value.value))
            if found is not None:
                return found
            low, high = half_bits(float(value.value))
            return self.constant_pair(high << 32 | low)
        return self.place(value)

    def constant_pair(self, number: int) -> VirtualRegister:
        """Return a scalar pair with a constant; it is set at the start where a loop wants it."""
        number &= WORD_MASK
        known = self.constants.get(number)
        if known is not None:
            return known
        made = self.scalar(2)
        if self.flow.depth[self.block] > 0 and len(self.constants) < _MOST_CONSTANTS:
            self.constants[number] = made
        else:
            self.set_pair(made, number)
        return made

    def kept_pair(self, number: int) -> VirtualRegister:
        """Return a scalar pair with a constant that is set once, at the start."""
        if number not in self.constants:
            self.constants[number] = self.scalar(2)
        return self.constants[number]

    def set_pair(self, target: VirtualRegister, number: int) -> None:
        """Give a pair a constant."""
        self.copy(low_part(target), word_operand(number))
        self.copy(high_part(target), word_operand(number >> 32))

    # moving between files

    def in_vector(self, operand: MachineOperand) -> MachineOperand:
        """Return an operand of one dword in a vector register."""
        if is_vector(operand):
            return operand
        made = self.vector()
        self.copy(made, operand)
        return made

    def in_scalar(self, operand: MachineOperand) -> MachineOperand:
        """Return a uniform operand in scalar registers or as a constant."""
        if not is_vector(operand):
            return operand
        made = self.scalar(dwords_of(operand))
        for number in range(made.count):
            self.copy(part_of(made, number), part_of(operand, number))
        return made

    def in_vectors(self, operand: MachineOperand) -> MachineOperand:
        """Return registers side by side as vector registers."""
        if is_vector(operand):
            return operand
        made = self.vector(dwords_of(operand))
        for number in range(made.count):
            self.copy(part_of(made, number), part_of(operand, number))
        return made

    def zero_vector(self) -> VirtualRegister:
        """Return a vector register with 0, one for each block."""
        if self._zero is None:
            self._zero = self.vector()
        return self._zero

    def begin_block(self) -> None:
        """Append what sets the registers that all of the block shares; they are done with."""
        if self._zero is not None:
            self.copy(self._zero, Inline(0))
            self._zero = None

    def in_vector_pair(self, operand: MachineOperand) -> MachineOperand:
        """Return a 64-bit operand in a vector pair."""
        if is_vector(operand):
            return operand
        made = self.vector(2)
        low, high = self.split(operand)
        self.assemble(made, low, high)
        return made

    def split(self, operand: MachineOperand) -> tuple[MachineOperand, MachineOperand]:
        """Return the dwords of a 64-bit integer operand."""
        if isinstance(operand, Inline):
            number = int(operand.number)
            return operand, Inline(-1 if number < 0 else 0)
        return low_part(operand), high_part(operand)

    # instructions with legal operands

    def valu(
        self,
        operation: str,
        target: MachineOperand,
        *sources: MachineOperand,
        modifiers: dict[str, int] | None = None,
    ) -> None:
        """Append a vector instruction with one target; sources may be anything."""
        legal = legalise(self, operation, list(sources), modifiers)
        if is_vector(target) or operation.startswith(("v_cmp", "v_readlane")):
            self.emit(operation, target, *legal, modifiers=modifiers)
            return
        between = self.vector(dwords_of(target))
        self.emit(operation, between, *legal, modifiers=modifiers)
        for number in range(between.count):
            self.copy(part_of(target, number), part_of(between, number))

    def valu_pair(
        self,
        operation: str,
        targets: tuple[MachineOperand, MachineOperand],
        *sources: MachineOperand,
    ) -> None:
        """Append a vector instruction with a result and a mask (carry)."""
        legal = legalise(self, operation, list(sources), None)
        self.emit(operation, *targets, *legal)

    def lds_base(self, value: Value) -> int | None:
        """Return where an array of LDS begins, None for other values."""
        return self.lds_offsets[value.number] if isinstance(value, LdsArray) else None

    def past_caches(self) -> dict[str, int]:
        """Return the modifiers of an access that goes to memory which all of the device sees."""
        if self.rules.coherence is Coherence.SCOPES:
            return {"scope": _DEVICE_SCOPE}
        return {"glc": 1, "dlc": 1}

    def atomic_scope(self) -> dict[str, int]:
        """Return the modifiers of an atomic that all of the device sees."""
        if self.rules.coherence is Coherence.SCOPES:
            return {"scope": _DEVICE_SCOPE}
        return {}

    def frame_number(self, array: Stack) -> int:
        """Return the number of the private memory of a local array."""
        known = self.frames.get(array)
        if known is None:
            known = self.frames[array] = len(self.function.frame)
            self.function.frame.append(FrameObject(array.size_bytes, max(4, array.align)))
        return known

    def refuse(self, reason: str) -> KernelError:
        """Return an error at the op that is being selected."""
        return KernelError(reason, self.span)


_MOST_CONSTANTS = 16
_DEVICE_SCOPE = 2
