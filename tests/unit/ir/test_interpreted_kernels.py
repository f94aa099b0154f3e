"""Kernels on the interpreter: what is reported, and in which order items go on."""

import numpy as np
import pytest

from mlrift.driver.kernels import kernels_of
from mlrift.ir.core import Module
from mlrift.ir.interpret.kernels import KernelFault, KernelMemory, run_kernel


def program(body: str, parameters: str = "u64 p, u64 n") -> Module:
    """Return a program with one kernel."""
    return kernels_of(f"@kernel\nfn k({parameters}) {{\n{body}\n}}\n")


def words(count: int) -> np.ndarray:
    """Return zeros."""
    return np.zeros(count, np.uint64)


def test_an_access_behind_a_buffer_names_it_and_the_line() -> None:
    module = program("store64(p + tid_x() * 8, n)")
    with pytest.raises(KernelFault, match=r"writes 8 bytes at offset 32 of `p`, which has 32.*:3"):
        run_kernel(module, "k", (1,), (5,), [words(4), 1])


def test_an_access_before_a_buffer_belongs_to_none() -> None:
    module = program("store64(p, load64(n + 8))")
    with pytest.raises(
        KernelFault, match="reads 8 bytes at address 0xd, which belongs to no buffer"
    ):
        run_kernel(module, "k", (1,), (1,), [words(1), 5])


def test_read_only_arrays_are_not_written() -> None:
    fixed = words(1)
    fixed.flags.writeable = False
    with pytest.raises(KernelFault, match="writes to `p`, which is read-only"):
        run_kernel(program("store64(p, n)"), "k", (1,), (1,), [fixed, 1])


def test_accesses_outside_lds_are_found() -> None:
    module = program("u64 a = lds_u64(4)  lds_write_u64(a, n, 1)  store64(p, a)")
    with pytest.raises(KernelFault, match="LDS address 32, of 32 bytes"):
        run_kernel(module, "k", (1,), (1,), [words(1), 4])


def test_division_by_zero_is_found() -> None:
    with pytest.raises(KernelFault, match="divides by zero"):
        run_kernel(program("store64(p, 7 / n)"), "k", (1,), (1,), [words(1), 0])


def test_a_group_of_another_size_is_refused() -> None:
    module = program("store64(p + (block_idx_x() * 64 + tid_local_x()) * 8, n)")
    with pytest.raises(KernelFault, match="made for groups of 64 x 1 x 1, not 32 x 1 x 1"):
        run_kernel(module, "k", (1,), (32,), [words(64), 1])


@pytest.mark.parametrize(
    ("grid", "group", "arguments", "message"),
    [
        ((1,), (1,), [words(1)], "takes 2 arguments, not 1"),
        ((0,), (1,), [words(1), 1], "one to three sizes above 0"),
        ((1,), (1025,), [words(1), 1], "1025 work items"),
    ],
)
def test_bad_launches(
    grid: tuple[int, ...], group: tuple[int, ...], arguments: list[object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run_kernel(program("store64(p, n)"), "k", grid, group, arguments)


def test_unknown_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="no kernel `other`"):
        run_kernel(program("store64(p, n)"), "other", (1,), (1,), [])


def test_bytearrays_and_placed_arrays_are_buffers() -> None:
    memory, inner, outer = KernelMemory(), words(2), bytearray(8)
    address = memory.place(inner, "inner")
    outer[:] = address.to_bytes(8, "little")
    module = program("store64(load64(p) + tid_x() * 8, n + tid_x())")
    run_kernel(module, "k", (1,), (2,), [outer, 40], memory=memory)
    assert inner.tolist() == [40, 41]


def test_items_that_leave_a_loop_early_meet_the_others_behind_it() -> None:
    body = """
    u64 i = 0
    u64 seen = 0
    while i < tid_local_x() {
        seen = seen * 2 + ballot(1) % 1000
        i += 1
        if i == 3 { break }
        if tid_local_x() == 31 { continue }
        seen += 1
    }
    store64(p + tid_local_x() * 16, seen)
    store64(p + tid_local_x() * 16 + 8, ballot(1))
    """
    found = words(64)
    run_kernel(program(body), "k", (1,), (32,), [found, 0])
    masks = [0xFFFFFFFE % 1000, 0xFFFFFFFC % 1000, 0xFFFFFFF8 % 1000]
    last = masks[0]
    for mask in masks[1:]:
        last = last * 2 + mask
    assert found[2 * 31] == last
    assert set(found[1::2].tolist()) == {0xFFFFFFFF}


def test_a_group_has_lds_of_its_own_with_anything_in_it() -> None:
    body = "u64 a = lds_u64(1)  store64(p + block_idx_x() * 8, lds_read_u64(a, 0))"
    found = words(3)
    run_kernel(program(body), "k", (3,), (1,), [found, 0])
    assert found.tolist() == [0xA5A5A5A5A5A5A5A5] * 3
