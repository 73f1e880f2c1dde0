"""Few steps: two students learn to go in one step where their teachers, the guided experts, go in several.

The way from noise to clip is cut where the shipped model takes its steps. The teachers walk it for captions of the training set;
at each cut their latents are kept. A student is taught the mean velocity of each stretch on its side of the boundary, guidance
included, so it needs no second look without words. The scheduler's last level is a thousandth and its last step next to nothing:
it is no stretch.
"""

import contextlib
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from . import sample, text
from .flow import Average, Cache, optimizers
from .state import load, save


def between(start: Tensor, end: Tensor, count: int) -> Tensor:
    """The levels at which a teacher looks on its way from `start` to `end`: count + 1."""
    return torch.lerp(start, end, torch.linspace(0, 1, count + 1, device=start.device))


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
                        x = x + (then - now) * sample.velocity(expert, x, now, words, silence, config["guidance"])
                    states.append(x)
            kept = {"states": torch.stack(states, 1).half().cpu(), "ids": ids.cpu(), "mask": mask.cpu()}
            save(kept, path)
            say(f"walks {(part + 1) * batch}/{config['walks']}: {batch / (time.monotonic() - began):.2f} walks/s")
        found.append(load(path))
    return {name: torch.cat([part[name] for part in found]) for name in found[0]}


def teach(student, encoder, walks: dict, stretches: list[int], weights: Tensor, config: dict, path: Path, device, say=print) -> None:
    """Trains a student on the stretches that are its own; goes on where `path` stands."""
    average = Average(student, config["average"])
    # The optimizers see the student alone; the words stay what they are.
    opts = optimizers(student, config)
    done = 0
    if path.exists():
        state = load(path)
        student.load_state_dict(state["student"])
        average.model.load_state_dict(state["average"])
        for opt, kept in zip(opts, state["optimizers"], strict=True):
            opt.load_state_dict(kept)
        done, average.steps = state["step"], state["average_steps"]
    if config["compile"]:
        student.compile()
    levels = sample.grid(config["steps"], config["shift"])
    weights = weights.view(1, -1, 1, 1, 1).to(device)
    chance = np.random.default_rng([config["seed"], done])
    steps, batch = config["rounds"], config["batch"]
    began, running = time.monotonic(), []
    for step in range(done, steps):
        warm = min(1.0, (step + 1) / config["warmup"])
        fall = 1 - step / steps
        for opt, rate in zip(opts, (config["matrix_rate"], config["rate"]), strict=True):
            for group in opt.param_groups:
                group["lr"] = rate * config["scale"] * warm * max(0.02, fall)
        rows = torch.from_numpy(chance.integers(len(walks["ids"]), size=batch))
        stretch = torch.from_numpy(chance.choice(stretches, size=batch))
        start, end = levels[stretch], levels[stretch + 1]
        here = walks["states"][rows, stretch].float().to(device)
        there = walks["states"][rows, stretch + 1].float().to(device)
        wanted = (there - here) / (end - start).view(-1, 1, 1, 1, 1).to(device)
        plain = sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else contextlib.nullcontext()
        with plain, torch.autocast(device.type, torch.bfloat16, enabled=config["bf16"]):
            with torch.no_grad():
                words = text.encode(encoder, walks["ids"][rows].to(device), walks["mask"][rows].to(device))
            v = student(here, timestep=(start * 1000).to(device), encoder_hidden_states=words, return_dict=False)[0].float()
            loss = ((v - wanted).square() * weights).mean()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        for opt in opts:
            opt.step()
            opt.zero_grad(set_to_none=True)
        average.update(student)
        running.append(float(loss.detach()))
        if (step + 1) % config["say_every"] == 0:
            speed = len(running) * batch / (time.monotonic() - began)
            say(f"{path.stem} step {step + 1}/{steps}: loss {np.mean(running):.4f}, {speed:.1f} samples/s")
            began, running = time.monotonic(), []
        if (step + 1) % config["save_every"] == 0 or step + 1 == steps:
            state = {
                "student": student.state_dict(),
                "average": average.model.state_dict(),
                "optimizers": [opt.state_dict() for opt in opts],
                "step": step + 1,
                "average_steps": average.steps,
            }
            save(state, path)
