"""The training's own tests: its arithmetic, and a run of seconds through every stage. `make test` runs them."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
GENERATOR = Path(os.environ.get("FESTOON_RENDERER_PROGRAM", ROOT / "target" / "debug" / "festoon-renderer"))

from festoon_training import clips, distil, flow, gates, sample, text, vae  # noqa: E402
from festoon_training.codec import Codec  # noqa: E402
from festoon_training.run import Run  # noqa: E402
from festoon_training.state import load  # noqa: E402

SMALL = {"base_dim": 16, "decoder_base_dim": 8, "dim_mult": [1, 2, 3]}


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    """Smooth moving pictures, [n, 3, 9, 32, 32] in -1..1."""
    noise = torch.Generator().manual_seed(seed)
    small = torch.randn(count, 3, 2, 3, 3, generator=noise)
    return torch.nn.functional.interpolate(small, size=(9, 32, 32), mode="trilinear").clamp(-1, 1)


class Arithmetic(unittest.TestCase):
    def setUp(self) -> None:
        torch.manual_seed(0)
        self.codec = Codec.fit(pictures(16), 8, [16, 32], [12, 20])
        self.vae = vae.build(SMALL, 8)
        vae.prepare(self.vae, self.codec)

    def test_the_encoder_computes_what_the_closed_form_says(self) -> None:
        x = pictures(3, seed=1)
        told = self.vae.encode(x).latent_dist.mean
        self.assertLess(float((told - self.codec.encode(x)).detach().abs().max()), 2e-3)
        self.assertEqual(tuple(told.shape), (3, 8, 3, 4, 4))

    def test_all_moments_at_once_are_decoded_as_one_after_another(self) -> None:
        z = torch.randn(2, 8, 3, 4, 4)
        whole = vae.decode(self.vae, z).clamp(-1, 1)
        self.assertLess(float((whole - self.vae.decode(z).sample).detach().abs().max()), 1e-5)

    def test_more_latents_keep_more_of_a_picture(self) -> None:
        def blocks(x: torch.Tensor) -> torch.Tensor:
            return x[:, :, 1:].reshape(len(x), 3, 2, 4, 4, 8, 4, 8).permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(-1, 768)

        def kept(z_dim: int) -> float:
            codec = Codec.fit(pictures(16), z_dim, [16, 32], [12, 20])
            rows = lambda x: codec.encode(x)[:, :, 1:].permute(0, 2, 3, 4, 1).reshape(-1, z_dim)  # noqa: E731
            back = torch.linalg.lstsq(rows(pictures(16)), blocks(pictures(16))).solution
            x = pictures(8, seed=2)
            return clips.psnr((rows(x) @ back - blocks(x)).square().mean())

        self.assertGreater(kept(16), kept(4) + 3)

    def test_softening_keeps_what_is_even_and_blurs_edges(self) -> None:
        even = torch.full((1, 2, 16, 16, 3), 200, dtype=torch.uint8)
        self.assertTrue(torch.equal(clips.to_pixels(clips.soften(even, 1.5)), even))
        edge = torch.zeros(1, 1, 16, 16, 3, dtype=torch.uint8)
        edge[..., 8:, :] = 255
        soft = clips.soften(edge, 1.0)[0, 0, 0, 8]
        self.assertLess(float(soft.diff().abs().max()), 0.9)

    def test_noise_levels_stay_in_the_range_of_their_expert(self) -> None:
        phase = flow.Phase("high", 5, 1, 64, low=0.7)
        t = flow.levels(500, phase, 1.5, torch.Generator().manual_seed(0))
        self.assertGreaterEqual(float(t.min()), 0.7)
        self.assertLessEqual(float(t.max()), 1.0)

    def test_words_are_pieces_and_the_same_ones_each_time(self) -> None:
        captions = ["red hearts in the night", "金色爱心", "赤いハート、カメラ"] * 3
        one, two = (text.learn_tokenizer(captions, 60) for _ in range(2))
        self.assertEqual(one.to_str(), two.to_str())
        self.assertEqual(one.encode("Red hearts").tokens, ["▁red", "▁hearts", text.EOS])
        self.assertEqual(one.encode("赤いハート").tokens, ["▁", "赤", "い", "ハート", text.EOS])
        self.assertEqual(one.encode("red").tokens, two.encode("red").tokens)
        # A word that was never seen is spelt.
        self.assertEqual(one.encode("sear").tokens, ["▁", "s", "e", "a", "r", text.EOS])

    def test_every_word_knows_what_the_caption_says(self) -> None:
        captions = [f"{colour} {thing}" for colour in ("red", "blue") for thing in ("hearts", "snow")]
        tokenizer = text.learn_tokenizer(captions, 60)
        ids, mask = text.tokens(tokenizer, captions, 6)
        truth = {"palette": torch.tensor([0, 0, 1, 1]), "motif": torch.tensor([0, 1, 0, 1])}
        config = {"d_model": 16, "d_kv": 8, "d_ff": 16, "heads": 2, "layers": 1}
        said: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "words.pt"
            settings = {"rate": 1e-2, "steps": 120, "batch": 8, "seed": 0, "say_every": 40}
            encoder = text.build(config, tokenizer.get_vocab_size())
            text.teach(encoder, ids, mask, truth, settings, path, torch.device("cpu"), said.append)
            again = text.build(config, tokenizer.get_vocab_size())
            text.teach(again, ids, mask, truth, settings, path, torch.device("cpu"), said.append)
        self.assertIn("100.0% understood", said[-1])
        self.assertTrue(torch.equal(text.encode(encoder, ids, mask), text.encode(again, ids, mask)))

    def test_an_encoder_hears_the_order_of_words_before_it_has_learned_anything(self) -> None:
        """From the usual start the two differ by 2 %, and training on few captions never makes it more."""
        captions = ["red hearts against a dark blue background", "blue hearts against a dark red background"]
        tokenizer = text.learn_tokenizer(captions, 80)
        ids, mask = text.tokens(tokenizer, captions, 10)
        encoder = text.build({"d_model": 128, "d_kv": 32, "d_ff": 256, "heads": 4, "layers": 2}, tokenizer.get_vocab_size())
        one, other = text.encode(encoder, ids, mask).detach().sum(1)
        self.assertGreater(float((one - other).norm() / one.norm()), 0.1)

    def test_a_student_walks_its_teachers_way_in_one_step(self) -> None:
        """On a straight field, where one step is exact, nothing is left to learn: the wanted velocity is the field's."""
        torch.manual_seed(0)
        transformer = flow.build({"heads": 2, "head_dim": 16, "freq_dim": 16, "ffn_dim": 32, "layers": 1}, 4, 16)
        levels = sample.grid(4, 2.0)
        states = torch.zeros(2, 4, 4, 1, 4, 4)
        for stop in range(4):
            states[:, stop] = 3.0 * levels[stop]
        walks = {"states": states, "ids": torch.zeros(2, 6, dtype=torch.long), "mask": torch.ones(2, 6, dtype=torch.long)}
        encoder = text.build({"d_model": 16, "d_kv": 8, "d_ff": 16, "heads": 2, "layers": 1}, 20)
        settings = {"rate": 2e-2, "matrix_rate": 0.02, "scale": 1.0, "average": 0.5, "steps": 4, "shift": 2.0, "compile": False}
        settings |= {"rounds": 150, "batch": 4, "seed": 0, "warmup": 1, "bf16": False, "say_every": 50, "save_every": 150}
        said: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "few.pt"
            distil.teach(transformer, encoder, walks, [0, 1, 2], torch.ones(4), settings, path, torch.device("cpu"), said.append)
        first, last = (float(line.split("loss ")[1].split(",")[0]) for line in (said[0], said[-1]))
        self.assertLess(last, 0.1 * 9)
        self.assertLess(last, first)

    def test_a_text_ends_in_its_end_mark_however_long(self) -> None:
        tokenizer = text.learn_tokenizer(["red hearts", "金色爱心", "赤いハート"] * 3, 60)
        ids, mask = text.tokens(tokenizer, ["red", "red hearts " * 40, ""], 12)
        end = tokenizer.token_to_id(text.EOS)
        for row, length in zip(ids, mask.sum(1), strict=True):
            self.assertEqual(int(row[length - 1]), end)


