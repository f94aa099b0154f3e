"""The passes of kernels keep what kernels mean, and leave legal IR in the form they promise."""

import pytest

from mlrift.ir.analysis.control_flow import predecessors
from mlrift.ir.analysis.dominance import Dominators
from mlrift.ir.analysis.loops import natural_loops
from mlrift.ir.core import Function, Linkage, Module
from mlrift.ir.op import Op
from mlrift.ir.ops.arith import Sdiv, Srem
from mlrift.ir.ops.call import Call, CallIndirect
from mlrift.ir.ops.control import Jump, Return
from mlrift.ir.ops.device import GroupReduce
from mlrift.ir.ops.memory import Copy, Fill, Fresh, SlotNew
from mlrift.ir.passes.declaration import EVERY_PROPERTY
from mlrift.ir.passes.device_error import DeviceError
from mlrift.ir.passes.device_pipeline import ORDER, PASSES, find_device_pass, prepare_kernels
from mlrift.ir.text import parse_module, print_module
from mlrift.ir.verify import check_module
from tests.unit.ir.random_kernels import random_kernel, results

GONE: tuple[type[Op], ...] = (
    Call,
    CallIndirect,
    Copy,
    Fill,
    Fresh,
    GroupReduce,
    Sdiv,
    SlotNew,
    Srem,
)


@pytest.mark.parametrize("seed", range(160))
def test_prepared_kernels_mean_the_same(seed: int) -> None:
    module, launch = random_kernel(seed)
    check_module(module, "the generator")
    before = results(module, launch)
    prepare_kernels(module, lambda name, made: check_module(made, name))
    assert results(module, launch) == before
    for function in module.functions.values():
        assert not [made for made in function.ops() if isinstance(made, GONE)]
        check_shape(function)


def check_shape(function: Function) -> None:
    """Check the normal form that selection relies on."""
    before = predecessors(function.blocks)
    assert sum(isinstance(block.ops[-1], Return) for block in function.blocks) <= 1
    for block in function.blocks:
        edges = block.successors()
        for edge in edges:
            assert len(edges) == 1 or len(before[edge.block]) == 1, "a critical edge"
    dominators = Dominators(function)
    for loop in natural_loops(function, dominators):
        sources = before[loop.header]
        latches = [row for row in sources if row in loop.blocks]
        outside = [row for row in sources if row not in loop.blocks]
        assert len(latches) == 1
        assert len(outside) == 1
        assert isinstance(outside[0].ops[-1], Jump)
        made_here = {value for block in loop.blocks for value in (*block.parameters, *block.ops)}
        for block in function.blocks:
            if block not in loop.blocks:
                used = [value for made in block.ops for value in made.operands()]
                assert not made_here.intersection(used), "a value leaves a loop by itself"


@pytest.mark.parametrize("seed", range(160, 172))
def test_runs_come_to_an_end(seed: int) -> None:
    """Another run may find more (a loop that is short enough now), but not for ever."""
    module, launch = random_kernel(seed)
    before = results(module, launch)
    sizes = []
    for _ in range(4):
        prepare_kernels(module)
        sizes.append(sum(len(block.ops) for f in module.functions.values() for block in f.blocks))
    assert results(module, launch) == before
    assert sizes[3] <= sizes[2] + 4


@pytest.mark.parametrize("seed", range(172, 180))
def test_prepared_kernels_print_and_parse(seed: int) -> None:
    module, launch = random_kernel(seed)
    prepare_kernels(module)
    again = parse_module(print_module(module))
    check_module(again, "parsing")
    assert results(again, launch) == results(module, launch)


def test_ordering_constraints_hold() -> None:
    names = [row.name for row in PASSES]
    for row in ORDER:
        last = max(number for number, name in enumerate(names) if name == row.second)
        assert names.index(row.first) < last, f"{row.first} before {row.second}: {row.because}"


def test_every_device_pass_is_recorded_under_its_name() -> None:
    for row in PASSES:
        if row.name.startswith("device_"):
            module = __import__(f"mlrift.ir.passes.{row.name}", fromlist=["PASS"])
            assert module.PASS is row is find_device_pass(row.name)
            assert "=>" in (module.__doc__ or "") or row.name == "device_reduce", row.name
            assert row.keeps <= EVERY_PROPERTY


def _module(text: str) -> Module:
    return parse_module(text)


def test_recursion_is_refused() -> None:
    module = _module(
        """
        exported function @k(%p : i64) {
        ^entry:
          call.direct @odd(%p) -> ()
          control.return
        }
        function @odd(%p : i64) {
        ^entry:
          call.direct @even(%p) -> ()
          control.return
        }
        function @even(%p : i64) {
        ^entry:
          call.direct @odd(%p) -> ()
          control.return
        }
        """
    )
    with pytest.raises(DeviceError, match="recursion: odd -> even -> odd"):
        prepare_kernels(module)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("%x = call.direct @other(%p) -> (i64)", "cannot be called in a kernel"),
        ("%x = call.indirect %p()", "no calls of addresses"),
        ("%x = call.address_of @k\n memory.store %p, %x : i64", "functions have no address"),
        (
            "%x = memory.fresh 100000\n memory.store %p, %x : i64",
            "storage is too large, or its address is kept",
        ),
        (
            "device.assume_group_size 32, 1, 1\n device.assume_group_size 64, 1, 1",
            "groups of two sizes",
        ),
    ],
)
def test_what_a_device_has_not_is_refused(body: str, reason: str) -> None:
    module = _module(
        f"""
        exported function @k(%p : i64) {{
        ^entry:
          {body}
          control.return
        }}
        declare @other(i64) -> i64
        """
    )
    with pytest.raises(DeviceError, match=reason):
        prepare_kernels(module)


def test_only_kernels_are_left() -> None:
    module = _module(
        """
        exported function @k(%p : i64) {
        ^entry:
          %x = call.direct @one() -> (i64)
          memory.store %p, %x : i64
          control.return
        }
        function @one() -> i64 {
        ^entry:
          %x = arith.constant 1 : i64
          control.return %x
        }
        """
    )
    assert list(prepare_kernels(module).functions) == ["k"]
    assert module.functions["k"].linkage is Linkage.EXPORTED
