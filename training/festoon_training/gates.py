"""What a checkpoint folder must show before it is shipped, measured on the folder itself."""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from PIL import Image
from tokenizers import Tokenizer
from transformers import UMT5EncoderModel

from . import clips, judge, sample
from .export import megabytes
from .run import Run, say
from .vae import decode

DECIBELS, SHARE, MOTION, MEGABYTES = 30.0, 0.85, (0.5, 2.0), 40.0


class Checkpoint:
    """A folder in the diffusers layout, loaded in 32-bit floats."""

    def __init__(self, folder: Path, device: torch.device):
        self.device = device
        index = json.loads((folder / "model_index.json").read_text())
        self.boundary = index["boundary_ratio"]
        f32 = {"torch_dtype": torch.float32}
        self.vae = AutoencoderKLWan.from_pretrained(folder / "vae", **f32).eval().to(device)
        self.encoder = UMT5EncoderModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval().to(device)
        self.high = WanTransformer3DModel.from_pretrained(folder / "transformer", **f32).eval().to(device)
        self.low = WanTransformer3DModel.from_pretrained(folder / "transformer_2", **f32).eval().to(device)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
        c = self.vae.config
        self.mean, self.std = (torch.tensor(values).view(1, -1, 1, 1, 1).to(device) for values in (c.latents_mean, c.latents_std))

    @torch.no_grad()
    def through(self, x: torch.Tensor) -> torch.Tensor:
        """Clips through the autoencoder and back."""
        return decode(self.vae, self.vae.encode(x.to(self.device)).latent_dist.mean).clamp(-1, 1).cpu()

    @torch.no_grad()
    def paint(self, captions: list[str], shape: tuple[int, ...], seed: int, settings: dict, length: int) -> torch.Tensor:
        z = sample.paint(
            (self.high, self.low), self.encoder, self.tokenizer, captions, shape, length=length, steps=settings["steps"],
            shift=settings["shift"], boundary=self.boundary, seed=seed, device=self.device,
        )
        return decode(self.vae, z * self.std + self.mean).clamp(-1, 1).cpu()


def autoencoder(run: Run, checkpoint: Checkpoint, count: int) -> dict[str, float]:
    """Decibels per motif on clips that nothing was trained on."""
    errors: dict[str, list[torch.Tensor]] = {}
    softness = run.config["clips"]["softness"]
    for shard in run.paint_clips("test", 256, run.config["clips"]["seed"] + 1):
        for row, label in enumerate(shard.labels[:count]):
            x = shard.clips(slice(row, row + 1), softness)
            errors.setdefault(label["motif"], []).append((checkpoint.through(x) - x).square().mean())
    return {motif: clips.psnr(torch.stack(found).mean()) for motif, found in sorted(errors.items())}


def prompts(run: Run, count: int) -> list[dict]:
    """Labels with captions of combinations that were held out of training, evenly over the motifs."""
    seen: dict[tuple, dict] = {}
    for label in run.labels:
        if run.held_out(label):
            seen.setdefault((label["motif"], label["palette"], label["background"], label["camera"]), label)
    by_motif: dict[str, list[dict]] = {}
    for key in sorted(seen):
        by_motif.setdefault(key[0], []).append(seen[key])
    chance = np.random.default_rng(run.config["judge"]["seed"])
    for found in by_motif.values():
        chance.shuffle(found)
    chosen: list[dict] = []
    while len(chosen) < count and any(by_motif.values()):
        chosen += [found.pop() for found in by_motif.values() if found]
    return chosen[:count]