@unittest.skipUnless(GENERATOR.exists(), f"{GENERATOR} is not built")
class Smoke(unittest.TestCase):
    def command(self, what: str, folder: str, *more: str) -> subprocess.CompletedProcess:
        options = ["--config", str(HERE / "smoke.toml"), "--folder", f"{folder}/run", "--generator", str(GENERATOR)]
        options += ["--model", f"{folder}/model", "--pictures", f"{folder}/pictures", "--threads", "1", *more]
        environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
        command = [sys.executable, "-m", "festoon_training", what, *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def test_a_run_goes_through_every_stage_and_is_judged_honestly(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            done = self.command("train", folder)
            # Two steps teach nothing: the gates must say so.
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("a gate is missed", done.stderr)
            self.assertIn("MISSED: judge", done.stdout)
            model = Path(folder) / "model"
            for part in ("model_index.json", "vae/config.json", "transformer_2/config.json", "tokenizer/tokenizer.json", "gates.json"):
                self.assertTrue((model / part).exists(), part)
            self.assertTrue((Path(folder) / "pictures" / "sheet.jpg").exists())

            # What is done is not done again; what is missing is.
            stamp = (Path(folder) / "run" / "clips.pt").stat().st_mtime_ns
            (Path(folder) / "run" / "low.pt").unlink()
            again = self.command("train", folder)
            self.assertNotIn("decoder step", again.stdout)
            self.assertEqual((Path(folder) / "run" / "clips.pt").stat().st_mtime_ns, stamp)
            self.assertEqual(load(Path(folder) / "run" / "low.pt")["step"], 1)

            # The program paints with what was exported.
            checkpoint = gates.Checkpoint(model, torch.device("cpu"))
            painted = checkpoint.paint(["red hearts"], (8, 5, 4, 4), 0, {"steps": 2, "shift": 2.0}, 48)
            self.assertEqual(tuple(painted.shape), (1, 3, 17, 32, 32))

    def test_a_folder_of_another_configuration_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            Run.open(HERE / "smoke.toml", run, GENERATOR)
            with self.assertRaisesRegex(SystemExit, r"\[clips\]"):
                Run.open(HERE.parent / "default.toml", run, GENERATOR)


if __name__ == "__main__":
    unittest.main()
