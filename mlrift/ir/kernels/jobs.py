"""The entries of matrix products and convolutions: they write down a job and hand it over.

A job is a block of words that std/core/matrix.mlr and conv.mlr know by their numbers: sizes and
functions for the level of the processor, then shapes and addresses. The entries are

    core.matmulT_run(m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, finish,
                     count, a_step, b_step, c_step)
    core.convT_run(images, channels, height, width, filters, kernel_height, kernel_width,
                   stride_y, stride_x, border_y, border_x, image, kernel, out, finish)

with distances in elements. `finish` is 0 or the address of a block whose first word is a function
(block, address, count): it is called for neighbouring elements of the result once they are done.
There are `count` products, whose matrices are as far from each other as the steps say.
"""

from collections.abc import Sequence

from mlrift.ir.builder import Builder
from mlrift.ir.core import Block, Module, Successor, Value
from mlrift.ir.kernels import packing
from mlrift.ir.kernels.dot_products import dot_rows, dots_symbol, fold_symbol
from mlrift.ir.kernels.loops import new_function, plus, times
from mlrift.ir.kernels.thin_products import (
    THIN_ROWS,
    short_symbol,
    thin_symbol,
    turned_symbol,
)
from mlrift.ir.kernels.tile import tile_symbol
from mlrift.ir.kernels.tile_shapes import (
    SIZE_BYTES,
    TOTAL_NAMES,
    Factor,
    TileShape,
    tile_shapes,
)
from mlrift.ir.ops.call import FunctionAddress
from mlrift.ir.ops.compare import CompareInteger, IntegerPredicate
from mlrift.ir.ops.control import Branch, Jump, Return
from mlrift.ir.ops.memory import Stack, Store
from mlrift.ir.ops.processor import ProcessorLevel
from mlrift.typesystem import I64

# Numbers of words in a job.
_JOB_WORDS = 134
_FIRST_TILE = 16
_FIRST_SHAPE = 32
_FIRST_THIN = 59
_DOTS = 64
_SPECIAL = 70
_PACK_PANELS = 71
_PACK_IMAGE = 80
_PACK_PAIRS = 95
_FIRST_NARROW = 104
_FIRST_TURNED = 119
_FINISH = 124
_FIRST_SHORT = 129
_WORD_BYTES = 8
# How many words the functions take.
_TILE_WORDS, _PACK_WORDS, _ANY_WORDS, _IMAGE_WORDS = 6, 6, 7, 7
_THIN_WORDS, _DOTS_WORDS, _FOLD_WORDS, _PAIRS_WORDS = 9, 8, 5, 7
_TURNED_WORDS, _PANELS_WORDS, _SHORT_WORDS = 8, 7, 7
_PRODUCT = (
    "m", "n", "k", "a", "a_row", "a_column", "b", "b_row", "b_column", "c", "c_row",
    "finish", "count", "a_step", "b_step", "c_step",
)  # fmt: skip
_CONVOLUTION = (
    "images", "channels", "height", "width", "filters", "kernel_height", "kernel_width",
    "stride_y", "stride_x", "border_y", "border_x", "image", "kernel", "out", "finish",
)  # fmt: skip


def add_product_entry(module: Module, name: str, factor: Factor) -> None:
    """Add the entry of matrix products with factors of a type."""
    builder, parameters = new_function(module, name, _PRODUCT, 0)
    m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, finish, count, *steps = parameters
    element, total = SIZE_BYTES[factor.element], SIZE_BYTES[factor.total]
    job = _new_job(builder, factor)
    words = (
        m, n, k,
        a, times(builder, a_row, element), times(builder, a_column, element),
        b, times(builder, b_column, element), times(builder, b_row, element),
        c, times(builder, c_row, total),
    )  # fmt: skip
    _note_all(builder, job, _FIRST_SHAPE, words)
    _note(builder, job, _SPECIAL, builder.word(0))
    sizes = (element, element, total)
    distances = [times(builder, step, size) for step, size in zip(steps, sizes, strict=True)]
    _note_all(builder, job, _FINISH, [finish, count, *distances])
    builder.call_external("core.matrix_run", [job], ())
    builder.emit(Return([]))


