"""diffusers' side of the timing of crates/wan.

    wan_peer.py CASES NAME DIR

Makes a checkpoint of random weights in DIR if there is none, opens it, then obeys lines on stdin and answers each with a line
of JSON: "run" paints the case once and tells its CPU seconds; "compare FILE" tells how far the last painting is from FILE, the
other side's frames (bytes) with its latents (f32) behind them.
"""
import json
import logging
import os
import resource
import shutil
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

import numpy as np
import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from transformers import AutoTokenizer, UMT5Config, UMT5EncoderModel

TOKENIZER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crates", "wan", "tests", "fixture", "tokenizer")


def randomize(module, seed):
    """Weights that keep activations near unit size; norms near one, nothing left at its default."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(module.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith("gamma") or (parameter.ndim == 1 and name.endswith("weight")):
            parameter.data.copy_(1 + 0.2 * noise)
        elif parameter.ndim == 1 or name.endswith("scale_shift_table"):
            parameter.data.copy_(0.2 * noise)
        elif "relative_attention_bias" in name or "shared" in name:
            parameter.data.copy_(noise)
        else:
            gain = 0.35 if "conv_out" in name else 1.0
            parameter.data.copy_(noise * gain / parameter[0].numel() ** 0.5)
    return module.eval()


def scheduler(shift):
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=shift)


def build(case, shift, folder):
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    vocabulary = (len(tokenizer) + 7) // 8 * 8
    text = UMT5EncoderModel(UMT5Config(vocab_size=vocabulary, d_model=case["text_dim"], d_kv=case["t5_kv"], d_ff=case["t5_ff"],
                                       num_layers=case["t5_layers"], num_heads=case["t5_heads"], feed_forward_proj="gated-gelu"))

    def expert(seed):
        return randomize(WanTransformer3DModel(
            patch_size=(1, 2, 2), num_attention_heads=case["heads"], attention_head_dim=case["head_dim"], in_channels=case["z_dim"],
            out_channels=case["z_dim"], text_dim=case["text_dim"], freq_dim=case["freq"], ffn_dim=case["ffn"], num_layers=case["layers"],
            cross_attn_norm=True, qk_norm="rms_norm_across_heads", eps=1e-6), seed)

    vae = AutoencoderKLWan(base_dim=case["vae_base"], z_dim=case["z_dim"], dim_mult=[1, 2, 4, 4], num_res_blocks=2)
    pipeline = WanPipeline(tokenizer=tokenizer, text_encoder=randomize(text, 1), transformer=expert(2), transformer_2=expert(3),
                           vae=randomize(vae, 4), scheduler=scheduler(shift), boundary_ratio=0.875)
    pipeline.save_pretrained(folder + ".part")
    # transformers may write the tokenizer in another form than it read it.
    shutil.copy(os.path.join(TOKENIZER, "tokenizer.json"), os.path.join(folder + ".part", "tokenizer", "tokenizer.json"))
    os.rename(folder + ".part", folder)


def main():
    settings = json.load(open(sys.argv[1]))
    case, folder = settings["cases"][sys.argv[2]], sys.argv[3]
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    if not os.path.exists(folder):
        build(case, settings["shift"], folder)
    pipeline = WanPipeline.from_pretrained(folder)
    pipeline.scheduler = scheduler(settings["shift"])
    pipeline.set_progress_bar_config(disable=True)
    logging.disable(logging.WARNING)
    print(json.dumps({"ready": torch.__version__}), flush=True)
    frames = latents = None
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "run":
            steps = []
            cpu, wall = time.process_time(), time.perf_counter()
            frames = pipeline(
                prompt=settings["prompt"], negative_prompt=settings["negative"], height=case["height"], width=case["width"],
                num_frames=case["frames"], num_inference_steps=case["steps"], guidance_scale=settings["guidance"],
                guidance_scale_2=settings["guidance_2"], generator=torch.Generator().manual_seed(settings["seed"]), output_type="np",
                callback_on_step_end=lambda p, i, t, k: (steps.append(k["latents"]), {})[1]).frames
            frames = (frames * 255).astype(np.uint8)
            latents = steps[-1].numpy()
            answer = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall,
                      "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
        elif command == "compare":
            data = open(argument, "rb").read()
            ours = np.frombuffer(data[:frames.size], dtype=np.uint8).astype(int)
            theirs = frames.reshape(-1).astype(int)
            off = np.abs(ours - theirs)
            ours = np.frombuffer(data[frames.size:], dtype=np.float32)
            answer = {"u8_max": int(off.max()), "u8_share": float((off > 0).mean()),
                      "latents": float(np.abs(ours - latents.reshape(-1)).max())}
        else:
            answer = {"error": f"unknown command {command!r}"}
        print(json.dumps(answer), flush=True)


main()
