"""The cells of both networks in PyTorch: state and drive in, a step at a time, who fires out."""

import network
import torch
from torch import Tensor


class Cells:
    """The state of all cells; the dense part of a step."""

    def __init__(self, drive: Tensor) -> None:
        cells = drive.numel()
        self.drive = drive
        self.v = torch.full((cells,), network.V_REST, dtype=drive.dtype)
        self.s_exc = torch.zeros(cells, dtype=drive.dtype)
        self.s_inh = torch.zeros(cells, dtype=drive.dtype)
        self.resting = torch.zeros(cells, dtype=torch.int8)

    def step(self) -> Tensor:
        """Decay, integrate, reset; returns the numbers of the cells that fire, ascending."""
        self.s_exc -= self.s_exc * (network.STEP_MS / network.TAU_E_MS)
        self.s_inh -= self.s_inh * (network.STEP_MS / network.TAU_I_MS)
        awake = self.resting == 0
        pull = network.V_REST - self.v + (self.drive + self.s_exc - self.s_inh)
        moved = self.v + network.STEP_MS * pull / network.TAU_M_MS
        fires = awake & (moved >= network.V_THRESHOLD)
        self.v = torch.where(awake & ~fires, moved, network.V_RESET)
        rests = torch.where(fires, network.RESTING_STEPS, torch.clamp(self.resting - 1, min=0))
        self.resting = rests.to(torch.int8)
        return fires.nonzero().flatten()


def initial_weights(
    target: Tensor, exciting: int, weights: network.Weights, real: torch.dtype
) -> Tensor:
    """Return the weight of every synapse, a row for each cell."""
    table = torch.tensor([weights.ee, weights.ei], dtype=real)
    weight = table[(target >= exciting).long()]
    weight[exciting:] = weights.ie
    return weight


def real_type(name: str) -> torch.dtype:
    """Return the element type called f64 or f32."""
    return torch.float64 if name == "f64" else torch.float32
