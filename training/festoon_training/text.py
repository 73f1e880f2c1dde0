"""The words: a tokenizer learned from the captions, and a small UMT5 encoder that is trained with the transformer."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import UMT5Config, UMT5EncoderModel

PAD, EOS, UNKNOWN = "<pad>", "</s>", "<unk>"


def learn_tokenizer(captions: list[str], vocabulary: int) -> Tokenizer:
    """A unigram model in the manner of T5's: pieces start words with U+2581, texts end in `</s>`."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary, special_tokens=[PAD, EOS, UNKNOWN], unk_token=UNKNOWN, show_progress=False
    )
    tokenizer.train_from_iterator(sorted(set(captions)), trainer)
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
    return UMT5EncoderModel(
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


def encode(encoder: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """[n, length, d_model], zero where there is no word: as the pipeline hands it to the transformer."""
    return encoder(input_ids=ids, attention_mask=mask).last_hidden_state * mask.unsqueeze(-1)


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
