"""The types of rewrite rules."""

from collections.abc import Callable
from typing import Any

from mlrift.ir.core import Value
from mlrift.ir.op import Op

Make = Callable[[Op], Value]
Rule = Callable[[Any, Make], Value | None]
Rules = dict[type[Op], Rule]
