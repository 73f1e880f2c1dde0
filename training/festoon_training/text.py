"""The words: a tokenizer learned from the captions, and a small UMT5 encoder that is trained with the transformer."""

import math
import re
from collections import Counter
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import UMT5Config, UMT5EncoderModel

from .state import load, save as keep

PAD, EOS, UNKNOWN = "<pad>", "</s>", "<unk>"
# What a caption answers.
QUESTIONS = ("motif", "palette", "background", "camera")


def learn_tokenizer(captions: list[str], vocabulary: int) -> Tokenizer:
    """A unigram model in the manner of T5's: pieces start words with U+2581, texts end in `</s>`.

    Its pieces are the words of the captions: Latin words and runs of katakana whole, every other character for itself. So few
    different captions teach a statistical trainer nothing but letters, and not the same ones each time.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    counts: Counter[str] = Counter()
    for caption in captions:
        normal = tokenizer.normalizer.normalize_str(caption)
        for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal):
            counts.update(re.findall(r"\u2581?[a-z]+|[\u30a0-\u30ff]+|.", piece))
    letters = {letter for piece in counts for letter in piece}
    common = sorted(counts, key=lambda piece: (-counts[piece], piece))
    pieces = sorted(letters | set(common[: max(0, vocabulary - 3 - len(letters))]))
    total = sum(counts.values())
    # A letter that never stands alone costs as much as one seen half a time.
    scored = [(piece, math.log(max(counts[piece], 0.5) / total)) for piece in pieces]
    tokenizer.model = models.Unigram([(PAD, 0.0), (EOS, 0.0), (UNKNOWN, 0.0), *scored], unk_id=2)
    tokenizer.add_special_tokens([PAD, EOS, UNKNOWN])
    end = tokenizer.token_to_id(EOS)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {EOS}", pair=f"$A {EOS} $B {EOS}", special_tokens=[(EOS, end)]
    )
    return tokenizer


def tokens(tokenizer: Tokenizer, captions: list[str], length: int) -> tuple[Tensor, Tensor]:
    """Ids and mask, both [n, length]; what is too long is cut before its `</s>`."""
    pad, end = tokenizer.token_to_id(PAD), tokenizer.token_to_id(EOS)
    ids = torch.full((len(captions), length), pad)
    mask = torch.zeros(len(captions), length, dtype=torch.long)
    for row, encoding in enumerate(tokenizer.encode_batch(captions)):
        found = encoding.ids if len(encoding.ids) <= length else [*encoding.ids[: length - 1], end]
        ids[row, : len(found)] = torch.tensor(found)
        mask[row, : len(found)] = 1
    return ids, mask


def build(config: dict, vocabulary: int) -> UMT5EncoderModel:
    """An encoder whose heads start out looking one word ahead, one word back, close by and everywhere, by turns.

    From the usual start, where all distances are alike, so few captions teach a bag of words: whether the hearts are red or the
    background is remains a guess.
    """
    encoder = UMT5EncoderModel(
        UMT5Config(
            vocab_size=vocabulary,
            d_model=config["d_model"],
            d_kv=config["d_kv"],
            d_ff=config["d_ff"],
            num_heads=config["heads"],
            num_layers=config["layers"],
            dropout_rate=0.0,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
    half = encoder.config.relative_attention_num_buckets // 2
    bucket = torch.arange(2 * half)
    # Near buckets are a word wide each: the first half counts back, the second ahead.
    distance = torch.where(bucket < half, -bucket, bucket - half).float()
    with torch.no_grad():
        for block in encoder.encoder.block:
            bias = block.layer[0].SelfAttention.relative_attention_bias.weight
            for head in range(config["heads"]):
                toward = (-1.0, 1.0, 0.0, None)[head % 4]
                bias[:, head] = 0.0 if toward is None else -(distance - toward).abs()
    return encoder


def encode(encoder: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """[n, length, d_model], zero where there is no word: as the pipeline hands it to the transformer."""
    return encoder(input_ids=ids, attention_mask=mask).last_hidden_state * mask.unsqueeze(-1)


def teach(encoder: nn.Module, ids: Tensor, mask: Tensor, truth: dict[str, Tensor], config: dict, path: Path, device, say=print) -> None:
    """Teaches the encoder what captions speak of, before a picture is seen; kept at `path`.

    Every word learns to know what the whole caption says: whichever word the transformer looks at, it is told. `ids` and
    `mask` are [n, length], `truth` holds the answers [n] to each question.
    """
    if path.exists():
        encoder.load_state_dict(load(path))
        return
    encoder.to(device)
    heads = nn.ModuleDict({name: nn.Linear(encoder.config.d_model, int(answers.max()) + 1) for name, answers in truth.items()})
    heads.to(device)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *heads.parameters()], lr=config["rate"], weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config["rate"], total_steps=config["steps"])
    chance = torch.Generator().manual_seed(config["seed"])
    right: list[float] = []
    for step in range(config["steps"]):
        rows = torch.randint(len(ids), (config["batch"],), generator=chance)
        seen = mask[rows].bool().to(device)
        words = encode(encoder, ids[rows].to(device), mask[rows].to(device))[seen]
        owner = rows.unsqueeze(1).expand_as(mask[rows]).to(device)[seen].cpu()
        loss, told = torch.zeros((), device=device), []
        for name, answers in truth.items():
            logits, answer = heads[name](words), answers[owner].to(device)
            loss = loss + F.cross_entropy(logits, answer)
            told.append(float((logits.argmax(1) == answer).float().mean()))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        right.append(min(told))
        if (step + 1) % config["say_every"] == 0:
            say(f"words step {step + 1}/{config['steps']}: {sum(right[-config['say_every']:]) / config['say_every']:.1%} understood")
    keep(encoder.state_dict(), path)


def save(tokenizer: Tokenizer, folder: Path, length: int) -> None:
    """`tokenizer/` as transformers' T5 tokenizers read it."""
    import json

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "eos_token": EOS,
        "extra_ids": 0,
        "model_max_length": length,
        "pad_token": PAD,
        "tokenizer_class": "T5TokenizerFast",
        "unk_token": UNKNOWN,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
