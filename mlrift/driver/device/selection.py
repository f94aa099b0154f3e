"""From the words of the command line to a product of kernels and the chips it is for: gpu.md 1.8.

What has nothing to do with kernels is left to `driver/selection.py`.
"""

from mlrift.driver.options import KERNEL_PRODUCTS, KernelRoad, Product
from mlrift.driver.selection import EMIT_KINDS, Selection, SelectionError, select
from mlrift.targets import LINUX, X86_64, target_for
from mlrift.values import replace, value

# What kinds of the host mean where kernels are asked for.
_KINDS_OF_KERNELS = {Product.ASSEMBLY: Product.KERNEL_ASSEMBLY, Product.IR: Product.KERNEL_IR}
_ROADS = {row.value: row for row in (KernelRoad.NATIVE, KernelRoad.HIP)}


@value
class KernelWords:
    """The words of a command line that decide about kernels; None for an option not given."""

    emit: str | None
    arch: str | None
    target: str | None
    targets: str | None
    target_arch: str | None
    is_explained: bool
    card: str | None = None

    @property
    def concern_kernels(self) -> bool:
        """Whether they ask for kernels."""
        kind = EMIT_KINDS.get(self.emit or "")
        makes_kernels = kind is not None and kind.product in KERNEL_PRODUCTS
        given = (self.target_arch, self.card)
        is_asked = makes_kernels or given != (None, None) or self.target in _ROADS
        return self.is_explained or is_asked


def select_kernels(words: KernelWords) -> Selection:
    """Combine the options; raises SelectionError."""
    road = _ROADS.get(words.target or "", KernelRoad.NONE)
    if words.targets is not None:
        return _select_fat(words, road)
    system = None if road is not KernelRoad.NONE else words.target
    host = select(None, words.arch, system, None)
    if words.arch is not None or words.target is not None:
        _check_host(host)
    if words.card is not None:
        _check_card(words)
    product = _product(words.emit, road, words.is_explained)
    chips = _parse_chips(words.target_arch)
    if product not in KERNEL_PRODUCTS and road is KernelRoad.NONE:
        raise SelectionError(
            "--target-arch is for kernels: add --target=amdgpu-native, --emit=co or --emit=gpu-asm"
        )
    if product is Product.CODE_OBJECT and road is KernelRoad.HIP:
        raise SelectionError("--target=hip-amd leaves code objects to hipcc; leave out --emit=co")
    only_linux = (target_for(LINUX, X86_64),)
    return replace(host, product=product, targets=only_linux, kernels=road, chips=chips)


def _select_fat(words: KernelWords, road: KernelRoad) -> Selection:
    """Return what makes a fat file with code for cards; raises SelectionError."""
    if road is not KernelRoad.NATIVE or words.emit is not None or words.is_explained:
        raise SelectionError(
            "--targets makes a fat file: code for AMD cards goes there by --target=amdgpu-native"
        )
    if words.card is not None:
        _check_card(words)
    chosen = select(None, None, None, words.targets)
    if target_for(LINUX, X86_64) not in chosen.targets:
        raise SelectionError(
            "--target=amdgpu-native drives cards on Linux on x86_64: add linux-x64 to --targets"
        )
    return replace(chosen, kernels=road, chips=_parse_chips(words.target_arch))


def _check_card(words: KernelWords) -> None:
    from mlrift.backends.amdgcn.listing.cards import CARDS, card_named  # noqa: PLC0415

    if not words.is_explained:
        raise SelectionError("--card is for --explain-kernels")
    if card_named(words.card or "") is None:
        known = ", ".join(row.name for row in CARDS)
        raise SelectionError(f"unknown --card '{words.card}'; known: {known}")


def _check_host(host: Selection) -> None:
    if host.product is Product.EXECUTABLE and host.targets != (target_for(LINUX, X86_64),):
        raise SelectionError("programs with kernels for AMD cards are for Linux on x86_64")


def _product(emit: str | None, road: KernelRoad, is_explained: bool) -> Product:
    if is_explained:
        if emit is not None:
            raise SelectionError("--explain-kernels prints a report; leave out --emit")
        return Product.KERNEL_REPORT
    if emit is None:
        return Product.EXECUTABLE
    found = EMIT_KINDS.get(emit)
    if found is None:
        raise SelectionError(f"unknown --emit kind '{emit}'; known: {', '.join(EMIT_KINDS)}")
    product = _KINDS_OF_KERNELS.get(found.product, found.product)
    is_linux = found.system in (None, LINUX) and found.cpu in (None, X86_64)
    if product in KERNEL_PRODUCTS or (product is Product.EXECUTABLE and is_linux):
        return product
    what = "--target-arch" if road is KernelRoad.NONE else f"--target={road.value}"
    kinds = "elfexe, co, gpu-asm, gpu-ir, mir"
    raise SelectionError(f"--emit={emit} does not go with {what}; give one of: {kinds}")


def _parse_chips(text: str | None) -> tuple[str, ...]:
    """Return gfx names in the order given, each once."""
    from mlrift.backends.amdgcn.chips import (  # noqa: PLC0415 - for kernels only
        CHIPS,
        DEFAULT_CHIP,
        chip_named,
    )

    if text is None:
        return (DEFAULT_CHIP,)
    known = ", ".join(row.name for row in CHIPS)
    names = [part.strip() for part in text.split(",")]
    for name in names:
        if chip_named(name) is None:
            raise SelectionError(f"unknown --target-arch '{name}'; known: {known}")
    return tuple(dict.fromkeys(names))
