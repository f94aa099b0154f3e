"""The static checker of machine code: broken rules of the hardware, found without running it."""

from mlrift.backends.amdgcn.check.checking import check_code, check_code_object, check_kernel
from mlrift.backends.amdgcn.check.finding import Finding, Rule

__all__ = ["Finding", "Rule", "check_code", "check_code_object", "check_kernel"]
