"""Assembler text to findings of the checker: one instruction a line, labels end in a colon."""

from mlrift.backends.amdgcn.check import Finding, check_kernel
from mlrift.backends.amdgcn.chips import chip_named
from mlrift.backends.amdgcn.codeobject.model import KernelImage
from mlrift.backends.amdgcn.isa import encode, parse

_SOME_KERNARG_BYTES = 64
_USER_SGPRS = {"gfx1030": 2, "gfx1100": 15, "gfx1201": 2}


def image_of(text: str, chip_name: str, lds_bytes: int = 1024, vectors: int = 64) -> KernelImage:
    """Return a kernel with a kernarg pointer, one group id and one local id."""
    return KernelImage(
        name="k",
        code=assemble(text, chip_name),
        arguments=(),
        kernarg_bytes=_SOME_KERNARG_BYTES,
        lds_bytes=lds_bytes,
        scratch_bytes=0,
        registers_scalar=32,
        registers_vector=vectors,
        spilled_scalar=0,
        spilled_vector=0,
        user_sgprs=_USER_SGPRS[chip_name],
        group_ids=(True, False, False),
        local_ids=1,
        required_group=None,
    )


def findings_of(text: str, chip_name: str, lds_bytes: int = 1024) -> list[Finding]:
    """Return what the checker says about a kernel given as text."""
    chip = chip_named(chip_name)
    assert chip is not None
    return check_kernel(image_of(text, chip_name, lds_bytes), chip)


def rules_of(text: str, chip_name: str, lds_bytes: int = 1024) -> list[str]:
    """Return the ids of the broken rules, in the order of the code."""
    return [row.rule.value for row in findings_of(text, chip_name, lds_bytes)]


def assemble(text: str, chip_name: str) -> bytes:
    """Return code. Branches to labels are one word, so sizes are known in a first round."""
    chip = chip_named(chip_name)
    assert chip is not None
    lines = [line.split("//")[0].strip() for line in text.splitlines()]
    places: dict[str, int] = {}
    parts: list[tuple[int, str]] = []
    offset = 0
    for line in lines:
        if line.endswith(":"):
            places[line[:-1]] = offset
        elif line:
            parts.append((offset, line))
            offset += len(_encode(_resolved(line, offset, {}), chip_name))
    return b"".join(_encode(_resolved(line, at, places), chip_name) for at, line in parts)


def _resolved(line: str, offset: int, places: dict[str, int]) -> str:
    name, _, rest = line.partition(" ")
    if name == "s_branch" or name.startswith("s_cbranch"):
        distance = (places.get(rest.strip(), offset + 4) - offset - 4) // 4
        return f"{name} {distance & 0xFFFF}"
    return line


def _encode(line: str, chip_name: str) -> bytes:
    chip = chip_named(chip_name)
    assert chip is not None
    return encode(parse(line, chip.generation), chip.generation)
