"""What a kernel starts with: places of arguments, hidden ones only when asked for, and ids."""

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.model import ArgumentKind, KernelImage
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.driver.kernels import kernels_of
from mlrift.ir.passes.device_pipeline import prepare_kernels


def _image(source: str, chip: str) -> KernelImage:
    row = chip_named(chip)
    assert row is not None
    return compile_kernels(prepare_kernels(kernels_of(source)), row).kernels[0]


_MIXED = """
@kernel
fn k(uint64 a, f32 f, uint64 b, f32 g, f64 d) {
    assume_group_size(64, 1, 1)
    uint64 i = tid_x()
    unsafe { *((a + b * 4 + i * 4) as f32) = f * g + d as f32 }
}
"""


def test_arguments_are_at_their_natural_alignment() -> None:
    image = _image(_MIXED, "gfx1100")
    places = [(row.name, row.offset, row.size) for row in image.arguments]
    assert places == [("a", 0, 8), ("f", 8, 4), ("b", 16, 8), ("g", 24, 4), ("d", 32, 8)]
    assert image.kernarg_bytes == 40


def test_what_an_address_is_made_of_is_a_buffer() -> None:
    kinds = {row.name: row.kind for row in _image(_MIXED, "gfx1100").arguments}
    assert kinds["a"] is ArgumentKind.GLOBAL_BUFFER
    assert kinds["f"] is ArgumentKind.BY_VALUE


def test_sizes_of_the_grid_are_hidden_arguments_when_they_are_asked_for() -> None:
    source = """
@kernel
fn k(uint64 a) {
    uint64 i = block_idx_y() * block_dim_y() + tid_local_y()
    unsafe { *((a + i * 4) as uint32) = grid_dim_x() }
}
"""
    image = _image(source, "gfx1030")
    hidden = [(row.kind, row.offset, row.size) for row in image.arguments if row.kind.is_hidden]
    assert hidden == [
        (ArgumentKind.HIDDEN_BLOCK_COUNT_X, 8, 4),
        (ArgumentKind.HIDDEN_GROUP_SIZE_Y, 22, 2),
    ]
    assert image.group_ids == (False, True, False)
    assert image.local_ids == 2


def test_user_registers_are_padded_where_the_chip_needs_it() -> None:
    assert _image(_MIXED, "gfx1030").user_sgprs == 2
    assert _image(_MIXED, "gfx1100").user_sgprs == 15
    assert _image(_MIXED, "gfx1201").user_sgprs == 2
