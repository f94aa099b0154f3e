"""Files of code objects for the commands that show and check them: bytes in, text out."""

from mlrift.backends.amdgcn.chips import CHIPS, Chip, chip_named
from mlrift.backends.amdgcn.codeobject.errors import CodeObjectError
from mlrift.backends.amdgcn.codeobject.read import read


class UnknownChip(Exception):
    """A gfx name that we have no row for; the message lists those we have."""


def chip_of_words(name: str | None) -> Chip | None:
    """Return the chip of an option, None when it is not given; raises UnknownChip."""
    if name is None:
        return None
    found = chip_named(name)
    if found is None:
        known = ", ".join(row.name for row in CHIPS)
        raise UnknownChip(f"unknown --target-arch '{name}'; known: {known}")
    return found


def listing_of(data: bytes, chip: Chip | None) -> str:
    """Return a file's instructions as text; raises CodeObjectError."""
    from mlrift.backends.amdgcn.listing.disassembly import disassemble  # noqa: PLC0415

    return disassemble(read(data, chip))


def explanation_of(data: bytes, chip: Chip | None, card: str) -> str:
    """Return what the kernels of a file need and cost; raises CodeObjectError."""
    from mlrift.backends.amdgcn.listing.cards import card_named  # noqa: PLC0415
    from mlrift.backends.amdgcn.listing.explain import explain  # noqa: PLC0415

    return explain(read(data, chip).code_object, card_named(card))


def findings_of(data: bytes, chip: Chip | None) -> list[str]:
    """Return what the checker finds in a file, a line each; raises CodeObjectError."""
    from mlrift.backends.amdgcn.check import check_code_object  # noqa: PLC0415
    from mlrift.backends.amdgcn.codeobject.bundle import unwrap  # noqa: PLC0415

    return [row.text() for row in check_code_object(unwrap(data, chip))]


def kernel_names(data: bytes, chip: Chip | None) -> list[str]:
    """Return the kernels of a file; raises CodeObjectError."""
    return [row.image.name for row in read(data, chip).kernels]


__all__ = [
    "CodeObjectError",
    "UnknownChip",
    "chip_of_words",
    "explanation_of",
    "findings_of",
    "kernel_names",
    "listing_of",
]
