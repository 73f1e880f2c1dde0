"""The way down that every transformer is trained on: Muon and AdamW, an average of the weights, state on disk."""

import contextlib
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from .state import load, save


class Average:
    """An exponential average of the weights; young averages forget faster."""

    def __init__(self, model: nn.Module, keep: float):
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self.keep = keep
        self.steps = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.steps += 1
        keep = min(self.keep, (1 + self.steps) / (10 + self.steps))
        mine, theirs = list(self.model.parameters()), list(model.parameters())
        torch._foreach_lerp_(mine, theirs, 1 - keep)


def optimizers(transformer: nn.Module, config: dict) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for everything else."""
    matrices = [p for name, p in transformer.named_parameters() if (".attn" in name or ".ffn." in name) and p.ndim == 2]
    known = {id(p) for p in matrices}
    others = [p for p in transformer.parameters() if id(p) not in known]
    return [
        torch.optim.Muon(matrices, lr=config["matrix_rate"], weight_decay=0.01, adjust_lr_fn="original"),
        torch.optim.AdamW(others, lr=config["rate"], betas=(0.9, 0.95), weight_decay=0.0),
    ]


@dataclass(frozen=True)
class Stretch:
    """How long, in what portions and how steeply."""

    steps: int
    batch: int
    scale: float  # of the learning rates
    cooldown: float  # the last part, in which they fall to nearly nothing


def descend(
    model: nn.Module, transformer: nn.Module, begin: Callable[[int], Callable[[], Tensor]], stretch: Stretch, config: dict, path: Path,
    device: torch.device, say=print,
) -> None:
    """Trains `transformer`, which is `model` or a part of it, to the end of the stretch; goes on where `path` stands.

    `begin` is told how many steps are done, and gives what draws a batch and says its loss. Kept are the model and its average.
    """
    average = Average(model, config["average"])
    opts = optimizers(transformer, config)
    done = 0
    if path.exists():
        state = load(path)
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        for opt, kept in zip(opts, state["optimizers"], strict=True):
            opt.load_state_dict(kept)
        done, average.steps = state["step"], state["average_steps"]
    if config["compile"]:
        transformer.compile()
    loss_of = begin(done)
    began, running = time.monotonic(), []
    for step in range(done, stretch.steps):
        warm = min(1.0, (step + 1) / config["warmup"])
        fall = min(1.0, (stretch.steps - step) / (stretch.cooldown * stretch.steps))
        for opt, rate in zip(opts, (config["matrix_rate"], config["rate"]), strict=True):
            for group in opt.param_groups:
                group["lr"] = rate * stretch.scale * warm * max(0.02, fall)
        # On a CPU the fused attention's way back takes longer than everything else together.
        plain = sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else contextlib.nullcontext()
        with plain, torch.autocast(device.type, torch.bfloat16, enabled=config["bf16"]):
            loss = loss_of()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(transformer.parameters(), 1.0)
        for opt in opts:
            opt.step()
            opt.zero_grad(set_to_none=True)
        average.update(model)
        running.append(float(loss.detach()))
        if (step + 1) % config["say_every"] == 0:
            speed = len(running) * stretch.batch / (time.monotonic() - began)
            say(f"{path.stem} step {step + 1}/{stretch.steps}: loss {np.mean(running):.4f}, {speed:.1f} samples/s")
            began, running = time.monotonic(), []
        if (step + 1) % config["save_every"] == 0 or step + 1 == stretch.steps:
            state = {
                "model": model.state_dict(),
                "average": average.model.state_dict(),
                "optimizers": [opt.state_dict() for opt in opts],
                "step": step + 1,
                "average_steps": average.steps,
            }
            save(state, path)
