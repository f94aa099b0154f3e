"""The types of rewrite rules."""

from collections.abc import Callable

from mlrift.ir.core import Value
from mlrift.ir.op import Op
from mlrift.static_types import Any

Make = Callable[[Op], Value]
Rule = Callable[[Any, Make], Value | None]
Rules = dict[type[Op], Rule]
