"""Code objects from assembler text: our parser and encoder, no other compiler.

Labels are lines that end in a colon; a branch names one. Kernels get the pointer to their arguments
in s[0:1] and the group's number in `GROUP_ID` of their generation.
"""

from mlrift.backends.amdgcn.chips import Chip, Generation, chip_named
from mlrift.backends.amdgcn.codeobject.model import (
    ArgumentKind,
    CodeObject,
    KernelArgument,
    KernelImage,
    SourceLine,
)
from mlrift.backends.amdgcn.codeobject.write import write
from mlrift.backends.amdgcn.isa import encode, parse
from mlrift.emulator import Device, Kernel

GROUP_ID = {Generation.GFX10: "s2", Generation.GFX11: "s2", Generation.GFX12: "ttmp9"}
WAIT = {
    Generation.GFX10: ["s_waitcnt vmcnt(0) lgkmcnt(0)"],
    Generation.GFX11: ["s_waitcnt vmcnt(0) lgkmcnt(0)"],
    Generation.GFX12: ["s_wait_loadcnt_dscnt 0x0", "s_wait_kmcnt 0x0"],
}
"""Waits for everything; the emulator ignores them, a reader need not."""


def chip_of(name: str) -> Chip:
    """Return the chip of a name that exists."""
    found = chip_named(name)
    assert found is not None
    return found


def assemble(lines: list[str], generation: Generation) -> tuple[bytes, list[int]]:
    """Return the code of some lines, and the offset of each (of a label, what follows it)."""
    sizes = [0 if line.endswith(":") else len(_encoded(line, {}, 0, generation)) for line in lines]
    offsets = [sum(sizes[:number]) for number in range(len(lines))]
    labels = {
        line[:-1]: offset for line, offset in zip(lines, offsets, strict=True) if line[-1] == ":"
    }
    code = b"".join(
        _encoded(line, labels, offset + size, generation)
        for line, offset, size in zip(lines, offsets, sizes, strict=True)
        if not line.endswith(":")
    )
    return code, offsets


def _encoded(line: str, labels: dict[str, int], following: int, generation: Generation) -> bytes:
    name, _, target = line.partition(" ")
    if name.startswith(("s_branch", "s_cbranch")) and not target.lstrip("-").isdigit():
        distance = (labels.get(target, following) - following) // 4
        line = f"{name} {distance}"
    return encode(parse(line, generation), generation)


def kernel_object(
    chip_name: str,
    lines: list[str],
    arguments: tuple[tuple[str, int, ArgumentKind], ...],
    *,
    vector_registers: int = 64,
    lds_bytes: int = 0,
    scratch_bytes: int = 0,
) -> bytes:
    """Return a code object with one kernel, `test`; each line of text is a source line."""
    chip = chip_of(chip_name)
    code, offsets = assemble(lines, chip.generation)
    rows, place = [], 0
    for name, size, kind in arguments:
        place = -(-place // size) * size
        rows.append(KernelArgument(name, "", kind, place, size))
        place += size
    needs_scratch = scratch_bytes > 0 and chip.generation is Generation.GFX10
    image = KernelImage(
        name="test",
        code=code,
        arguments=tuple(rows),
        kernarg_bytes=place,
        lds_bytes=lds_bytes,
        scratch_bytes=scratch_bytes,
        registers_scalar=100,
        registers_vector=vector_registers,
        spilled_scalar=0,
        spilled_vector=0,
        user_sgprs=4 if needs_scratch else 2,
        group_ids=(True, False, False),
        local_ids=1,
        required_group=None,
        lines=tuple(
            SourceLine(offset, "test.s", number + 1)
            for number, offset in enumerate(offsets)
            if not lines[number].endswith(":")
        ),
    )
    return write(CodeObject(chip, (image,)))


BUFFER = ArgumentKind.GLOBAL_BUFFER
VALUE = ArgumentKind.BY_VALUE


def assembled_kernel(
    chip_name: str, lines: list[str], arguments: tuple[str, ...] = ("out",), **options: int
) -> Kernel:
    """Return a kernel on a device; all its arguments are buffers."""
    rows = tuple((name, 8, BUFFER) for name in arguments)
    data = kernel_object(chip_name, lines, rows, **options)
    return Device(chip_name).load(data)["test"]
