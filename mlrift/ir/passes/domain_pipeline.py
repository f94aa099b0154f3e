"""The passes that turn domain ops into core ops, before the core library is added to a program.

They are imported only for modules that have such ops: a family whose declarations nobody has
imported cannot be in a module.
"""

import sys
from collections.abc import Callable
from enum import Enum, unique
from importlib import import_module

from mlrift.ir.core import Module
from mlrift.ir.ops.rare import DOMAIN_FAMILIES
from mlrift.ir.passes.declaration import Pass

Observer = Callable[[str, Module], None]

# Names of passes, each a module of this package with a `PASS`.
TENSOR_PASSES = (
    "remove_unreachable_blocks",
    "promote_tensor_slots",
    "fuse_tensors",
    "fuse_products",
    "place_releases",
    "expand_tensors",
)
DEVICE_PASSES = ("expand_device",)
MODEL_FAMILIES = ("population", "dynamics", "events", "csr", "plasticity")
MODEL_PASSES = ("remove_dead_state", "fold_weights", "expand_models")


def find_domain_pass(name: str) -> Pass:
    """Return a pass by its name."""
    found: Pass = import_module(f"mlrift.ir.passes.{name}").PASS
    return found


@unique
class DomainOps(Enum):
    """What becomes of domain ops: the interpreter can run those of models as they are."""

    EXPANDED = "expanded"
    MODELS_KEPT = "models kept"


def expand_domain_ops(
    module: Module, observe: Observer | None = None, domain_ops: DomainOps = DomainOps.EXPANDED
) -> None:
    """Leave only core ops in a module; `observe(name, module)` is called after each pass."""
    names: tuple[str, ...] = DEVICE_PASSES if has_family("device", module) else ()
    is_expanded = domain_ops is DomainOps.EXPANDED
    if is_expanded and any(has_family(family, module) for family in MODEL_FAMILIES):
        names += MODEL_PASSES
    if has_family("tensor", module):
        names += TENSOR_PASSES
    for name in names:
        find_domain_pass(name).run(module)
        if observe is not None:
            observe(name, module)


def has_family(family: str, module: Module) -> bool:
    """Whether a module has ops of a domain."""
    if not any(row in sys.modules for row in DOMAIN_FAMILIES[family]):
        return False
    start = f"{family}."
    return any(
        made.MNEMONIC.startswith(start)
        for function in module.functions.values()
        for made in function.ops()
    )
