"""Writes a trained model as a checkpoint folder in the diffusers layout, in 16-bit floats."""

import json
from pathlib import Path

import torch
from diffusers import UniPCMultistepScheduler

from . import text
from .flow import LANGUAGES

INDEX = {
    "_class_name": "WanPipeline",
    "expand_timesteps": False,
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
    "text_encoder": ["transformers", "UMT5EncoderModel"],
    "tokenizer": ["transformers", "T5TokenizerFast"],
    "transformer": ["diffusers", "WanTransformer3DModel"],
    "transformer_2": ["diffusers", "WanTransformer3DModel"],
    "vae": ["diffusers", "AutoencoderKLWan"],
}


def export(folder: Path, config: dict, *, vae, encoder, tokenizer, high, low) -> None:
    """The folder is made anew; files of another run in it are overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    for model, name in ((vae, "vae"), (encoder, "text_encoder"), (high, "transformer"), (low, "transformer_2")):
        model.to(torch.float16).save_pretrained(folder / name)
    text.save(tokenizer, folder / "tokenizer", config["text"]["length"])
    UniPCMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=config["paint"]["shift"]).save_pretrained(
        folder / "scheduler"
    )
    index = INDEX | {"_diffusers_version": vae.config["_diffusers_version"], "boundary_ratio": config["flow"]["boundary"]}
    # Weights are written for their owner's eyes alone; a checkpoint is for whoever runs it.
    for weights in folder.rglob("*.safetensors"):
        weights.chmod(0o644)
    for name, values in (("model_index.json", index), ("festoon.json", abilities(config))):
        (folder / name).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")


def abilities(config: dict) -> dict:
    """`festoon.json`: what the checkpoint can give, as festoon reads it."""
    c, paint = config["clips"], config["paint"]
    return {
        "title": config["title"],
        "licence": "MIT OR Apache-2.0",
        "kind": "demonstration",
        "sizes": [f"{c['width']}x{c['height']}"],
        "frames": {"least": c["frames"], "most": c["frames"]},
        "fps": c["played_fps"],
        "prompt": {"languages": list(LANGUAGES), "tokens": config["text"]["length"]},
        "sampling": {
            "sampler": "euler",
            "steps": paint["steps"],
            "most_steps": paint["steps"],
            "shift": paint["shift"],
            "guidance_high": 1,
            "guidance_low": 1,
        },
    }


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
