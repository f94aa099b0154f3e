"""The units of kernels by name, as modules that are merged like files of the core library.

`tileT` has what works on sums of a type: tiles, dot products. `packT` has what reads factors of a
type. `matmulT` and `convT` are the entries (jobs.py). `draws` draws random connections.
"""

from mlrift.ir.core import Module
from mlrift.ir.kernels import packing
from mlrift.ir.kernels.dot_products import add_dots, add_fold, dot_rows, dots_symbol, fold_symbol
from mlrift.ir.kernels.draws import build_draws
from mlrift.ir.kernels.jobs import add_convolution_entry, add_product_entry
from mlrift.ir.kernels.thin_products import (
    THIN_ROWS,
    add_short,
    add_thin,
    add_turned,
    short_symbol,
    thin_symbol,
    turned_symbol,
)
from mlrift.ir.kernels.tile import add_tile, tile_symbol
from mlrift.ir.kernels.tile_shapes import TOTAL_NAMES, Factor, TileShape, tile_shapes
from mlrift.typesystem import MachineType


def build_unit(name: str) -> Module:
    """Return the module of a unit; KeyError when there is none of that name."""
    for total, total_name in TOTAL_NAMES.items():
        if name == f"tile{total_name}":
            return _tile_unit(name, total)
    for factor in Factor:
        if name == f"pack{factor.value}":
            return _pack_unit(name, factor)
        if name == f"matmul{factor.value}":
            module = Module(name)
            add_product_entry(module, f"core.{name}_run", factor)
            return module
        if name == f"conv{factor.value}":
            module = Module(name)
            add_convolution_entry(module, f"core.{name}_run", factor)
            return module
    if name == "draws":
        return build_draws(name)
    raise KeyError(name)


def _tile_unit(name: str, total: MachineType) -> Module:
    module = Module(name)
    for shape in tile_shapes(total):
        for rows in range(1, shape.rows + 1):
            for tile in (shape, shape.narrow):
                add_tile(module, tile_symbol(name, tile, rows), tile, rows, total)
        _add_dots(module, name, shape, Factor(TOTAL_NAMES[total]))
        add_fold(module, fold_symbol(name, shape.level), shape, total)
        packing.add_pack_image(module, packing.image_symbol(name, shape.level), shape, total)
    return module


def _pack_unit(name: str, factor: Factor) -> Module:
    module = Module(name)
    for shape in tile_shapes(factor.total):
        packing.add_pack_rows(module, packing.rows_symbol(name, shape.level), shape, factor)
        symbol = packing.columns_symbol(name, shape.level)
        packing.add_pack_columns(module, symbol, shape, factor)
        panels = packing.panels_symbol(name, shape.level)
        packing.add_pack_panels(module, panels, shape, factor)
        packing.add_pack_pairs(module, packing.pairs_symbol(name, shape.level), shape, factor)
        for rows in range(1, THIN_ROWS + 1):
            thin = thin_symbol(name, shape.level, rows)
            add_thin(module, thin, shape, rows, factor)
            turned = turned_symbol(name, shape.level, rows)
            add_turned(module, turned, shape, rows, factor)
            short = short_symbol(name, shape.level, rows)
            add_short(module, short, shape, rows, factor)
        if factor.element is not factor.total:
            _add_dots(module, name, shape, factor)
    packing.add_pack_any(module, packing.any_symbol(name), factor)
    return module


def _add_dots(module: Module, unit: str, shape: TileShape, factor: Factor) -> None:
    for rows in (dot_rows(shape.level), 1):
        add_dots(module, dots_symbol(unit, shape.level, rows), shape, rows, factor)
