"""Random code written twice: as LLVM's machine IR for its passes, as text for the checker.

A form is one instruction in both languages. LLVM mends what is wrong by waits; whether it did is
what comes out.
"""

from collections.abc import Sequence
from enum import Enum, unique

from tests.support.llvm_tools import run_llvm_tool

Form = tuple[str, str]


@unique
class Shape(Enum):
    """How three runs of instructions are put together."""

    STRAIGHT = "one after the other"
    SKIPPED = "the second may be skipped"
    LOOP = "the second is repeated"


_MACHINE_BLOCKS = {
    Shape.STRAIGHT: "  bb.0:\n{0}{1}{2}    S_ENDPGM 0\n",
    Shape.SKIPPED: (
        "  bb.0:\n    successors: %bb.1, %bb.2\n{0}"
        "    S_CBRANCH_SCC1 %bb.2, implicit undef $scc\n"
        "  bb.1:\n    successors: %bb.2\n{1}  bb.2:\n{2}    S_ENDPGM 0\n"
    ),
    Shape.LOOP: (
        "  bb.0:\n    successors: %bb.1\n{0}"
        "  bb.1:\n    successors: %bb.1, %bb.2\n{1}"
        "    S_CBRANCH_SCC1 %bb.1, implicit undef $scc\n  bb.2:\n{2}    S_ENDPGM 0\n"
    ),
}
_TEXT = {
    Shape.STRAIGHT: "{0}{1}{2}s_endpgm\n",
    Shape.SKIPPED: "{0}s_cbranch_scc1 skip\n{1}skip:\n{2}s_endpgm\n",
    Shape.LOOP: "{0}again:\n{1}s_cbranch_scc1 again\n{2}s_endpgm\n",
}
Sequence3 = Sequence[Sequence[Form]]


def text_of(parts: Sequence3, shape: Shape) -> str:
    """Return three runs as assembler text."""
    return _TEXT[shape].format(*("".join(f"{form[1]}\n" for form in part) for part in parts))


def output_of_pass(
    cases: Sequence[tuple[Sequence3, Shape]], chip: str, machine_pass: str
) -> list[str]:
    """Return what a pass of LLVM makes of each case, as machine IR."""
    names = [f"f{index}" for index in range(len(cases))]
    declared = "".join(f"  define amdgpu_kernel void @{name}() {{ ret void }}\n" for name in names)
    documents = [f"--- |\n{declared}...\n"]
    for name, (parts, shape) in zip(names, cases, strict=True):
        runs = ["".join(f"    {form[0]}\n" for form in part) for part in parts]
        body = _MACHINE_BLOCKS[shape].format(*runs)
        head = f"name: {name}\nmachineFunctionInfo:\n  isEntryFunction: true\n"
        documents.append(f"---\n{head}body: |\n{body}...\n")
    output = run_llvm_tool(
        "llc",
        *("-mtriple=amdgcn-amd-amdhsa", f"-mcpu={chip}", "-x", "mir"),
        *(f"-run-pass={machine_pass}", "-o", "-", "-"),
        stdin="".join(documents).encode(),
    )
    made = output.split("\nname: ")[1:]
    assert len(made) == len(cases)
    return made
