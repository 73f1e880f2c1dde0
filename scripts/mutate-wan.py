#!/usr/bin/env python3
"""Proves that the comparison with the reference catches mistakes: makes them one at a time and runs it.

Each mistake is an edit of crates/wan's sources, done in a copy of the workspace under target/mutate; the copy's `check` example
then compares the fixture. A mistake that passes is a hole in the fixture, and this script fails. Writes
target/mutate/report.md; the run takes a quarter of an hour. `mutate-wan.py WORD` makes only the mistakes whose name has WORD.
"""
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COPY = os.path.join(ROOT, "target", "mutate", "workspace")
SOURCES = os.path.join("crates", "wan", "src")
FIXTURE = os.path.join(ROOT, "crates", "wan", "tests", "fixture")

ERF = ("torch/tensor.rs", "    /// GELU in its tanh form.", '''    /// GELU as it is defined.
    pub fn gelu_erf(&self) -> Result<Self> {
        wrap(self.0.f_gelu("none"))
    }

    /// GELU in its tanh form.''')

# name, then edits of (file, text, other text).
MISTAKES = [
    ("text: ftfy left out", ("prompt.rs", "fix_text(&without_terminal_escapes(text))", "without_terminal_escapes(text)")),
    ("text: ftfy left out and HTML undone once", ("prompt.rs", "fix_text(&without_terminal_escapes(text))", "without_terminal_escapes(text)"),
     ("prompt.rs", "unescape(&unescape(&text))", "unescape(&text)")),
    ("text: truncation drops </s>", ("tokenizer.rs", "ids.truncate(limit.saturating_sub(1));\n            ids.push(self.eos);", "ids.truncate(limit);")),
    ("text encoder: logits scaled by 1/sqrt(d)", ("modeling_umt5.rs", "Some(&bias), Some(1.0)", "Some(&bias), None")),
    ("text encoder: position bias of block 0 everywhere", ("modeling_umt5.rs", "&block.child(layer))).collect::<Result<_>>()?",
     "&block.child(layer))).collect::<Result<Vec<_>>>().map(|mut blocks: Vec<UMT5Block>| { let first = blocks[0].relative_attention_bias.clone(); "
     "blocks.iter_mut().for_each(|block| block.relative_attention_bias = first.clone()); blocks })?")),
    ("text encoder: erf-GELU", ERF, ("modeling_umt5.rs", "gelu_tanh", "gelu_erf")),
    ("transformer: padding masked", ("transformer_wan.rs", "((prompt.total - tokens) as f32).ln()", "f32::NEG_INFINITY")),
    ("transformer: padding counted once", ("transformer_wan.rs", "((prompt.total - tokens) as f32).ln()", "0.0")),
    ("transformer: rotary halves, not pairs", ("torch/tensor.rs", "pairs.extend([last / 2, 2]);", "pairs.extend([2, last / 2]);"),
     ("torch/tensor.rs", ".f_reshape(pairs)?.f_view_as_complex()", ".f_reshape(pairs)?.f_transpose(-2, -1)?.f_contiguous()?.f_view_as_complex()"),
     ("torch/tensor.rs", ".f_view_as_real()?.f_flatten(-2, -1)", ".f_view_as_real()?.f_transpose(-2, -1)?.f_flatten(-2, -1)")),
    ("transformer: rotary axes in another order", ("transformer_wan.rs", "[time, row, column].into_iter()", "[row, column, time].into_iter()")),
    ("transformer: query and key normalised per head", ("transformer_wan.rs", ".rms_norm(None, config.eps)?\n            .mul(&self.norm_qk)?",
     ".reshape(&[batch, length, 2, heads, head_dim])?.rms_norm(None, config.eps)?.reshape(&[batch, length, 2, dim])?\n            .mul(&self.norm_qk)?")),
    ("transformer: erf-GELU", ERF, ("transformer_wan.rs", "c_scale, config.eps)?)?.gelu_tanh()", "c_scale, config.eps)?)?.gelu_erf()")),
    ("transformer: sine before cosine in the time embedding", ("transformer_wan.rs", "&[angles.cos()?, angles.sin()?]", "&[angles.sin()?, angles.cos()?]")),
    ("transformer: output unpatched channel first", ("transformer_wan.rs", "&[-1, frames, rows, columns, 2, 2, channels]", "&[-1, frames, rows, columns, channels, 2, 2]"),
     ("transformer_wan.rs", "&[0, 6, 1, 2, 4, 3, 5]", "&[0, 4, 1, 2, 5, 3, 6]")),
    ("transformer: last scale and shift exchanged", ("transformer_wan.rs", "&modulation[0], &modulation[1]", "&modulation[1], &modulation[0]")),
    ("sampler: UniPC timesteps not truncated", ("scheduling_unipc_multistep.rs", "(sigma * TRAIN_TIMESTEPS).trunc()", "sigma * TRAIN_TIMESTEPS")),
    ("sampler: UniPC without its corrector", ("scheduling_unipc_multistep.rs", "if self.step_index > 0 {", "if false {")),
    ("sampler: UniPC's order not lowered at the end", ("scheduling_unipc_multistep.rs", ".min(self.timesteps.len() - self.step_index)", "")),
    ("sampler: first sigma left at one", ("scheduling_unipc_multistep.rs", "sigmas[0] -= 1e-6;", "sigmas[0] -= 0.0;")),
    ("sampler: Euler's shift applied once", ("scheduling_flow_match_euler_discrete.rs", "shifted(1.0 + (smallest - 1.0) * position(step), shift)",
     "1.0 + (smallest - 1.0) * position(step)")),
    ("guidance: boundary > instead of >=", ("pipeline_wan.rs", "timestep >= boundary", "timestep > boundary")),
    ("guidance: guidance_2 ignored", ("pipeline_wan.rs", "(Expert::Low, Some(guidance_2)) => guidance_2", "(Expert::Low, Some(_)) => request.guidance")),
    ("guidance: turned on by guidance_2", ("text_to_video.rs", "self.guidance > 1.0", "self.guidance.max(self.guidance_2.unwrap_or(0.0)) > 1.0")),
    ("vae: latents divided by their deviation", ("pipeline_wan.rs", "per_channel(&config.latents_std)",
     "per_channel(&config.latents_std.iter().map(|std| 1.0 / std).collect::<Vec<_>>())")),
    ("vae: first frame seen by time_conv", ("autoencoder_kl_wan/blocks.rs", "time_conv.forward(&x.narrow(2, passed, rest)?, cache)?",
     "time_conv.forward(x, cache)?.narrow(2, passed, rest)?")),
    ("vae: bilinear upsampling", ("torch/tensor.rs", "f_internal_upsample_nearest_exact2d([height * 2, width * 2].as_slice(), Some(2.0), Some(2.0))",
     "f_upsample_bilinear2d([height * 2, width * 2].as_slice(), false, Some(2.0), Some(2.0))")),
    ("frames: rounded to bytes, not truncated", ("pipeline_wan.rs", ".mul_scalar(255.0)?", ".mul_scalar(255.0)?.add_scalar(0.5)?")),
    ("frames: number rounded up", ("pipeline_wan.rs", "asked / temporal * temporal + 1", "(asked + temporal - 1) / temporal * temporal + 1")),
    ("lora: alpha ignored", ("lora.rs", ".copied().unwrap_or(1.0) as f64 / rank as f64", ".copied().map_or(1.0, |_| 1.0)")),
    ("lora: alpha of the metadata ignored", ("lora.rs", "map_or(1.0, |alpha| alpha / rank)", "map_or(1.0, |alpha| alpha / alpha)")),
    ("lora: diff_b ignored", ("lora.rs", 'self.0.entry(format!("{module}.bias")).or_default().0.push(change);', "drop(change);")),
]


