"""Tokenizers from files, and the way CLAP and Pengi give text to their networks.

A tokenizer is a folder with a `tokenizer.json` or such a file, whether GPT-2's, CLIP's or a small one of
our own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

GPT2_PAD_ID = 0  # “!” in GPT-2's own vocabulary
BERT_PAD_ID = 0  # “[PAD]”


class TokenizerError(ValueError):
    """A tokenizer that cannot be loaded; the message says which file and why."""


def load_tokenizer(path: str | Path) -> "PreTrainedTokenizerFast":
    """The tokenizer of a folder or a `tokenizer.json`. Raises TokenizerError if it is missing or damaged."""
    from transformers import PreTrainedTokenizerFast

    path = Path(path)
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise TokenizerError(f"There is no tokenizer {file}.")
    try:
        return PreTrainedTokenizerFast(tokenizer_file=str(file), clean_up_tokenization_spaces=False)
    except Exception as error:  # the tokenizers package raises bare Exception for a damaged file
        raise TokenizerError(f"The tokenizer {file.name} cannot be read: {error}.") from error


def gpt2_ids(
    tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str], end_text: str, length: int
) -> tuple["Tensor", "Tensor"]:
    """Texts with their end as GPT-2 ids and mask, each `[n, longest]` int64, padded on the right with id 0.

    A text longer than `length` loses tokens before its end, never the end itself.
    """
    declare_pad(tokenizer)
    end = len(tokenizer(end_text).input_ids)
    rows = [
        ids if len(ids) <= length else ids[: length - end] + ids[-end:]
        for ids in tokenizer([text + end_text for text in texts]).input_ids
    ]
    return padded(rows, GPT2_PAD_ID, max(map(len, rows)))


def bert_ids(
    tokenizer: "PreTrainedTokenizerFast", texts: Sequence[str], length: int
) -> tuple["Tensor", "Tensor"]:
    """Texts as BERT ids and mask, each `[n, longest]` int64, padded on the right with id 0.

    A text longer than `length` loses tokens before its end, never the end itself.
    """
    rows = tokenizer(list(texts), truncation=True, max_length=length).input_ids
    return padded(rows, BERT_PAD_ID, max(map(len, rows)))


def declare_pad(tokenizer: "PreTrainedTokenizerFast") -> None:
    """Make the token of id 0 the pad token, as the published wrappers do.

    It then stands for itself wherever it occurs: in GPT-2's vocabulary `wow!!` becomes `wow`, `!`, `!`.
    """
    if tokenizer.pad_token_id != GPT2_PAD_ID:
        tokenizer.add_special_tokens({"pad_token": tokenizer.convert_ids_to_tokens(GPT2_PAD_ID)})


def padded(rows: Sequence[Sequence[int]], pad_id: int, length: int) -> tuple["Tensor", "Tensor"]:
    """Rows of ids as ids and mask, each `[n, length]` int64, padded on the right. No row may be longer."""
    import torch

    ids = torch.full((len(rows), length), pad_id)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return ids, mask
