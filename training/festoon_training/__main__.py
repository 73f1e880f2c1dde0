"""python -m festoon_training train | judge | export [--config FILE] [--folder DIR] [--generator PROGRAM] [--model DIR]"""

import argparse
import os
from pathlib import Path

import torch

from . import gates
from .run import Run


def main() -> None:
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="festoon_training", description="Trains, judges and exports the default checkpoint.")
    parser.add_argument("what", choices=["train", "export", "judge"])
    parser.add_argument("--config", type=Path, default=root / "training" / "default.toml")
    parser.add_argument("--folder", type=Path, default=root / "target" / "training", help="where the run's state is kept")
    parser.add_argument("--generator", type=Path, default=root / "target" / "release" / "festoon-renderer")
    parser.add_argument("--model", type=Path, default=root / "models" / "default", help="the checkpoint folder")
    parser.add_argument("--pictures", type=Path, default=root / "docs" / "model", help="where the contact sheet goes")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    run = Run.open(options.config, options.folder, options.generator)
    if options.what == "train":
        _ = run.autoencoder
        run.train_painter()
        _ = run.students
        _ = run.judge
    if options.what in ("train", "export"):
        run.export(options.model)
    if options.what in ("train", "judge") and not gates.measure(run, options.model, options.pictures):
        raise SystemExit("a gate is missed")


if __name__ == "__main__":
    main()