def sheet(painted: torch.Tensor, path: Path, columns: int = 4) -> None:
    """The first, middle and last frame of each clip, side by side."""
    pixels = clips.to_pixels(painted[:, :, [0, 8, 16]])  # [n, 3, h, w, 3]
    n, t, h, w, _ = pixels.shape
    strips = pixels.permute(0, 2, 1, 3, 4).reshape(n, h, t * w, 3)
    rows = -(-n // columns)
    page = torch.zeros(rows * columns, h + 4, t * w + 4, 3, dtype=torch.uint8)
    page[:n, :h, : t * w] = strips
    page = page.view(rows, columns, h + 4, t * w + 4, 3).permute(0, 2, 1, 3, 4).reshape(rows * (h + 4), columns * (t * w + 4), 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(page.numpy()).save(path, quality=85)


def measure(run: Run, folder: Path, pictures: Path, painted: int | None = None) -> bool:
    """Prints every gate, writes them to `folder/gates.json`, and says whether all are passed."""
    checkpoint = Checkpoint(folder, run.device)
    c, settings = run.config["clips"], run.config["paint"]
    size = megabytes(folder)
    report: dict = {"megabytes": round(size, 1)}

    decibels = autoencoder(run, checkpoint, 256)
    report["autoencoder_db"] = {motif: round(value, 2) for motif, value in decibels.items()}
    say("autoencoder: " + ", ".join(f"{motif} {value:.1f} dB" for motif, value in decibels.items()))

    real = run.paint_clips("test", 256, c["seed"] + 1)[0]
    reader = run.judge.to(run.device).eval()
    read = []
    for start in range(0, len(real.labels), 32):
        read += reader.read(real.frames(slice(start, start + 32), c["softness"]).to(run.device))
    report["judge_on_real"] = judge.shares(read, real.labels)
    say("judge on real clips: " + ", ".join(f"{q} {v:.1%}" for q, v in report["judge_on_real"].items()))

    asked = prompts(run, painted or run.config["judge"]["prompts"])
    shape = (checkpoint.vae.config.z_dim, (c["frames"] - 1) // 4 + 1, c["height"] // 8, c["width"] // 8)
    found, moved, first = [], {}, []
    for start in range(0, len(asked), 8):
        some = asked[start : start + 8]
        # English, Chinese and Japanese by turns.
        words = [label["captions"][("en", "zh", "ja")[(start + row) % 3]] for row, label in enumerate(some)]
        x = checkpoint.paint(words, shape, 1000 + start, settings, run.config["text"]["length"])
        found += reader.read(judge.frames(x).to(run.device))
        for label, amount in zip(some, judge.motion(x), strict=True):
            moved.setdefault(label["motif"], []).append(float(amount))
        if start < 24:
            first.append(x)
    report["judge_on_painted"] = judge.shares(found, asked)
    report["prompts"] = len(asked)
    say(f"judge on {len(asked)} painted clips: " + ", ".join(f"{q} {v:.1%}" for q, v in report["judge_on_painted"].items()))

    true: dict[str, list[float]] = {}
    for start in range(0, len(real.labels), 32):
        amounts = judge.motion(real.clips(slice(start, start + 32), c["softness"]))
        for label, amount in zip(real.labels[start : start + 32], amounts, strict=True):
            true.setdefault(label["motif"], []).append(float(amount))
    ratio = {motif: float(np.mean(moved[motif]) / np.mean(true[motif])) for motif in sorted(moved)}
    whole = float(np.mean([v for values in moved.values() for v in values]) / np.mean([v for values in true.values() for v in values]))
    report["motion"] = {"all": round(whole, 2)} | {motif: round(value, 2) for motif, value in ratio.items()}
    say(f"motion beside real clips: {whole:.2f} x; " + ", ".join(f"{motif} {value:.2f}" for motif, value in ratio.items()))

    if first:
        sheet(torch.cat(first)[:24], pictures / "sheet.jpg")
        lines = [label["captions"][("en", "zh", "ja")[row % 3]] for row, label in enumerate(asked[:24])]
        (pictures / "sheet.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    passed = {
        f"autoencoder >= {DECIBELS:.0f} dB on every motif": min(decibels.values()) >= DECIBELS,
        f"judge >= {SHARE:.0%} on painted clips": min(report["judge_on_painted"].values()) >= SHARE,
        f"motion within {MOTION[0]} and {MOTION[1]} of real clips": MOTION[0] <= whole <= MOTION[1],
        f"at most {MEGABYTES:.0f} MB": size <= MEGABYTES,
    }
    report["passed"] = passed
    for gate, held in passed.items():
        say(f"{'passed' if held else 'MISSED'}: {gate}")
    (folder / "gates.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return all(passed.values())
