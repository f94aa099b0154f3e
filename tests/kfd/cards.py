"""Emulated cards for tests, and code objects for them."""

from functools import cache

from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.compile import compile_kernels
from mlrift.driver.kernels import kernels_of
from mlrift.ir.passes.device_pipeline import prepare_kernels
from mlrift.runtime.kfd import Device, QueueKind
from mlrift.runtime.kfd.emulated.driver import EmulatedDriver
from mlrift.runtime.kfd.emulated.emulator_executor import EmulatorExecutor

CHIPS = ("gfx1030", "gfx1100", "gfx1201")
KERNELS = """
@kernel
fn saxpy(uint64 x, uint64 y, uint64 n, f32 a) {
    uint64 i = block_idx_x() * 256 + tid_local_x()
    if i < n {
        f32 u = 0.0f
        f32 v = 0.0f
        unsafe { *((x + i * 4) as f32) -> u }
        unsafe { *((y + i * 4) as f32) -> v }
        unsafe { *((y + i * 4) as f32) = v + a * u }
    }
}

@kernel
fn sizes(uint64 out) {
    uint64 p = out + block_idx_x() * 16
    if tid_local_x() == 0 {
        unsafe { *(p as uint64) = block_dim_x() }
        unsafe { *((p + 8) as uint64) = grid_dim_x() }
    }
}

@kernel
fn reversed(uint64 p) {
    uint64 t = tid_local_x()
    f32 own = 0.0f
    unsafe { *((p + t * 4) as f32) -> own }
    lds_store_f32(t, own)
    sync_block()
    f32 other = lds_load_f32(63 - t)
    unsafe { *((p + t * 4) as f32) = other }
    assume_group_size(64, 1, 1)
}

@kernel
fn narrow(uint64 out, f64 a, uint32 b, f32 c, uint64 d) {
    if tid_local_x() == 0 {
        unsafe { *(out as f64) = a }
        unsafe { *((out + 8) as uint32) = b }
        unsafe { *((out + 12) as f32) = c }
        unsafe { *((out + 16) as uint64) = d }
    }
}
"""


def emulated_driver(*gfx: str) -> EmulatedDriver:
    """Return the driver of a machine with these cards."""
    return EmulatedDriver(EmulatorExecutor(), gfx or ("gfx1100",))


def emulated(gfx: str = "gfx1100", kind: QueueKind = QueueKind.AQL) -> Device:
    """Open an emulated card."""
    return Device.open(driver=emulated_driver(gfx), queue_kind=kind)


@cache
def code_object(gfx: str, text: str = KERNELS) -> bytes:
    """Return the code object of kernels for a chip."""
    chip = chip_named(gfx)
    assert chip is not None
    return write(compile_kernels(prepare_kernels(kernels_of(text)), chip))
