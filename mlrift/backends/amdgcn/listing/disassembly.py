"""Any code object as a listing: what each kernel is, then offset, words, instruction and line."""

from mlrift.backends.amdgcn.chips import Chip
from mlrift.backends.amdgcn.codeobject.model import KernelImage
from mlrift.backends.amdgcn.codeobject.read import LoadedObject
from mlrift.backends.amdgcn.listing.assembly import instruction_text, labels_of
from mlrift.backends.amdgcn.listing.decoded import Step, decode_kernel

_WORDS_WIDTH = 27


def disassemble(loaded: LoadedObject) -> str:
    """Return the listing of all kernels of a file."""
    parts = [f"; {loaded.chip.name}, {len(loaded.kernels)} kernels\n"]
    parts += [_kernel(row.image, loaded.chip) for row in loaded.kernels]
    return "\n".join(parts)


def _kernel(kernel: KernelImage, chip: Chip) -> str:
    decoded = decode_kernel(kernel, chip.generation)
    labels = labels_of(decoded, "L")
    lines = [f"{kernel.name}:", *_head(kernel)]
    shown = None
    for step in decoded.steps:
        place = decoded.line_at(step.offset)
        if place is not None and (place.path, place.line) != shown:
            shown = (place.path, place.line)
            lines.append(f"; {place.path}:{place.line}")
        if step.offset in labels:
            lines.append(f"{labels[step.offset]}:")
        lines.append(_line(step, kernel, chip, labels))
    return "\n".join(lines) + "\n"


def _line(step: Step, kernel: KernelImage, chip: Chip, labels: dict[int, str]) -> str:
    data = kernel.code[step.offset : step.end]
    words = " ".join(
        f"{int.from_bytes(data[at : at + 4], 'little'):08x}" for at in range(0, len(data), 4)
    )
    text = instruction_text(step, chip.generation, labels)
    if step.instruction is None:
        text = "(no instruction)"
    return f"  {step.offset:04x}: {words:<{_WORDS_WIDTH}}{text}"


def _head(kernel: KernelImage) -> list[str]:
    lines = [
        f"; {len(kernel.code)} bytes, {kernel.registers_vector} VGPRs, "
        f"{kernel.registers_scalar} SGPRs, {kernel.lds_bytes} bytes of LDS, "
        f"{kernel.scratch_bytes} of private memory a work item"
    ]
    if kernel.required_group is not None:
        x, y, z = kernel.required_group
        lines.append(f"; groups of {x} x {y} x {z} work items")
    for row in kernel.arguments:
        if not row.kind.is_hidden:
            name = row.name or "argument"
            lines.append(f"; {row.offset:4}: {name}, {row.size} bytes, {row.kind.value}")
    return lines
