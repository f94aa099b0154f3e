"""C++ of kernels: how it reads, and that clang compiles that of every kernel of the library."""

import subprocess
from pathlib import Path

import pytest

from mlrift.backends.hip.names import UnsupportedInHip
from mlrift.backends.hip.source import print_hip
from mlrift.driver.device.named_kernels import library_kernels
from mlrift.driver.kernels import kernels_of
from mlrift.ir.text import parse_module
from tests.support.hip import compile_hip

LIBRARY = sorted({path for path in library_kernels().values()})
LOOPS = """@kernel
fn loops(uint64 p, uint64 n) {
    uint64 i = 0
    while i < n {
        uint64 j = 0
        while true {
            if j * i == 12 { break }
            if j > 100 { return }
            j = j + 1
            if j == 7 { continue }
            uint64 old = atomic_add_u64(p, j)
            if old == 3 && j > 2 || i == 9 { break }
        }
        i = i + 1
    }
    unsafe { *(p as uint64) = i }
}
"""
LOOPS_IN_CPP = """
extern "C" __global__ __launch_bounds__(1024) void loops(u64 p, u64 n) {
    u64 i, j, old;
    i = 0;  // kernels.mlr:3
    while (i < n) {
        j = 0;  // 5
        while (!((j * i) == 12)) {
            if (j > 100) {
                return;
            }
            j = j + 1;  // 9
            if (!(j == 7)) {
                old = atomic_add_u64(p, j);  // 11
                if (old == 3) {
                    if (j > 2) {
                        break;
                    }
                }
                if (i == 9) {
                    break;
                }
            }
        }
        i = i + 1;  // 14
    }
    store_u64(p, i);  // 16
}
"""


def test_control_flow_reads_as_it_was_written() -> None:
    assert print_hip(kernels_of(LOOPS)).endswith(LOOPS_IN_CPP)


def test_only_the_helpers_that_are_used_are_there() -> None:
    text = print_hip(kernels_of("@kernel\nfn one(uint64 p) { atomic_add_u32(p, 1) }\n"))
    assert "atomic_add_u32" in text
    assert "atomic_add_u64" not in text
    assert "mlr_shuffle" not in text


def test_names_of_cpp_are_left_alone() -> None:
    source = """fn int_sum(uint64 template) -> uint64 { return template + 1 }
@kernel
fn names(uint64 class) {
    uint64 float_ = 3
    uint64 t = int_sum(class)
    unsafe { *(class as uint64) = t + float_ }
}
"""
    text = print_hip(kernels_of(source))
    assert "u64 fn_int_sum(u64 template_)" in text
    assert "void names(u64 class_)" in text


def test_expressions_are_made_before_what_they_read_changes() -> None:
    source = """@kernel
fn order(uint64 p) {
    uint64 a = 1
    uint64 old = 0
    unsafe { *(p as uint64) -> old }
    uint64 b = a + old
    a = a + 5
    unsafe { *(p as uint64) = a }
    unsafe { *((p + 8) as uint64) = b + old }
}
"""
    lines = [row.split("//")[0].strip() for row in print_hip(kernels_of(source)).splitlines()]
    start = lines.index("a = 1;")
    assert lines[start:] == [
        "a = 1;",
        "old = 0;",
        "old = load_u64(p);",
        "b = a + old;",
        "a = a + 5;",
        "store_u64(p, a);",
        "store_u64(p + 8, b + old);",
        "}",
    ]


def test_an_op_without_cpp_is_named() -> None:
    text = """module @m
exported function @kernel(%p : i64) {
^entry:
  %0 = cpu.level
  control.return
}
"""
    with pytest.raises(UnsupportedInHip, match=r"`cpu\.level`"):
        print_hip(parse_module(text))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_clang_compiles_the_kernels_of_the_library(path: Path) -> None:
    compile_hip(print_hip(kernels_of(path)), "gfx1100")


@pytest.mark.parametrize("chip", ["gfx1030", "gfx1201"])
def test_clang_compiles_for_the_other_generations(chip: str) -> None:
    name = "pointwise" if chip == "gfx1030" else "gemm"
    path = next(row for row in LIBRARY if row.stem == name)
    compile_hip(print_hip(kernels_of(path)), chip)


def test_products_of_tiles_need_gfx11() -> None:
    path = next(row for row in LIBRARY if row.stem == "gemm")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        compile_hip(print_hip(kernels_of(path)), "gfx1030")
    assert b"products of 16 x 16 tiles need gfx11 or gfx12" in caught.value.stderr
