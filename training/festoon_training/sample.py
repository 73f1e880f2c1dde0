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
def velocity(expert, x: Tensor, t: Tensor, words: Tensor, silence: Tensor, guidance: float) -> Tensor:
    """What the expert says at level `t`, led away from what it says without words."""
    t = (t * 1000).expand(len(x))
    if guidance <= 1:
        return expert(x, t, words, return_dict=False)[0].float()
    both = expert(torch.cat([x, x]), torch.cat([t, t]), torch.cat([words, silence]), return_dict=False)[0]
    told, untold = both.float().chunk(2)
    return untold + guidance * (told - untold)


@torch.no_grad()
def paint(
    experts, encoder, tokenizer, captions: list[str], shape: tuple[int, ...], *, length: int, steps: int, shift: float,
    guidance: float, boundary: float, seed: int, device: torch.device, bf16: bool = False,
) -> Tensor:
    """Latents [n, *shape] of mean 0 and size 1. `experts` are the high-noise and the low-noise transformer."""
    high, low = experts
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn((len(captions), *shape), generator=noise).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        wanted = text.tokens(tokenizer, captions, length)
        nothing = text.tokens(tokenizer, [""], length)
        words = text.encode(encoder, *(part.to(device) for part in wanted)).float()
        silence = text.encode(encoder, *(part.to(device) for part in nothing)).float().expand_as(words)
        times = grid(steps, shift).to(device)
        for now, then in zip(times[:-1], times[1:], strict=True):
            expert = high if now >= boundary else low
            x = x + (then - now) * velocity(expert, x, now, words, silence, guidance)
    return x
