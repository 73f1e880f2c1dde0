"""Painting during training: Euler steps on shifted flow-matching levels, as diffusers' FlowMatchEulerDiscreteScheduler."""

import torch
from torch import Tensor

from . import text


def grid(steps: int, shift: float) -> Tensor:
    """Noise levels from 1 down to 0, steps + 1 of them."""
    t = torch.linspace(1, 1 / 1000, steps)
    t = shift * t / (1 + (shift - 1) * t)
    return torch.cat([t, torch.zeros(1)])


@torch.no_grad()
def paint(
    experts, encoder, tokenizer, captions: list[str], shape: tuple[int, ...], *, length: int, steps: int, shift: float,
    boundary: float, seed: int, device: torch.device,
) -> Tensor:
    """Latents [n, *shape] of mean 0 and size 1. `experts` are the high-noise and the low-noise transformer; they need no guidance."""
    high, low = experts
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn((len(captions), *shape), generator=noise).to(device)
    words = text.encode(encoder, *(part.to(device) for part in text.tokens(tokenizer, captions, length))).float()
    times = grid(steps, shift).to(device)
    for now, then in zip(times[:-1], times[1:], strict=True):
        expert = high if now >= boundary else low
        x = x + (then - now) * expert(x, (now * 1000).expand(len(x)), words, return_dict=False)[0].float()
    return x
