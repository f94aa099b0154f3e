"""Families of ops that most programs do not use, and the modules that declare them.

They are not imported with the others: who meets a mnemonic that is not registered asks for its
family. A pass that makes such ops imports their classes, so passes never need this. Core ops have
a rule in every back end; domain ops are expanded into them by a pass.
"""

from importlib import import_module

RARE_CORE_FAMILIES: dict[str, tuple[str, ...]] = {
    "loop": ("mlrift.ir.ops.loop",),
    "vector": (
        "mlrift.ir.ops.vector",
        "mlrift.ir.ops.vector_arith",
        "mlrift.ir.ops.vector_reduce",
        "mlrift.ir.ops.vector_memory",
        "mlrift.ir.ops.vector_dot",
    ),
    "parallel": ("mlrift.ir.ops.parallel",),
    "cpu": ("mlrift.ir.ops.processor",),
}
DOMAIN_FAMILIES: dict[str, tuple[str, ...]] = {
    "device": ("mlrift.ir.ops.device",),
    "population": ("mlrift.ir.ops.population",),
    "dynamics": ("mlrift.ir.ops.dynamics",),
    "events": ("mlrift.ir.ops.events",),
    "csr": ("mlrift.ir.ops.csr",),
    "plasticity": ("mlrift.ir.ops.plasticity",),
    "tensor": (
        "mlrift.ir.ops.tensor",
        "mlrift.ir.ops.tensor_map",
        "mlrift.ir.ops.tensor_shape",
        "mlrift.ir.ops.tensor_reduce",
        "mlrift.ir.ops.tensor_linear",
        "mlrift.ir.ops.tensor_rows",
        "mlrift.ir.ops.tensor_fused",
        "mlrift.ir.ops.tensor_release",
    ),
}
RARE_FAMILIES = RARE_CORE_FAMILIES | DOMAIN_FAMILIES


def family_of(mnemonic: str) -> str:
    """Return what stands before the point."""
    return mnemonic.partition(".")[0]


def load_family(mnemonic: str) -> None:
    """Declare the ops of a mnemonic's family if it is one of the rare ones."""
    for module in RARE_FAMILIES.get(family_of(mnemonic), ()):
        import_module(module)


def load_every_family() -> None:
    """Declare all ops: for tests and reference pages."""
    for family in RARE_FAMILIES:
        load_family(family)


def is_core(mnemonic: str) -> bool:
    """Return whether every back end has a rule for the op of a mnemonic."""
    return family_of(mnemonic) not in DOMAIN_FAMILIES
