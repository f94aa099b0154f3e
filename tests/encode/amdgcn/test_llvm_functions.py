"""Whole functions that LLVM compiles (llvmlite): its text and its bytes against our tables.

This oracle is there wherever the compiler is; llvm-mc need not be installed.
"""

import re

import pytest

from mlrift.backends.amdgcn.chips import Generation
from mlrift.backends.amdgcn.isa import decode, encode, parse
from mlrift.backends.amdgcn.isa.instruction import Unit
from tests.support.llvm_amdgpu import compile_with_llvmlite

DECLARATIONS = """
target triple = "amdgcn-amd-amdhsa"
@lds = internal addrspace(3) global [256 x float] undef, align 16
declare i32 @llvm.amdgcn.workitem.id.x()
declare float @llvm.exp2.f32(float)
declare float @llvm.sqrt.f32(float)
declare float @llvm.fabs.f32(float)
declare double @llvm.fma.f64(double, double, double)
declare i32 @llvm.amdgcn.readfirstlane(i32)
declare i32 @llvm.amdgcn.ds.bpermute(i32, i32)
declare i32 @llvm.amdgcn.update.dpp.i32(i32, i32, i32, i32, i32, i1)
declare float @llvm.amdgcn.fdot2(<2 x half>, <2 x half>, float, i1)
declare void @llvm.amdgcn.s.barrier()
declare i64 @llvm.ctlz.i64(i64, i1)
"""

BODIES = {
    "floats": """
  %e = call float @llvm.exp2.f32(float %x)
  %s = call float @llvm.sqrt.f32(float %e)
  %m = fmul float %s, %f
  %g = call float @llvm.fabs.f32(float %m)
  %v = fdiv float %m, %g
  store float %v, ptr addrspace(1) %p
""",
    "doubles": """
  %w = fpext float %x to double
  %m = call double @llvm.fma.f64(double %w, double %d, double 3.5)
  %q = fdiv double %m, %w
  %big = fcmp ogt double %q, %d
  %v = select i1 %big, double %q, double %d
  store double %v, ptr addrspace(1) %b
""",
    "integers": """
  %w = fptosi float %x to i64
  %u = udiv i64 %w, %n
  %r = urem i64 %w, %n
  %s = shl i64 %u, %r
  %z = call i64 @llvm.ctlz.i64(i64 %s, i1 false)
  %m = mul i64 %z, %w
  %old = atomicrmw add ptr addrspace(1) %b, i64 %m seq_cst
  %v = cmpxchg ptr addrspace(1) %b, i64 %old, i64 %u seq_cst seq_cst
""",
    "halves": """
  %h = fptrunc float %x to half
  %k = fmul half %h, 1.5
  %c = fcmp olt half %k, %h
  %t2 = select i1 %c, half %h, half %k
  %pair = insertelement <2 x half> zeroinitializer, half %t2, i32 1
  %dot = call float @llvm.amdgcn.fdot2(<2 x half> %pair, <2 x half> %pair, float %x, i1 false)
  %back = fptrunc float %dot to half
  store half %back, ptr addrspace(1) %p
""",
    "local memory": """
  %l = getelementptr [256 x float], ptr addrspace(3) @lds, i32 0, i32 %t
  store float %x, ptr addrspace(3) %l
  call void @llvm.amdgcn.s.barrier()
  %o = xor i32 %t, 5
  %l2 = getelementptr [256 x float], ptr addrspace(3) @lds, i32 0, i32 %o
  %y = load <4 x float>, ptr addrspace(3) %l2, align 16
  %bits = bitcast <4 x float> %y to <4 x i32>
  store <4 x i32> %bits, ptr addrspace(1) %a
  %first = extractelement <4 x i32> %bits, i32 2
  %moved = call i32 @llvm.amdgcn.ds.bpermute(i32 %first, i32 %o)
  %shifted = call i32 @llvm.amdgcn.update.dpp.i32(i32 0, i32 %moved, i32 273, i32 15, i32 15, i1 1)
  %same = call i32 @llvm.amdgcn.readfirstlane(i32 %shifted)
  store i32 %same, ptr addrspace(1) %b
""",
}
"""What happens to `x`, the element of `a` at this lane (`t`) as a float."""

GENERATIONS = list(Generation)
_LABEL = re.compile(r"\.LBB\d+_\d+")


def module_of(body: str) -> str:
    """Return a kernel with a guard and a body."""
    return f"""{DECLARATIONS}
define amdgpu_kernel void @k(ptr addrspace(1) %a, ptr addrspace(1) %b, i64 %n, float %f, double %d)
{{
entry:
  %t = call i32 @llvm.amdgcn.workitem.id.x()
  %wide = zext i32 %t to i64
  %inside = icmp ult i64 %wide, %n
  br i1 %inside, label %body, label %end
body:
  %p = getelementptr float, ptr addrspace(1) %a, i64 %wide
  %x = load float, ptr addrspace(1) %p
{body}
  br label %end
end:
  ret void
}}
"""


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_text_and_bytes_of_a_function_agree(generation: Generation, body: str) -> None:
    function = compile_with_llvmlite(module_of(BODIES[body]), generation)
    offset = 0
    for line in function.lines:
        instruction = parse(_LABEL.sub("0", line), generation)
        ours = encode(instruction, generation)
        theirs = function.code[offset : offset + len(ours)]
        if instruction.row.unit is Unit.BRANCH:
            ours, theirs = ours[2:], theirs[2:]
        assert ours == theirs, line
        offset += 2 * (len(ours) == 2) + len(ours)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_byte_of_a_function_is_decoded_and_encoded_again(
    generation: Generation, body: str
) -> None:
    code = compile_with_llvmlite(module_of(BODIES[body]), generation).code
    offset = 0
    while offset < len(code):
        instruction, size = decode(code, offset, generation)
        assert encode(instruction, generation) == code[offset : offset + size]
        offset += size