def add_convolution_entry(module: Module, name: str, factor: Factor) -> None:
    """Add the entry of convolutions of images of a type."""
    builder, parameters = new_function(module, name, _CONVOLUTION, 0)
    job = _new_job(builder, factor)
    *shape, finish = parameters
    _note_all(builder, job, _PACK_IMAGE + 1, shape)
    _note(builder, job, _SPECIAL, builder.word(0))
    _note(builder, job, _FINISH, finish)
    builder.call_external("core.conv_run", [job], ())
    builder.emit(Return([]))


def _new_job(builder: Builder, factor: Factor) -> Value:
    """Return a job with what belongs to the processor's level written down."""
    job = builder.emit(Stack(_JOB_WORDS * _WORD_BYTES, _WORD_BYTES))
    done = Block("done")
    level = builder.emit(ProcessorLevel())
    for shape in tile_shapes(factor.total):
        here, below = builder.new_block(f"level{shape.level}"), builder.new_block("below")
        enough = CompareInteger(IntegerPredicate.UGE, level, builder.word(shape.level))
        builder.emit(Branch(builder.emit(enough), Successor(here), Successor(below)))
        builder.block = here
        _describe(builder, job, shape, factor)
        builder.emit(Jump(Successor(done)))
        builder.block = below
    builder.emit(Jump(Successor(done)))
    builder.function.blocks.append(done)
    builder.block = done
    return job


def _describe(builder: Builder, job: Value, shape: TileShape, factor: Factor) -> None:
    """Write down what belongs to a level: sizes of the tile, the functions."""
    tile, pack = f"tile{TOTAL_NAMES[factor.total]}", f"pack{factor.value}"
    level = shape.level
    sizes = (
        shape.rows,
        shape.columns,
        SIZE_BYTES[factor.total],
        SIZE_BYTES[factor.element],
        shape.lanes,
    )
    _note_all(builder, job, 0, [builder.word(number) for number in sizes])

    def note_functions(first: int, words: int, names: Sequence[str]) -> None:
        _note_all(builder, job, first, [_address(builder, name, words) for name in names])

    packers = [packing.rows_symbol(pack, level), packing.columns_symbol(pack, level)]
    note_functions(len(sizes), _PACK_WORDS, packers)
    note_functions(len(sizes) + len(packers), _ANY_WORDS, [packing.any_symbol(pack)])
    for first, one in ((_FIRST_TILE, shape), (_FIRST_NARROW, shape.narrow)):
        tiles = [tile_symbol(tile, one, rows) for rows in range(1, shape.rows + 1)]
        note_functions(first + 1, _TILE_WORDS, tiles)
    thin = [thin_symbol(pack, level, rows) for rows in range(1, THIN_ROWS + 1)]
    note_functions(_FIRST_THIN + 1, _THIN_WORDS, thin)
    turned = [turned_symbol(pack, level, rows) for rows in range(1, THIN_ROWS + 1)]
    note_functions(_FIRST_TURNED + 1, _TURNED_WORDS, turned)
    short = [short_symbol(pack, level, rows) for rows in range(1, THIN_ROWS + 1)]
    note_functions(_FIRST_SHORT + 1, _SHORT_WORDS, short)
    _note(builder, job, _DOTS, builder.word(dot_rows(level)))
    own = tile if factor.element is factor.total else pack
    dots = [dots_symbol(unit, level, rows) for unit in (own, tile) for rows in (dot_rows(level), 1)]
    note_functions(_DOTS + 1, _DOTS_WORDS, dots)
    note_functions(_DOTS + 1 + len(dots), _FOLD_WORDS, [fold_symbol(tile, level)])
    note_functions(_PACK_IMAGE, _IMAGE_WORDS, [packing.image_symbol(tile, level)])
    note_functions(_PACK_PANELS, _PANELS_WORDS, [packing.panels_symbol(pack, level)])
    note_functions(_PACK_PAIRS, _PAIRS_WORDS, [packing.pairs_symbol(pack, level)])


def _note_all(builder: Builder, job: Value, first: int, words: Sequence[Value]) -> None:
    for index, word in enumerate(words, first):
        _note(builder, job, index, word)


def _note(builder: Builder, job: Value, index: int, word: Value) -> None:
    builder.emit(Store(plus(builder, job, index * _WORD_BYTES), word, I64))


def _address(builder: Builder, name: str, words: int) -> Value:
    builder.module.declare(name, [I64] * words, ())
    return builder.emit(FunctionAddress(name))
