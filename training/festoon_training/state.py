"""Training state on disk: written whole or not at all, so that a stopped run goes on."""

import os
from pathlib import Path

import torch


def save(state: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    torch.save(state, scratch)
    os.replace(scratch, path)


def load(path: Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=True)
