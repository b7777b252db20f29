"""The one tokenizer of the mini suite's text models: byte-level BPE of at most 2,048 tokens.

Laid out like GPT-2's so that the published text rules hold unchanged: id 0 is "!" (the padding of msclap and
Pengi), `<|endoftext|>` ends a text; `<s>` and `</s>` begin and end LLaMA's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 2048  # rows, special tokens included
SPECIAL = ("<|endoftext|>", "<s>", "</s>")


def run(folder: Path, texts: Iterable[str]) -> None:
    """Train on `texts` and write `folder/tokenizer.json`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(folder / "tokenizer.json"))
