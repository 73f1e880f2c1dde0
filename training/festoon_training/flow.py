"""The transformer: flow matching on cached latents, first of single pictures, then of clips, then an expert a noise range."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import WanTransformer3DModel
from tokenizers import Tokenizer
from torch import Tensor, nn

from . import text
from .descent import Stretch, descend

LANGUAGES = ("en", "zh", "ja")


def build(config: dict, z_dim: int, text_dim: int) -> WanTransformer3DModel:
    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=config["heads"],
        attention_head_dim=config["head_dim"],
        in_channels=z_dim,
        out_channels=z_dim,
        text_dim=text_dim,
        freq_dim=config["freq_dim"],
        ffn_dim=config["ffn_dim"],
        num_layers=config["layers"],
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=64,
    )


@dataclass
class Cache:
    """What the transformer learns from: latents of mean 0 and size 1, and their captions as tokens."""

    latents: Tensor  # half [n, z, moments, h, w]
    ids: Tensor  # [languages, n, length]
    mask: Tensor
    empty: tuple[Tensor, Tensor]  # no words at all: [1, length] each

    @staticmethod
    def of(latents: Tensor, captions: list[dict], tokenizer: Tokenizer, length: int) -> "Cache":
        pairs = [text.tokens(tokenizer, [caption[language] for caption in captions], length) for language in LANGUAGES]
        ids, mask = (torch.stack(parts) for parts in zip(*pairs, strict=True))
        return Cache(latents, ids, mask, text.tokens(tokenizer, [""], length))


class Painter(nn.Module):
    """Text encoder and transformer."""

    def __init__(self, encoder: nn.Module, transformer: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.transformer = transformer

    def forward(self, x: Tensor, t: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """The velocity, noise - picture, at x = (1 - t) picture + t noise."""
        words = text.encode(self.encoder, ids, mask)
        return self.transformer(x, timestep=t * 1000, encoder_hidden_states=words, return_dict=False)[0]


@dataclass(frozen=True)
class Phase:
    """A stretch of training: how many moments of a clip, which noise levels, how long."""

    name: str
    moments: int
    steps: int
    batch: int
    low: float = 0.0
    high: float = 1.0
    scale: float = 1.0  # of the learning rates


def levels(count: int, phase: Phase, shift: float, generator: torch.Generator) -> Tensor:
    """Noise levels in the phase's range: nine of ten logit-normal and shifted towards noise, one of ten uniform."""
    t = torch.empty(0)
    while len(t) < count:
        drawn = torch.sigmoid(torch.randn(4 * count, generator=generator))
        even = torch.rand(4 * count, generator=generator)
        drawn = torch.where(torch.rand(4 * count, generator=generator) < 0.1, even, drawn)
        drawn = shift * drawn / (1 + (shift - 1) * drawn)
        t = torch.cat([t, drawn[(drawn >= phase.low) & (drawn <= phase.high)]])
    return t[:count]


def train(painter: Painter, cache: Cache, phase: Phase, weights: Tensor, config: dict, path: Path, device, say=print) -> None:
    """Trains a phase to its end; goes on where `path` stands. `weights` [z] is what each channel counts in the loss."""
    # The words were learned first and stay what they are: every phase and both experts read the same ones.
    painter.encoder.requires_grad_(False)
    weights = weights.view(1, -1, 1, 1, 1).to(device)
    count = cache.latents.shape[0]

    def begin(done: int) -> Callable[[], Tensor]:
        chance = torch.Generator().manual_seed(config["seed"] * 1_000_003 + done)
        order = np.random.default_rng([config["seed"], done])

        def loss() -> Tensor:
            rows = torch.from_numpy(order.integers(count, size=phase.batch))
            # Half of the captions are English.
            tongue = (torch.rand(phase.batch, generator=chance) * 4 - 1).clamp(0).ceil().clamp(max=len(LANGUAGES) - 1).long()
            ids, mask = cache.ids[tongue, rows], cache.mask[tongue, rows]
            dropped = torch.rand(phase.batch, generator=chance) < config["drop"]
            ids = torch.where(dropped.unsqueeze(1), cache.empty[0], ids)
            mask = torch.where(dropped.unsqueeze(1), cache.empty[1], mask)
            # A row of words and a column of padding: as long as the longest caption that there is, always.
            x0 = cache.latents[rows, :, : phase.moments].float().to(device)
            noise = torch.randn(x0.shape, generator=chance).to(device)
            t = levels(phase.batch, phase, config["shift"], chance).to(device)
            at = t.view(-1, 1, 1, 1, 1)
            v = painter(torch.lerp(x0, noise, at), t, ids.to(device), mask.to(device)).float()
            return ((v - (noise - x0)).square() * weights).mean()

        return loss

    stretch = Stretch(phase.steps, phase.batch, phase.scale, config["cooldown"])
    descend(painter, painter.transformer, begin, stretch, config, path, device, say)
