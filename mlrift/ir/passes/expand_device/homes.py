"""Where the code of a work item stands, and how it knows its place in the grid there."""

from mlrift.ir.builder import Builder
from mlrift.ir.core import Global, Module, Value
from mlrift.ir.ops.arith import Add, Mul
from mlrift.ir.ops.device import Axis, LdsArray
from mlrift.ir.ops.memory import GlobalAddress, Load
from mlrift.ir.passes.expand_device import layout
from mlrift.typesystem import I64

AXES = {Axis.X: 0, Axis.Y: 1, Axis.Z: 2}


class SingleItem:
    """A kernel as an ordinary function: one item, in one group; its LDS is static."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def local_id(self, builder: Builder, axis: Axis) -> Value:
        """Emit 0."""
        return builder.word(0)

    group_id = local_id

    def group_size(self, builder: Builder, axis: Axis) -> Value:
        """Emit 1."""
        return builder.word(1)

    group_count = group_size

    def number(self, builder: Builder) -> Value:
        """Emit 0."""
        return builder.word(0)

    def lds(self, builder: Builder, array: LdsArray) -> Value:
        """Emit the address of a global."""
        symbol = f"device.lds.{array.number}"
        if symbol not in self._module.globals:
            made = Global(symbol, array.size_bytes, array.align_bytes)
            self._module.globals[symbol] = made
        return builder.emit(GlobalAddress(symbol))


class LdsPlaces:
    """Where the arrays of a kernel lie in the LDS of a group."""

    def __init__(self) -> None:
        self._offsets: dict[int, int] = {}
        self.size_bytes = 0

    def offset(self, array: LdsArray) -> int:
        """Return the offset of an array, which is placed when it is new."""
        if array.number not in self._offsets:
            align = array.align_bytes
            start = -(-self.size_bytes // align) * align
            self._offsets[array.number] = start
            self.size_bytes = start + array.size_bytes
        return self._offsets[array.number]


class GroupItem:
    """An item of a group that the core library runs: `group` is the address of the group's words.

    `local` and `flat` give the item's own indices.
    """

    def __init__(self, group: Value, local: list[Value], flat: Value, places: LdsPlaces) -> None:
        self._group = group
        self._local = local
        self._flat = flat
        self._places = places

    def local_id(self, builder: Builder, axis: Axis) -> Value:
        """Give the index along an axis."""
        return self._local[AXES[axis]]

    def number(self, builder: Builder) -> Value:
        """Give the index over all axes."""
        return self._flat

    def group_id(self, builder: Builder, axis: Axis) -> Value:
        """Load a word of the group."""
        return load_word(builder, self.group_words(builder), layout.GROUP_ID + _offset(axis))

    def group_size(self, builder: Builder, axis: Axis) -> Value:
        """Load a word of the launch."""
        return load_word(builder, self._launch(builder), layout.LAUNCH_GROUP_SIZE + _offset(axis))

    def group_count(self, builder: Builder, axis: Axis) -> Value:
        """Load a word of the launch."""
        return load_word(builder, self._launch(builder), layout.LAUNCH_GROUP_COUNT + _offset(axis))

    def lds(self, builder: Builder, array: LdsArray) -> Value:
        """Emit the address in the group's LDS."""
        base = load_word(builder, self.group_words(builder), layout.GROUP_LDS)
        return builder.emit(Add(base, builder.word(self._places.offset(array))))

    def _launch(self, builder: Builder) -> Value:
        return load_word(builder, self.group_words(builder), layout.GROUP_LAUNCH)

    def group_words(self, builder: Builder) -> Value:
        """Give the address of the group's words."""
        return self._group


Home = SingleItem | GroupItem


def load_word(builder: Builder, base: Value, offset_bytes: int) -> Value:
    """Emit a load of a word."""
    return builder.emit(Load(address_at(builder, base, offset_bytes), I64))


def address_at(builder: Builder, base: Value, offset_bytes: int) -> Value:
    """Emit the sum of an address and an offset."""
    if not offset_bytes:
        return base
    return builder.emit(Add(base, builder.word(offset_bytes)))


def flat_index(builder: Builder, local: list[Value], sizes: list[Value]) -> Value:
    """Emit x + size x * (y + size y * z)."""
    upper = builder.emit(Add(local[1], builder.emit(Mul(sizes[1], local[2]))))
    return builder.emit(Add(local[0], builder.emit(Mul(sizes[0], upper))))


def _offset(axis: Axis) -> int:
    return AXES[axis] * layout.WORD_BYTES
