"""Training of the autoencoder's decoder, and its score on each motif."""

import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .clips import Shard, psnr
from .codec import Codec
from .state import load, save
from .vae import decode


def material(shards: list[Shard], count: int, softness: float) -> tuple[Tensor, list[str]]:
    """The first `count` clips, softened, as half floats [n, 3, t, h, w], and their motifs."""
    clips, motifs = [], []
    for shard in shards:
        if len(motifs) >= count:
            break
        for start in range(0, len(shard.labels), 32):
            rows = slice(start, start + 32)
            clips.append(shard.clips(rows, softness).half())
            motifs += [label["motif"] for label in shard.labels[rows]]
    return torch.cat(clips)[:count], motifs[:count]


def train(vae, codec: Codec, clips: Tensor, motifs: list[str], config: dict, folder: Path, device: torch.device, say=print) -> None:
    """Trains until `steps`; goes on where `folder/decoder.pt` stands. Motifs in `often` are met that many times as often."""
    parameters = [p for name, p in vae.named_parameters() if name.startswith(("decoder.", "post_quant_conv."))]
    optimizer = torch.optim.AdamW(parameters, lr=config["rate"], betas=(0.9, 0.95), weight_decay=0.0)
    path, done = folder / "decoder.pt", 0
    if path.exists():
        state = load(path)
        vae.load_state_dict(state["vae"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["step"]
    vae.to(device)
    steps, crop = config["steps"], config["crop"]
    latents = torch.cat([codec.encode(part.float()).half() for part in clips.split(32)])
    generator = np.random.default_rng([config["seed"], done])
    share = np.array([config["often"].get(motif, 1.0) for motif in motifs])
    share /= share.sum()
    began, running = time.monotonic(), []
    for step in range(done, steps):
        progress = step / steps
        rate = config["rate"] * min(1, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        z, x, counted = [], [], []
        for index in generator.choice(len(clips), size=config["batch"], p=share):
            # Drawn a little wider than it is, so that the picture's own edges are met as often as its middle.
            top = int(np.clip(generator.integers(-2, latents.shape[3] - crop + 3), 0, latents.shape[3] - crop))
            left = int(np.clip(generator.integers(-2, latents.shape[4] - crop + 3), 0, latents.shape[4] - crop))
            z.append(latents[index, :, :, top : top + crop, left : left + crop])
            x.append(clips[index, :, :, 8 * top : 8 * (top + crop), 8 * left : 8 * (left + crop)])
            counted.append(_counted(crop, top, left, latents.shape[3], latents.shape[4]))
        z, x, counted = torch.stack(z).float().to(device), torch.stack(x).float().to(device), torch.stack(counted).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=config["bf16"]):
            y = decode(vae, z).float()
        error = (y - x) * counted
        loss = error.abs().mean() + 10 * error.square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        running.append(error.detach().square().mean())
        if (step + 1) % config["say_every"] == 0:
            mean = torch.stack(running).mean()
            say(f"decoder step {step + 1}/{steps}: {psnr(mean):.2f} dB, {(time.monotonic() - began) / len(running):.2f} s a step")
            began, running = time.monotonic(), []
        if (step + 1) % config["save_every"] == 0 or step + 1 == steps:
            save({"vae": vae.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, path)


def _counted(crop: int, top: int, left: int, height: int, width: int, rim: int = 4) -> Tensor:
    """[1, 1, pixels, pixels]: 0 in the rim that lacks the neighbours it has in the whole picture, 1 elsewhere."""
    mask = torch.ones(8 * crop, 8 * crop)
    if top > 0:
        mask[:rim] = 0
    if top + crop < height:
        mask[-rim:] = 0
    if left > 0:
        mask[:, :rim] = 0
    if left + crop < width:
        mask[:, -rim:] = 0
    return mask.view(1, 1, 8 * crop, 8 * crop)
