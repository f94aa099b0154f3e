"""What breaks a rule of the driver or of the card. Nothing is corrected in silence."""

from mlrift.runtime.kfd.errors import DeviceError, KfdError


class RuleViolation(DeviceError):
    """A packet, doorbell or end that a card would answer with silence, a hang or a reset."""


class RefusedRequest(KfdError):
    """A request that the driver refuses; unlike a kernel it says which rule is broken."""

    def __init__(self, number: int, call: str, rule: str) -> None:
        super().__init__(number, call, "", rule)
        self.rule = rule
