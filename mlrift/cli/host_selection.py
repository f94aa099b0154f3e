"""The target of commands that execute what they compile: this machine, and no other."""

from collections.abc import Mapping

from mlrift.driver.options import Product
from mlrift.driver.selection import Selection, SelectionError
from mlrift.runtime.host import this_host


def host_selection(command: str, chosen: Selection, flags: Mapping[str, object]) -> Selection:
    """Return an executable for this machine; raises SelectionError if `chosen` is anything else."""
    host = this_host()
    if host.target is None:
        raise SelectionError(
            f"`{command}` compiles for this machine, and {host.system_name} on "
            f"{host.machine_name} is no target"
        )
    if flags["output"] is not None:
        raise SelectionError(f"`{command}` writes no file; leave out -o")
    runnable = chosen.product in (Product.FAT, Product.EXECUTABLE)
    if not runnable or flags["targets"] is not None or host.target not in chosen.targets:
        raise SelectionError(
            f"`{command}` compiles for this machine, {host.target.name}; "
            "leave out --emit, -c, --arch, --target and --targets"
        )
    return Selection(Product.EXECUTABLE, (host.target,))
