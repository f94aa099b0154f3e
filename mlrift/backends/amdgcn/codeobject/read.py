"""Files to code objects: ours, clang's, and bundles of them.

Bytes in, a `LoadedObject` out: the chip, every kernel with its code, descriptor and lines, and the
memory that a loader would make of the file. Reading ends in a value or in a `CodeObjectError`,
whatever the bytes are.
"""

from mlrift.backends.amdgcn.chips import Chip, chip_of_machine
from mlrift.backends.amdgcn.codeobject import elf
from mlrift.backends.amdgcn.codeobject.bundle import unwrap
from mlrift.backends.amdgcn.codeobject.descriptor import DESCRIPTOR_BYTES, Descriptor, unpack
from mlrift.backends.amdgcn.codeobject.elf import SectionType, SegmentFlag
from mlrift.backends.amdgcn.codeobject.elf_file import ElfFile, Relocation, Segment, parse_elf
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.metadata import (
    KernelMetadata,
    Metadata,
    unpack_metadata,
)
from mlrift.backends.amdgcn.codeobject.model import CodeObject, KernelImage, SourceLine
from mlrift.backends.amdgcn.codeobject.read_lines import AddressLine, read_lines
from mlrift.values import record, replace, value

_ADDRESS_MASK = (1 << 64) - 1
_INSTRUCTION_BYTES = 4


@value
class LoadedKernel:
    """A kernel of a file: `entry` and `descriptor_address` count from the load address."""

    image: KernelImage
    descriptor: Descriptor
    entry: int
    descriptor_address: int
    metadata: KernelMetadata


@record
class LoadedObject:
    """A code object that was read; addresses count from where it is loaded."""

    chip: Chip
    kernels: tuple[LoadedKernel, ...]
    segments: tuple[Segment, ...]
    relocations: tuple[Relocation, ...]
    symbols: tuple[elf.Symbol, ...]

    @property
    def code_object(self) -> CodeObject:
        """The kernels as the writer takes them."""
        return CodeObject(self.chip, tuple(row.image for row in self.kernels))

    def kernel(self, name: str) -> LoadedKernel:
        """Return a kernel; raises CodeObjectError with the names there are."""
        for row in self.kernels:
            if row.image.name == name:
                return row
        known = ", ".join(row.image.name for row in self.kernels) or "none"
        raise CodeObjectError(f"there is no kernel `{name}`, only: {known}", "code object")

    def memory(self, base: int) -> bytearray:
        """Return all segments as one run of bytes from offset 0, relocated for a load address."""
        image = bytearray(max(row.end for row in self.segments))
        for row in self.segments:
            image[row.address : row.address + len(row.data)] = row.data
        for place in self.relocations:
            target = 0 if place.symbol is None else place.symbol.address
            number = base + target + place.addend & _ADDRESS_MASK
            image[place.address : place.address + 8] = number.to_bytes(8, "little")
        return image


def read(data: bytes, chip: Chip | None = None) -> LoadedObject:
    """Return the code object of a file; `chip` chooses from a bundle. Raises CodeObjectError."""
    file = parse_elf(unwrap(data, chip))
    machine = file.machine_flags & elf.MACHINE_FLAGS
    found = chip_of_machine(machine)
    if found is None:
        raise CodeObjectError(f"machine number {machine:#x} is not a known chip", "ELF header")
    metadata = _metadata(file)
    lines = read_lines(file)
    kernels = tuple(_kernel(file, row, lines) for row in metadata.kernels)
    return LoadedObject(
        found, kernels, tuple(file.segments), tuple(file.relocations), tuple(file.symbols)
    )


def _metadata(file: ElfFile) -> Metadata:
    """Return the metadata of the first note that has some."""
    for row in file.sections:
        if row.type != SectionType.NOTE:
            continue
        position = 0
        while position + elf.NOTE.size <= len(row.data):
            name_bytes, size, type_ = elf.NOTE.unpack_from(row.data, position)
            start = position + elf.NOTE.size
            name = row.data[start : start + name_bytes]
            start += (name_bytes + 3) // 4 * 4
            if start + size > len(row.data):
                raise CodeObjectError("a note ends outside its section", f"section {row.name}")
            if name == elf.NOTE_NAME and type_ == elf.NOTE_METADATA:
                return unpack_metadata(row.data[start : start + size])
            position = start + (size + 3) // 4 * 4
    raise CodeObjectError("there is no note with metadata", "notes")


def _kernel(file: ElfFile, row: KernelMetadata, lines: list[AddressLine]) -> LoadedKernel:
    where = f"kernel `{row.name}`"
    symbol = next((found for found in file.symbols if found.name == row.symbol), None)
    if symbol is None or symbol.section == 0:
        raise CodeObjectError(f"its symbol `{row.symbol}` is not defined", where)
    at = symbol.address
    descriptor = unpack(file.read(at, DESCRIPTOR_BYTES, f"descriptor of {where}"), where)
    entry = at + descriptor.entry_offset
    code = _code(file, entry, where)
    kernarg_bytes = descriptor.kernarg_bytes or row.kernarg_bytes
    if row.kernarg_bytes > kernarg_bytes:
        raise CodeObjectError(
            f"its arguments need {row.kernarg_bytes} bytes, the descriptor has {kernarg_bytes}",
            where,
        )
    image = KernelImage(
        name=row.name,
        code=code,
        arguments=row.arguments,
        kernarg_bytes=kernarg_bytes,
        lds_bytes=descriptor.lds_bytes,
        scratch_bytes=descriptor.scratch_bytes,
        registers_scalar=row.registers_scalar,
        registers_vector=row.registers_vector,
        spilled_scalar=row.spilled_scalar,
        spilled_vector=row.spilled_vector,
        user_sgprs=descriptor.user_sgprs,
        group_ids=descriptor.group_ids,
        local_ids=descriptor.local_ids,
        required_group=row.required_group,
        lines=_lines_of(lines, entry, len(code)),
    )
    return LoadedKernel(image, descriptor, entry, at, row)


def _code(file: ElfFile, entry: int, where: str) -> bytes:
    """Return the code from an address to the end of the function there."""
    if entry % _INSTRUCTION_BYTES:
        raise CodeObjectError(f"its code begins at {entry:#x}, not at a word", where)
    segment = next((row for row in file.segments if row.address <= entry < row.end), None)
    if segment is None or not segment.flags & SegmentFlag.EXECUTE:
        raise CodeObjectError(f"its code begins at {entry:#x}, where there is none", where)
    functions = [row for row in file.symbols if row.type == elf.SymbolType.FUNCTION]
    size = max((row.size for row in functions if row.address == entry), default=0)
    if size == 0:
        later = [row.address for row in functions if row.address > entry]
        size = min([segment.end, *later]) - entry
    if entry + size > segment.end or size % _INSTRUCTION_BYTES:
        raise CodeObjectError(f"its {size} bytes of code at {entry:#x} are not loaded", where)
    return file.read(entry, size, where)


def _lines_of(lines: list[AddressLine], entry: int, size: int) -> tuple[SourceLine, ...]:
    """Return the lines of a kernel, by offset; neighbours differ. Line 0 is of no source."""
    found: list[SourceLine] = []
    for row in lines:
        if row.line == 0 or not entry <= row.address < entry + size:
            continue
        made = SourceLine(row.address - entry, row.path, row.line)
        if found and found[-1].offset == made.offset:
            found.pop()
        if not found or replace(made, offset=found[-1].offset) != found[-1]:
            found.append(made)
    return tuple(found)
