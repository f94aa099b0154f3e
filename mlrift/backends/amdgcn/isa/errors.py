"""What goes wrong between instructions, their codes and their text."""


class EncodeError(ValueError):
    """An instruction that has no code: says which operand or modifier, and the limit."""


class DecodeError(ValueError):
    """Bytes that are no instruction of the generation."""


class AssemblyError(ValueError):
    """Text that is no instruction of the generation."""