def copy_workspace():
    shutil.rmtree(COPY, ignore_errors=True)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, tracked):
        if not name.startswith("crates/wan/tests/") and os.path.isfile(os.path.join(ROOT, name)):
            os.makedirs(os.path.dirname(os.path.join(COPY, name)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, name), os.path.join(COPY, name))
    os.makedirs(os.path.join(COPY, "crates", "wan", "tests"), exist_ok=True)
    open(os.path.join(COPY, "crates", "wan", "tests", "main.rs"), "w").close()


def check():
    """(whether it built, the lines of the cases)."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", LIBTORCH=os.environ.get("LIBTORCH", os.path.join(ROOT, "third_party", "libtorch")))
    # The workspace's own target folder: its dependencies are built already.
    target = os.path.join(ROOT, "target")
    build = subprocess.run(["cargo", "build", "--quiet", "--offline", "-p", "festoon-wan", "--example", "check", "--target-dir", target,
                            "--config", "profile.dev.package.festoon-wan.opt-level=0"], cwd=COPY, env=environment, capture_output=True, text=True)
    if build.returncode != 0:
        return False, build.stderr
    program = os.path.join(target, "debug", "examples", "check")
    run = subprocess.run([program, FIXTURE], env=environment, capture_output=True, text=True)
    return True, [json.loads(line) for line in run.stdout.splitlines()]


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    copy_workspace()
    built, cases = check()
    if not built or any(case["result"] == "fail" for case in cases):
        sys.exit(f"mutate-wan: the unchanged sources fail already: {cases}")
    rows, holes = [], []
    for name, *edits in MISTAKES:
        if word not in name:
            continue
        originals = {}
        for file, text, other in edits:
            path = os.path.join(COPY, SOURCES, file)
            source = open(path).read()
            originals.setdefault(path, source)
            if source.count(text) != 1:
                sys.exit(f"mutate-wan: {name}: {file} has {text!r} {source.count(text)} times")
            open(path, "w").write(source.replace(text, other))
        built, cases = check()
        for path, source in originals.items():
            open(path, "w").write(source)
        if not built:
            sys.exit(f"mutate-wan: {name} does not compile:\n{cases}")
        caught = [f"{case['name']} ({', '.join(case.get('failed', [])) or case.get('note', 'u8')})" for case in cases if case["result"] == "fail"]
        rows.append((name, caught))
        if not caught:
            holes.append(name)
        print(f"{'caught' if caught else 'MISSED'}  {name}: {'; '.join(caught[:3])}{' …' if len(caught) > 3 else ''}", flush=True)
    with open(os.path.join(ROOT, "target", "mutate", "report.md"), "w") as report:
        report.write("| mistake | caught by |\n|---|---|\n")
        report.writelines(f"| {name} | {'; '.join(caught) or '**nothing**'} |\n" for name, caught in rows)
    print(f"{len(rows) - len(holes)} of {len(rows)} mistakes caught; target/mutate/report.md")
    sys.exit(1 if holes else 0)


main()
