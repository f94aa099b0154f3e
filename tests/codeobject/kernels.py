"""Kernels made by hand, and kernels of clang, for the tests of code objects."""

import functools
import subprocess
import tempfile
from pathlib import Path

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.model import (
    ArgumentKind,
    CodeObject,
    KernelArgument,
    KernelImage,
    SourceLine,
)
from mlrift.values import replace
from tests.support.llvm_tools import llvm_tool

NO_OPERATION = bytes.fromhex("000080bf")
END = {"gfx10": bytes.fromhex("000081bf"), "gfx11": bytes.fromhex("0000b0bf")}
PLAIN = KernelImage(
    name="plain",
    code=NO_OPERATION * 5,
    arguments=(
        KernelArgument("out", "u64", ArgumentKind.GLOBAL_BUFFER, 0, 8),
        KernelArgument("n", "u32", ArgumentKind.BY_VALUE, 8, 4),
    ),
    kernarg_bytes=16,
    lds_bytes=0,
    scratch_bytes=0,
    registers_scalar=18,
    registers_vector=9,
    spilled_scalar=0,
    spilled_vector=0,
    user_sgprs=2,
    group_ids=(True, False, False),
    local_ids=1,
    required_group=None,
)


def code_object(chip: Chip, *names: str) -> CodeObject:
    """Return kernels that end at once, of different lengths, with lines."""
    end = END.get(chip.generation.value, END["gfx11"])
    kernels = []
    for number, name in enumerate(names):
        code = NO_OPERATION * (5 + 70 * number) + end
        lines = (
            SourceLine(0, "a/first.mlr", 3),
            SourceLine(4, "b/second.mlr", 40000),
            SourceLine(16, "a/first.mlr", 1),
        )
        image = replace(PLAIN, name=name, code=code, lines=lines, lds_bytes=1024 * number)
        kernels.append(image)
    return CodeObject(chip, tuple(kernels))


TWINS = """
typedef unsigned uint;
typedef unsigned long ulong;
#define GROUPS_TO_1024 __attribute__((amdgpu_flat_work_group_size(1, 1024)))
#define GLOBAL(x) __builtin_amdgcn_workgroup_id_##x()
#define LOCAL(x) __builtin_amdgcn_workitem_id_##x()
__attribute__((reqd_work_group_size(256, 1, 1)))
kernel void scale(global float *buffer, uint n, float factor) {
    uint i = GLOBAL(x) * 256 + LOCAL(x);
    if (i < n) buffer[i] *= factor;
}
GROUPS_TO_1024
kernel void nothing(void) {}
GROUPS_TO_1024
kernel void two_axes(global uint *out, ulong width) {
    out[GLOBAL(y) * width + GLOBAL(x)] = LOCAL(y);
}
GROUPS_TO_1024
kernel void third_axis(global uint *out, short s, double d) {
    out[GLOBAL(z) + LOCAL(z)] = (uint) (s + d);
}
__attribute__((reqd_work_group_size(16, 16, 1)))
kernel void turned(global float *out, global const float *restrict in, ulong n) {
    local float tile[16][17];
    tile[LOCAL(y)][LOCAL(x)] = in[LOCAL(y) * n + LOCAL(x)];
    __builtin_amdgcn_s_barrier();
    out[LOCAL(y) * n + LOCAL(x)] = tile[LOCAL(x)][LOCAL(y)];
}
GROUPS_TO_1024
kernel void many_registers(global const float *restrict in, global float *restrict out) {
    float sums[48];
    for (int k = 0; k < 48; k++) sums[k] = in[k * 64 + LOCAL(x)];
    __builtin_amdgcn_s_barrier();
    for (int k = 0; k < 48; k++) out[k * 64 + LOCAL(x)] = sums[k] * sums[47 - k];
}
"""
HIDDEN = """
kernel void sized(global unsigned *out) {
    constant unsigned *hidden = (constant unsigned *) __builtin_amdgcn_implicitarg_ptr();
    out[__builtin_amdgcn_workgroup_size_x()] = hidden[0];
}
"""

TABLES = """
constant int first = 7;
constant int second = 40;
constant int *constant tables[2] = {&first, &second};
kernel void chosen(global int *out, unsigned long which) { *out = *tables[which]; }
"""


@functools.cache
def compile_with_clang(source: str, chip_name: str, *options: str) -> bytes:
    """Return clang's code object of an OpenCL source; skips the test without clang."""
    llvm_tool("ld.lld")
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "twins.cl"), Path(folder, "twins.co")
        path.write_text(source)
        words = ("-cl-std=CL2.0", "-target", "amdgcn-amd-amdhsa", f"-mcpu={chip_name}")
        more = ("-nogpulib", "-O3", "-w", *options)
        command = [llvm_tool("clang"), "-x", "cl", *words, *more, str(path), "-o", str(out)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return out.read_bytes()
