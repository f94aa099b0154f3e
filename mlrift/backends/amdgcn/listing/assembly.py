"""Code objects as assembler text that LLVM takes: code, descriptors, metadata.

A code object in, text out; assembling and linking it gives the same code and descriptors.
"""

from mlrift.backends.amdgcn.chips import Chip, Generation
from mlrift.backends.amdgcn.codeobject.descriptor import describe
from mlrift.backends.amdgcn.codeobject.metadata import TARGET_PREFIX, describe_kernels
from mlrift.backends.amdgcn.codeobject.model import CodeObject, KernelImage
from mlrift.backends.amdgcn.isa import print_instruction
from mlrift.backends.amdgcn.listing.decoded import Decoded, Step, decode_kernel, target_of

_COMMENT_COLUMN = 56
_VERSION = 5


def print_code_object(made: CodeObject) -> str:
    """Return the text of a file."""
    parts = [
        f'\t.amdgcn_target "{TARGET_PREFIX}{made.chip.name}"',
        f"\t.amdhsa_code_object_version {_VERSION}",
    ]
    for kernel in made.kernels:
        parts += _code(kernel, made.chip)
        parts += _descriptor(kernel, made.chip)
    return "\n".join([*parts, *_metadata(made)]) + "\n"


def instruction_text(step: Step, generation: Generation, labels: dict[int, str]) -> str:
    """Return an instruction; branches go to labels where there are any."""
    if step.instruction is None:
        return ".long"
    target = target_of(step)
    if target is not None and target in labels:
        return f"{step.instruction.row.name} {labels[target]}"
    return print_instruction(step.instruction, generation)


def labels_of(decoded: Decoded, prefix: str) -> dict[int, str]:
    """Return a name for every target of a branch inside the code."""
    starts = {row.offset for row in decoded.steps}
    inside = [row for row in decoded.targets if row in starts]
    return {offset: f"{prefix}{number}" for number, offset in enumerate(inside)}


def _code(kernel: KernelImage, chip: Chip) -> list[str]:
    decoded = decode_kernel(kernel, chip.generation)
    name = kernel.name
    labels = labels_of(decoded, f".L{name}_")
    lines = [
        "",
        "\t.text",
        f"\t.globl {name}",
        f"\t.protected {name}",
        "\t.p2align 8",
        f"\t.type {name},@function",
        f"{name}:",
    ]
    shown = None
    for step in decoded.steps:
        if step.offset in labels:
            lines.append(f"{labels[step.offset]}:")
        place = decoded.line_at(step.offset)
        if place is not None and (place.path, place.line) != shown:
            shown = (place.path, place.line)
            lines.append(f"\t; {place.path}:{place.line}")
        lines.append(f"\t{_instruction(step, kernel, chip.generation, labels)}")
    return [*lines, f".L{name}_end:", f"\t.size {name}, .L{name}_end-{name}"]


def _instruction(
    step: Step, kernel: KernelImage, generation: Generation, labels: dict[int, str]
) -> str:
    data = kernel.code[step.offset : step.end]
    if step.instruction is None:
        return f".long 0x{int.from_bytes(data, 'little'):08x}"
    text = instruction_text(step, generation, labels)
    return f"{text:<{_COMMENT_COLUMN}} ; {step.offset:04x}"


def _descriptor(kernel: KernelImage, chip: Chip) -> list[str]:
    made = describe(kernel, chip, 0)
    is_first = chip.generation is Generation.GFX10
    has_scratch = int(kernel.scratch_bytes > 0)
    rows: list[tuple[str, int]] = [
        ("group_segment_fixed_size", kernel.lds_bytes),
        ("private_segment_fixed_size", kernel.scratch_bytes),
        ("kernarg_size", kernel.kernarg_bytes),
        ("user_sgpr_count", kernel.user_sgprs),
        ("user_sgpr_kernarg_segment_ptr", int(kernel.kernarg_bytes > 0)),
    ]
    if is_first:
        rows.append(("user_sgpr_flat_scratch_init", has_scratch))
        rows.append(("system_sgpr_private_segment_wavefront_offset", has_scratch))
    else:
        rows.append(("enable_private_segment", has_scratch))
        rows.append(("inst_pref_size", made.resources3 >> 4))
    rows += [
        (f"system_sgpr_workgroup_id_{axis}", int(wanted))
        for axis, wanted in zip("xyz", kernel.group_ids, strict=True)
    ]
    rows += [
        ("system_vgpr_workitem_id", kernel.local_ids - 1),
        ("next_free_vgpr", max(kernel.registers_vector, 1)),
        ("next_free_sgpr", max(kernel.registers_scalar, 1)),
        ("wavefront_size32", 1),
        ("float_denorm_mode_32", 3),
        ("float_denorm_mode_16_64", 3),
        ("workgroup_processor_mode", 1),
        ("memory_ordered", 1),
        ("forward_progress", 1),
    ]
    if chip.generation is not Generation.GFX12:
        rows += [("dx10_clamp", 1), ("ieee_mode", 1)]
    return [
        "",
        "\t.rodata",
        "\t.p2align 6",
        f"\t.amdhsa_kernel {kernel.name}",
        *(f"\t\t.amdhsa_{name} {number}" for name, number in rows),
        "\t.end_amdhsa_kernel",
    ]


def _metadata(made: CodeObject) -> list[str]:
    lines = ["", "\t.amdgpu_metadata", "---", "amdhsa.kernels:"]
    for row in describe_kernels(made):
        lines += _yaml_items([row], "  ")
    lines += [f"amdhsa.target: {TARGET_PREFIX}{made.chip.name}", "amdhsa.version:"]
    return [*lines, "  - 1", "  - 2", "...", "\t.end_amdgpu_metadata"]


def _yaml_items(rows: list[object], indent: str) -> list[str]:
    """Return list items, maps with one key a line."""
    lines: list[str] = []
    for row in rows:
        if not isinstance(row, dict):
            lines.append(f"{indent}- {row}")
            continue
        marker = "- "
        for key, found in row.items():
            lines += _yaml_pair(str(key), found, indent + marker, indent + "  ")
            marker = "  "
    return lines


def _yaml_pair(key: str, found: object, start: str, indent: str) -> list[str]:
    if isinstance(found, list):
        if not found:
            return [f"{start}{key}: []"]
        return [f"{start}{key}:", *_yaml_items(found, indent + "  ")]
    if isinstance(found, bool):
        return [f"{start}{key}: {str(found).lower()}"]
    if isinstance(found, str):
        return [f"{start}{key}: {_quoted(found)}"]
    return [f"{start}{key}: {found}"]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
