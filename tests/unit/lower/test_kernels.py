"""What lowering makes of kernels: contraction, group sizes, the meaning of names."""

import pytest

from mlrift.driver.kernels import KernelError, kernels_in, kernels_of
from mlrift.ir.core import Function
from mlrift.ir.op import Op
from mlrift.ir.ops.device import AssumeGroupSize, GroupSize, LdsArray, LocalId
from tests.unit.lower.programs import lower, ops_of


def kernel(body: str, parameters: str = "u64 p, u64 n, f32 a, f64 d", before: str = "") -> Function:
    """Return the only kernel of a program."""
    text = f"{before}\n@kernel\nfn k({parameters}) {{\n{body}\n}}\n"
    return kernels_in(kernels_of(text))[0]


def names(function: Function) -> list[str]:
    """Return the mnemonics of a function."""
    return [made.MNEMONIC for made in function.ops()]


def found(function: Function, kind: type[Op]) -> list[Op]:
    """Return the ops of a class."""
    return [made for made in function.ops() if isinstance(made, kind)]


STORE = "unsafe { *(p as f32) = x }"


@pytest.mark.parametrize(
    "expression", ["a * 2.0 + 1.0", "1.0 + a * a", "a * a - a", "a - a * 3.0f", "(a * a) + a * a"]
)
def test_a_product_and_its_sum_are_one_op(expression: str) -> None:
    ops = names(kernel(f"f32 x = {expression}  {STORE}"))
    assert ops.count("device.fast_fma") == 1
    assert "arith.fadd" not in ops


def test_a_compound_sum_takes_its_product() -> None:
    ops = names(kernel(f"f32 x = a  x += a * a  x -= a * 2.0  {STORE}"))
    assert ops.count("device.fast_fma") == 2


@pytest.mark.parametrize("body", ["f64 y = d * d + 1.0", "f32 t = a * a  f32 x = t + 1.0"])
def test_other_sums_stay(body: str) -> None:
    assert "device.fast_fma" not in names(kernel(f"{body}  store64(p, n)"))


def test_float_literals_beside_f32_do_not_widen() -> None:
    ops = names(kernel(f"f32 x = a * 0.5  if a > 1.0 {{ x = 2.0 * a }}  {STORE}"))
    assert "convert.widen" not in ops


def test_functions_of_a_host_round_twice_and_widen() -> None:
    ops = ops_of(lower("fn main() { f32 a = 2.0f f32 x = a * a + a * 2.0 println(x) }"))
    assert "device.fast_fma" not in ops
    assert "convert.widen" in ops


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("u64 i = block_idx_x() * 256 + tid_local_x()  store64(p + i, 1)", (256, 1, 1)),
        ("u64 i = tid_local_x() + 64 * block_idx_x()  store64(p + i, 1)", (64, 1, 1)),
        ("assume_group_size(8, 4, 2)  store64(p + tid_local_y(), 1)", (8, 4, 2)),
    ],
)
def test_group_sizes_are_known(body: str, expected: tuple[int, int, int]) -> None:
    (said,) = found(kernel(body), AssumeGroupSize)
    assert isinstance(said, AssumeGroupSize)
    assert (said.x, said.y, said.z) == expected


@pytest.mark.parametrize(
    "body",
    [
        "u64 i = block_idx_x() * n + tid_local_x()  store64(p + i, 1)",
        "u64 i = block_idx_x() * 64 + tid_local_x() + block_idx_x() * 32  store64(p + i, 1)"
        "  store64(p + (block_idx_x() * 32 + tid_local_x()), 1)",
        "u64 i = block_idx_x() * 16 + tid_local_x() + tid_local_y()  store64(p + i, 1)",
        "u64 i = block_idx_x() * 4096 + tid_local_x()  store64(p + i, 1)",
    ],
)
def test_group_sizes_that_are_not_said(body: str) -> None:
    assert not found(kernel(body), AssumeGroupSize)


def test_tid_is_global_but_local_beside_the_older_name() -> None:
    everywhere = kernel("store64(p + tid_x() * 8, 1)")
    assert len(found(everywhere, GroupSize)) == 1
    older = kernel("store64(p + (block_id_x() * 64 + tid_x()) * 8, 1)")
    assert not found(older, GroupSize)
    assert len(found(older, LocalId)) == 1


def test_stubs_of_the_first_compiler_are_builtins() -> None:
    stubs = "fn tid_local_x() -> u64 { return 7 }\nfn any_marker() { println(1) }"
    made = kernel("any_marker()  store64(p, tid_local_x())", before=stubs)
    assert "call.direct" not in names(made)
    assert len(found(made, LocalId)) == 1


def test_functions_of_the_program_come_before_newer_names() -> None:
    own = "fn lane_id() -> u64 { return 5 }"
    assert "device.lane" not in names(kernel("store64(p, lane_id())", before=own))
    assert "device.lane" in names(kernel("store64(p, lane_id())"))


def test_each_array_of_the_source_has_a_number() -> None:
    made = kernel("u64 a = lds_f32(8)  u64 b = lds_u8(8)  store64(p, a + b)  lds_store_f32(0, a)")
    arrays = [row for row in found(made, LdsArray) if isinstance(row, LdsArray)]
    assert sorted((row.number, row.size_bytes) for row in arrays) == [(0, 8192), (1, 32), (2, 8)]


def test_only_kernels_and_what_they_call_are_looked_at() -> None:
    text = "fn f() -> u64 { return 1 }\nfn main() { unknown(3) }\n"
    module = kernels_of(text + "@kernel\nfn k(u64 p) { store64(p, f()) }\n")
    assert list(module.functions) == ["f", "k"]


def test_mistakes_are_raised_with_their_lines() -> None:
    with pytest.raises(KernelError, match=r"kernels\.mlr:2: E0805 .* `print`"):
        kernels_of("@kernel\nfn k(u64 p) { println(p) }\n")
