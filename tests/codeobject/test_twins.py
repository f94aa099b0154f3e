"""Descriptors and metadata are those that clang 22 writes for the same registers and sizes.

gfx10 kernels of clang get a scratch descriptor in four registers unless they use flat scratch; then
they get its base in two registers even if they have none to use, which ours do not ask for.
"""

import pytest

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.metadata import KernelMetadata
from mlrift.backends.amdgcn.codeobject.read import LoadedKernel, read
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.values import replace
from tests.codeobject.kernels import HIDDEN, TABLES, TWINS, compile_with_clang

CHIPS = ("gfx1030", "gfx1031", "gfx1032", "gfx1100", "gfx1101", "gfx1102", "gfx1200", "gfx1201")
FLAT_SCRATCH_INIT = 1 << 5
FLAT_SCRATCH = ("-Xclang", "-target-feature", "-Xclang", "+enable-flat-scratch")


@pytest.mark.parametrize("name", CHIPS)
def test_descriptors_and_metadata_equal_clangs(name: str) -> None:
    theirs = read(compile_with_clang(TWINS, name, *FLAT_SCRATCH))
    ours = read(write(theirs.code_object))
    assert ours.chip is theirs.chip is chip_named(name)
    assert [row.image.name for row in theirs.kernels] == [row.image.name for row in ours.kernels]
    for their_kernel, our_kernel in zip(theirs.kernels, ours.kernels, strict=True):
        assert _comparable(our_kernel) == _comparable(their_kernel), our_kernel.image.name
        assert our_kernel.metadata == their_kernel.metadata


def _comparable(kernel: LoadedKernel) -> dict[str, object]:
    """Return the descriptor without the place of the code, numbers in hexadecimal."""
    made = replace(kernel.descriptor, entry_offset=0)
    if made.scratch_bytes == 0:
        made = replace(made, properties=made.properties & ~FLAT_SCRATCH_INIT)
    return {
        "sizes": (made.lds_bytes, made.scratch_bytes, made.kernarg_bytes, made.preloaded_dwords),
        "resources": [hex(row) for row in (made.resources1, made.resources2, made.resources3)],
        "properties": hex(made.properties),
    }


def test_kernels_with_hidden_arguments_are_read_with_them() -> None:
    kernel = read(compile_with_clang(HIDDEN, "gfx1100")).kernel("sized")
    hidden = {row.kind.value: (row.offset, row.size) for row in kernel.image.arguments[1:]}
    assert hidden["hidden_block_count_x"] == (8, 4)
    assert hidden["hidden_group_size_x"] == (20, 2)
    assert kernel.image.kernarg_bytes == 8 + 256
    assert all(row.kind.is_hidden for row in kernel.image.arguments[1:])


def test_lines_of_clang_are_read() -> None:
    kernel = read(compile_with_clang(TWINS, "gfx1201", "-g")).kernel("scale")
    assert kernel.image.lines
    assert {row.path.rpartition("/")[2] for row in kernel.image.lines} == {"twins.cl"}
    lines = TWINS.splitlines()
    assert any("*= factor" in lines[row.line - 1] for row in kernel.image.lines)


def test_the_code_of_clang_is_copied_whole() -> None:
    theirs = read(compile_with_clang(TWINS, "gfx1100"))
    for row in theirs.kernels:
        code = theirs.memory(0)[row.entry : row.entry + len(row.image.code)]
        assert bytes(code) == row.image.code
        assert b"\x00\x00\xb0\xbf" in row.image.code, "s_endpgm"


def test_metadata_says_what_the_source_says() -> None:
    found = read(compile_with_clang(TWINS, "gfx1030")).kernel("turned").metadata
    assert isinstance(found, KernelMetadata)
    assert found.required_group == (16, 16, 1)
    assert found.maximum_group == 256
    assert [row.is_read_only for row in found.arguments] == [False, True, False]


def test_addresses_in_constant_data_are_relocated() -> None:
    loaded = read(compile_with_clang(TABLES, "gfx1100"))
    places = [row.address for row in loaded.relocations]
    assert len(places) == 2
    base = 0x7000_0000_0000
    memory = loaded.memory(base)
    words = [int.from_bytes(memory[at : at + 8], "little") for at in places]
    values = [int.from_bytes(memory[word - base : word - base + 4], "little") for word in words]
    assert sorted(values) == [7, 40]
