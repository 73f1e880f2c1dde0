"""One training run: a folder, its configuration, and the stages in order. Each stage goes on where it was stopped."""

import copy
import json
import subprocess
import tomllib
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from tokenizers import Tokenizer

from . import clips, codec, decoder, distil, export, flow, judge, sample, text, vae
from .state import load, save


def say(line: str) -> None:
    print(line, flush=True)


@dataclass
class Run:
    config: dict
    folder: Path
    generator: Path
    device: torch.device

    @staticmethod
    def open(config: Path, folder: Path, generator: Path) -> "Run":
        """A run in `folder`, which is made. A folder of another configuration is refused."""
        values = tomllib.loads(config.read_text(encoding="utf-8"))
        folder.mkdir(parents=True, exist_ok=True)
        copy = folder / "config.json"
        if copy.exists():
            for part in ("clips", "autoencoder", "text", "transformer"):
                if json.loads(copy.read_text())[part] != values[part]:
                    raise SystemExit(f"{folder} holds a run whose [{part}] is not {config}'s: use another --folder, or remove it")
        else:
            copy.write_text(json.dumps(values, indent=1))
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return Run(values, folder, generator, device)

    # Data

    def paint_clips(self, folder: str, count: int, seed: int) -> list[clips.Shard]:
        """Clips by the generator, which goes on in a folder that it left."""
        c = self.config["clips"]
        out = self.folder / folder
        if not (out / "done").exists():
            command = [str(self.generator), "motion", "--dataset", str(count), "--size", f"{c['width']}x{c['height']}"]
            command += ["--frames", str(c["frames"]), "--fps", str(c["painted_fps"]), "--seed", str(seed)]
            command += ["--motifs", ",".join(c["motifs"]), "--out", str(out)]
            subprocess.run(command, check=True)
            (out / "done").touch()
        return clips.shards(out)

    @cached_property
    def shards(self) -> list[clips.Shard]:
        return self.paint_clips("clips", self.config["clips"]["count"], self.config["clips"]["seed"])

    @cached_property
    def labels(self) -> list[dict]:
        path = self.folder / "labels.json"
        if not path.exists():
            path.write_text(json.dumps([label for shard in self.shards for label in shard.labels]), encoding="utf-8")
        return json.loads(path.read_text(encoding="utf-8"))

    def held_out(self, label: dict) -> bool:
        """Whether this combination is kept from the transformer."""
        name = f"{label['motif']}/{label['palette']}/{label['background']}"
        return zlib.crc32(name.encode()) % self.config["clips"]["held_out"] == 0

    # Autoencoder

    @cached_property
    def codec(self) -> codec.Codec:
        path, c = self.folder / "codec.pt", self.config["autoencoder"]
        if not path.exists():
            some, _ = decoder.material(self.shards, c["clips"], self.config["clips"]["softness"])
            save(codec.Codec.fit(some[::8].float(), c["z_dim"], c["levels"], c["still"]).state(), path)
        return codec.Codec.from_state(load(path))

    @cached_property
    def autoencoder(self):
        c = self.config["autoencoder"]
        torch.manual_seed(c["seed"])
        model = vae.build(c, c["z_dim"])
        vae.prepare(model, self.codec)
        path = self.folder / "decoder.pt"
        if not path.exists() or load(path)["step"] < c["steps"]:
            some, motifs = decoder.material(self.shards, c["clips"], self.config["clips"]["softness"])
            settings = c | {"bf16": True, "say_every": 50, "save_every": 100}
            decoder.train(model, self.codec, some, motifs, settings, self.folder, self.device, say)
        model.load_state_dict(load(path)["vae"])
        return model.eval().to(self.device)

    @cached_property
    def latents(self) -> torch.Tensor:
        path = self.folder / "latents.pt"
        if not path.exists():
            softness, found = self.config["clips"]["softness"], []
            for number, shard in enumerate(self.shards):
                for start in range(0, len(shard.labels), 32):
                    found.append(self.codec.encode(shard.clips(slice(start, start + 32), softness)).half())
                say(f"latents of {number + 1}/{len(self.shards)} shards")
            save(torch.cat(found), path)
        return load(path)

    # Transformer

    @cached_property
    def tokenizer(self) -> Tokenizer:
        path = self.folder / "tokenizer.json"
        if not path.exists():
            known = [caption for label in self.labels if not self.held_out(label) for caption in label["captions"].values()]
            text.learn_tokenizer(known, self.config["text"]["vocabulary"]).save(str(path))
        return Tokenizer.from_file(str(path))

    def painter(self) -> flow.Painter:
        torch.manual_seed(self.config["flow"]["seed"])
        c = self.config["text"]
        encoder = text.build(c, self.tokenizer.get_vocab_size())
        return flow.Painter(encoder, flow.build(self.config["transformer"], self.config["autoencoder"]["z_dim"], c["d_model"]))

    @cached_property
    def kept(self) -> list[int]:
        """Rows of the clips that the model may learn from."""
        return [row for row, label in enumerate(self.labels) if not self.held_out(label)]

    @cached_property
    def cache(self) -> flow.Cache:
        captions = [self.labels[row]["captions"] for row in self.kept]
        return flow.Cache.of(self.latents[self.kept], captions, self.tokenizer, self.config["text"]["length"])

    @cached_property
    def weights(self) -> torch.Tensor:
        """What each channel counts. Whitened latents are one size; what each says of the picture is not: its square root is a
        middle way."""
        size = 1 / self.codec.project.norm(dim=1)
        weights = (size / size[0]).sqrt()
        return weights / weights.mean()

    def teach_words(self) -> dict:
        """The weights of the text encoder."""
        path = self.folder / "words.pt"
        if not path.exists():
            asked = judge.answers([self.labels[row] for row in self.kept], text.QUESTIONS)
            truth = {question: told.repeat(len(flow.LANGUAGES)) for question, (_, told) in asked.items()}
            settings = self.config["words"] | {"say_every": 50}
            ids, mask = self.cache.ids.flatten(0, 1), self.cache.mask.flatten(0, 1)
            text.teach(self.painter().encoder, ids, mask, truth, settings, path, self.device, say)
        return load(path)

    def train_painter(self) -> None:
        c = self.config["flow"]
        words = self.teach_words()
        settings = c | {"bf16": True, "say_every": 50, "save_every": 250}
        before = None
        for values in c["phases"]:
            expert = values["name"] in ("high", "low")
            bounds = {"high": {"low": c["boundary"]}, "low": {"high": c["boundary"]}}.get(values["name"], {})
            phase = flow.Phase(**values, **bounds)
            path = self.folder / f"{phase.name}.pt"
            if not path.exists() or load(path)["step"] < phase.steps:
                painter = self.painter()
                if before is not None:
                    painter.load_state_dict(load(before)["average"])
                painter.encoder.load_state_dict(words)
                flow.train(painter.to(self.device), self.cache, phase, self.weights, settings, path, self.device, say)
            if not expert:
                before = path

    def experts(self) -> tuple:
        """The encoder and the two transformers, with averaged weights."""
        painters = []
        for name in ("high", "low"):
            painter = self.painter()
            painter.load_state_dict(load(self.folder / f"{name}.pt")["average"])
            painters.append(painter.eval().to(self.device))
        return painters[0].encoder, painters[0].transformer, painters[1].transformer

    @cached_property
    def students(self) -> tuple:
        """The encoder and the two transformers that need few steps and no guidance."""
        flow_settings, paint = self.config["flow"], self.config["paint"]
        settings = flow_settings | paint | {"bf16": True, "say_every": 50, "save_every": 100} | self.config["few_steps"]
        encoder, high, low = self.experts()
        levels = sample.grid(paint["steps"], paint["shift"])[:-2]
        mine = {"high": levels >= flow_settings["boundary"], "low": levels < flow_settings["boundary"]}
        paths = {name: self.folder / f"few-{name}.pt" for name in mine}
        students = {name: copy.deepcopy(teacher) for name, teacher in (("high", high), ("low", low))}
        missing = [name for name, path in paths.items() if not path.exists() or load(path)["step"] < settings["rounds"]]
        if missing:
            if settings["compile"]:
                high.compile()
                low.compile()
            walks = distil.walk((high, low), encoder, self.cache, settings, self.folder / "walks", self.device, say)
            for name in missing:
                stretches = mine[name].nonzero().flatten().tolist()
                distil.teach(students[name], encoder, walks, stretches, self.weights, settings, paths[name], self.device, say)
        for name, student in students.items():
            student.load_state_dict(load(paths[name])["average"])
        return encoder, students["high"], students["low"]

    def export(self, folder: Path) -> None:
        encoder, high, low = self.students
        export.export(
            folder, self.config, vae=self.autoencoder, encoder=encoder, tokenizer=self.tokenizer, high=high, low=low
        )
        say(f"{folder}: {export.megabytes(folder):.1f} MB")

    # Judge

    @cached_property
    def judge(self) -> judge.Judge:
        c, path = self.config["judge"], self.folder / "judge.pt"
        answers = self.labels[: c["clips"]]
        if path.exists():
            return judge.teach(torch.empty(0), answers, c, path, self.device)
        seen = []
        for shard in self.shards[: -(-c["clips"] // 256)]:
            for start in range(0, len(shard.labels), 64):
                some = shard.frames(slice(start, start + 64), self.config["clips"]["softness"])
                seen.append(some.half())
        return judge.teach(torch.cat(seen)[: c["clips"]], answers, c | {"say_every": 100}, path, self.device, say)
