"""The judge: a small classifier that says what is seen, taught with the generator's labels."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .state import load, save

QUESTIONS = ("motif", "palette", "background")


class Judge(nn.Module):
    """Five frames of a clip, [n, 3, 5, 96, 160] in -1..1 -> logits per question.

    Each frame is looked at alone; what was seen in the frames is pooled.
    """

    def __init__(self, answers: dict[str, list[str]], width: int = 24):
        super().__init__()
        self.answers = answers
        sizes = [3, width, 2 * width, 3 * width, 4 * width]
        layers: list[nn.Module] = [nn.AvgPool2d(2)]
        for ins, outs in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [nn.Conv2d(ins, outs, 3, stride=2, padding=1), nn.GroupNorm(8, outs), nn.SiLU()]
            layers += [nn.Conv2d(outs, outs, 3, padding=1), nn.GroupNorm(8, outs), nn.SiLU()]
        self.look = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({q: nn.Linear(2 * sizes[-1], len(answers[q])) for q in QUESTIONS})

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        n, _, t, h, w = frames.shape
        seen = self.look(frames.transpose(1, 2).reshape(n * t, 3, h, w))
        pooled = torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1).view(n, t, -1).mean(1)
        return {question: head(pooled) for question, head in self.heads.items()}

    @torch.no_grad()
    def read(self, frames: Tensor) -> list[dict[str, str]]:
        """What is seen in each clip."""
        logits = self.eval()(frames)
        rows = {question: values.argmax(1).tolist() for question, values in logits.items()}
        return [{q: self.answers[q][rows[q][i]] for q in QUESTIONS} for i in range(len(frames))]


def frames(clips: Tensor) -> Tensor:
    """Every fourth frame of 17."""
    return clips[:, :, ::4]


def answers(labels: list[dict], questions: tuple[str, ...]) -> dict[str, tuple[list[str], Tensor]]:
    """For each question the answers that there are, sorted, and which of them each label gives."""
    found = {}
    for question in questions:
        known = sorted({label[question] for label in labels})
        found[question] = known, torch.tensor([known.index(label[question]) for label in labels])
    return found


def teach(clips: Tensor, labels: list[dict], config: dict, path: Path, device: torch.device, say=print) -> Judge:
    """Trains on frames [n, 3, 5, h, w] (half floats) and their labels, with noise, blur and mirror images; kept at `path`."""
    asked = answers(labels, QUESTIONS)
    torch.manual_seed(config["seed"])
    judge = Judge({q: known for q, (known, _) in asked.items()}).to(device)
    if path.exists():
        judge.load_state_dict(load(path))
        return judge
    truth = {q: told for q, (_, told) in asked.items()}
    optimizer = torch.optim.AdamW(judge.parameters(), lr=config["rate"], weight_decay=0.02)
    chance = np.random.default_rng(config["seed"])
    steps, batch = config["steps"], config["batch"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config["rate"], total_steps=steps)
    right: dict[str, list[float]] = {q: [] for q in QUESTIONS}
    for step in range(steps):
        rows = torch.from_numpy(chance.integers(len(labels), size=batch))
        x = clips[rows].float().to(device)
        if chance.random() < 0.5:
            x = x.flip(-1)
        if chance.random() < 0.5:
            small = F.interpolate(x.flatten(0, 1), scale_factor=0.5, mode="area")
            x = F.interpolate(small, size=x.shape[-2:], mode="bilinear").view_as(x)
        x = x + torch.randn_like(x) * float(chance.uniform(0, 0.12))
        logits = judge.train()(x)
        loss = sum(F.cross_entropy(logits[q], truth[q][rows].to(device), label_smoothing=0.05) for q in QUESTIONS)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        for q in QUESTIONS:
            right[q].append(float((logits[q].argmax(1).cpu() == truth[q][rows]).float().mean()))
        if (step + 1) % config["say_every"] == 0:
            shown = ", ".join(f"{q} {np.mean(right[q][-config['say_every'] :]):.1%}" for q in QUESTIONS)
            say(f"judge step {step + 1}/{steps}: {shown}")
    save(judge.state_dict(), path)
    return judge


def shares(read: list[dict[str, str]], labels: list[dict]) -> dict[str, float]:
    """The part of the clips in which each question was answered as the label says."""
    count = len(labels)
    return {q: sum(found[q] == label[q] for found, label in zip(read, labels, strict=True)) / count for q in QUESTIONS}


def motion(clips: Tensor) -> Tensor:
    """[n]: mean absolute change from frame to frame, in -1..1 units."""
    return (clips[:, :, 1:] - clips[:, :, :-1]).abs().mean((1, 2, 3, 4))
