"""Clips as the generator wrote them, and as the model sees them."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Shard:
    """256 clips: `clips-NNNNN.npy`, uint8 [n, frames, height, width, 3], and a line of labels for each."""

    path: Path
    labels: list[dict]

    def clips(self, rows: slice | list[int], softness: float) -> Tensor:
        """These clips as [n, 3, frames, height, width] in -1..1, softened."""
        pixels = np.array(np.load(self.path, mmap_mode="r")[rows])
        return soften(torch.from_numpy(pixels), softness)

    def frames(self, rows: slice, softness: float) -> Tensor:
        """Every fourth frame of these clips, as `clips` gives them."""
        return soften(torch.from_numpy(np.array(np.load(self.path, mmap_mode="r")[rows, ::4])), softness)


def shards(folder: Path) -> list[Shard]:
    """The finished shards of a folder, in order. A shard is finished when its labels are there."""
    found = []
    for labels in sorted(folder.glob("clips-*.jsonl")):
        lines = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
        found.append(Shard(labels.with_suffix(".npy"), lines))
    return found


def soften(clips: Tensor, softness: float) -> Tensor:
    """uint8 [n, t, h, w, 3] -> [n, 3, t, h, w] in -1..1, blurred by a Gaussian of `softness` pixels.

    A small model cannot hold detail finer than this; what it cannot hold would come back as noise.
    """
    n, t, h, w, _ = clips.shape
    x = clips.permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    if softness <= 0:
        return x
    # As two products with banded matrices, which a CPU does ten times faster than convolutions of one channel.
    x = x @ _blur(w, softness).T
    return torch.einsum("yh,ncthw->nctyw", _blur(h, softness), x)


@functools.cache
def _blur(length: int, softness: float) -> Tensor:
    """[length, length]: a Gaussian blur of a line whose ends are repeated outwards."""
    radius = int(3 * softness + 1)
    at = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-(at.float() ** 2) / (2 * softness**2))
    sources = (torch.arange(length).unsqueeze(1) + at).clamp(0, length - 1)
    return torch.zeros(length, length).scatter_add_(1, sources, (kernel / kernel.sum()).expand(length, -1))


def to_pixels(x: Tensor) -> Tensor:
    """[..., 3, t, h, w] in -1..1 -> uint8 [..., t, h, w, 3]."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).movedim(-4, -1)


def psnr(error: Tensor) -> float:
    """Decibels of a mean squared error of values in -1..1."""
    return float(10 * torch.log10(4 / error))
