"""Few steps: two students learn to go in one step where their teachers, the guided experts, go in several.

The way from noise to clip is cut where the shipped model takes its steps. The teachers walk it for captions of the training set;
at each cut their latents are kept. A student is taught the mean velocity of each stretch on its side of the boundary, guidance
included, so it needs no second look without words. The scheduler's last level is a thousandth and its last step next to nothing:
it is no stretch.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import sample, text
from .descent import Stretch, descend
from .flow import Cache
from .state import load, save


def between(start: Tensor, end: Tensor, count: int) -> Tensor:
    """The levels at which a teacher looks on its way from `start` to `end`: count + 1."""
    return torch.lerp(start, end, torch.linspace(0, 1, count + 1, device=start.device))


@torch.no_grad()
def guided(expert, x: Tensor, t: Tensor, words: Tensor, silence: Tensor, guidance: float) -> Tensor:
    """What the expert says at level `t`, led away from what it says without words."""
    t = (t * 1000).expand(2 * len(x))
    both = expert(torch.cat([x, x]), t, torch.cat([words, silence]), return_dict=False)[0]
    told, untold = both.float().chunk(2)
    return untold + guidance * (told - untold)


@torch.no_grad()
def walk(experts, encoder, cache: Cache, config: dict, folder: Path, device: torch.device, say=print) -> dict:
    """Latents of the teachers' walks at the cuts, half [walks, steps, z, moments, h, w], and the ids and the mask of their captions.
    Parts of a batch each are kept in `folder`, which an interrupted walk goes on in."""
    high, low = experts
    levels = sample.grid(config["steps"], config["shift"])[:-1].to(device)
    batch = config["batch"]
    found = []
    for part in range(-(-config["walks"] // batch)):
        path = folder / f"{part:04}.pt"
        if not path.exists():
            began = time.monotonic()
            chance = np.random.default_rng([config["seed"], part])
            noise = torch.Generator().manual_seed(config["seed"] * 1_000_003 + part)
            rows = torch.from_numpy(chance.integers(len(cache.latents), size=batch))
            tongue = torch.from_numpy(chance.choice(len(cache.ids), size=batch))
            ids, mask = cache.ids[tongue, rows].to(device), cache.mask[tongue, rows].to(device)
            x = torch.randn((batch, *cache.latents.shape[1:]), generator=noise).to(device)
            states = [x]
            with torch.autocast(device.type, torch.bfloat16, enabled=config["bf16"]):
                words = text.encode(encoder, ids, mask).float()
                silence = text.encode(encoder, *(half.to(device) for half in cache.empty)).float().expand_as(words)
                for start, end in zip(levels[:-1], levels[1:], strict=True):
                    expert = high if start >= config["boundary"] else low
                    way = between(start, end, config["substeps"])
                    for now, then in zip(way[:-1], way[1:], strict=True):
                        x = x + (then - now) * guided(expert, x, now, words, silence, config["guidance"])
                    states.append(x)
            kept = {"states": torch.stack(states, 1).half().cpu(), "ids": ids.cpu(), "mask": mask.cpu()}
            save(kept, path)
            say(f"walks {(part + 1) * batch}/{config['walks']}: {batch / (time.monotonic() - began):.2f} walks/s")
        found.append(load(path))
    return {name: torch.cat([part[name] for part in found]) for name in found[0]}


def teach(student, encoder, walks: dict, stretches: list[int], weights: Tensor, config: dict, path: Path, device, say=print) -> None:
    """Trains a student on the stretches that are its own; goes on where `path` stands."""
    levels = sample.grid(config["steps"], config["shift"])
    weights = weights.view(1, -1, 1, 1, 1).to(device)
    batch = config["batch"]

    def begin(done: int) -> Callable[[], Tensor]:
        chance = np.random.default_rng([config["seed"], done])

        def loss() -> Tensor:
            rows = torch.from_numpy(chance.integers(len(walks["ids"]), size=batch))
            stretch = torch.from_numpy(chance.choice(stretches, size=batch))
            start, end = levels[stretch], levels[stretch + 1]
            here = walks["states"][rows, stretch].float().to(device)
            there = walks["states"][rows, stretch + 1].float().to(device)
            wanted = (there - here) / (end - start).view(-1, 1, 1, 1, 1).to(device)
            with torch.no_grad():
                words = text.encode(encoder, walks["ids"][rows].to(device), walks["mask"][rows].to(device))
            v = student(here, timestep=(start * 1000).to(device), encoder_hidden_states=words, return_dict=False)[0].float()
            return ((v - wanted).square() * weights).mean()

        return loss

    # The rates fall from the first step on.
    descend(student, student, begin, Stretch(config["rounds"], batch, config["scale"], 1.0), config, path, device, say)
