"""The tokenizer of a LLaMA from its `tokenizer.model`, which is a SentencePiece model.

SentencePiece itself reads and applies it, as the published SALMONN does. Around it stands what the published
wrapper adds: the names of the beginning and the end in a text are those tokens, and one token for padding
follows the last piece.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from demos.tokenizer import TokenizerError

_POINTER = b"version https://git-lfs"  # what a clone without git-lfs holds in place of a file


class SentencePieceTokenizer:
    """Text to ids and back; may be used by several threads.

    Raises TokenizerError when the file is missing or is no SentencePiece model.
    """

    def __init__(self, path: str | Path) -> None:
        from sentencepiece import SentencePieceProcessor

        path = Path(path)
        if not path.is_file():
            raise TokenizerError(f"There is no tokenizer {path}.")
        content = path.read_bytes()
        if content.startswith(_POINTER):
            raise TokenizerError(f"The tokenizer {path.name} is a pointer of git-lfs; fetch the file itself.")
        try:
            # An empty file would be taken for no model at all and fail at the first text.
            self._pieces = SentencePieceProcessor(model_proto=content or b"empty")
        except RuntimeError as error:
            raise TokenizerError(f"The tokenizer {path.name} is no readable SentencePiece model.") from error
        self.bos_token_id: int = self._pieces.bos_id()
        self.eos_token_id: int = self._pieces.eos_id()
        self.pieces: int = self._pieces.get_piece_size()
        self.pad_token_id: int | None = self.pieces
        ids = [id_ for id_ in (self.bos_token_id, self.eos_token_id) if id_ >= 0]
        self._special = {self._pieces.id_to_piece(id_): id_ for id_ in ids}
        self._named = re.compile("|".join(map(re.escape, self._special)) or r"(?!)")

    def __len__(self) -> int:
        """Pieces and the token for padding."""
        return self.pieces + 1

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Ids of a text; each part between special tokens begins with a space of its own, as published.

        With `add_special_tokens` the beginning-of-sequence token comes first.
        """
        ids = [self.bos_token_id] if add_special_tokens and self.bos_token_id >= 0 else []
        place = 0
        for named in self._named.finditer(text):
            ids += [*self._pieces.encode(text[place : named.start()]), self._special[named[0]]]
            place = named.end()
        return [*ids, *self._pieces.encode(text[place:])]

    def decode(
        self, token_ids: Sequence[int], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool
    ) -> str:
        """The text of ids without the space in front; bytes that are no whole character become `\\ufffd`.

        Special tokens are never part of it. Spaces stay as they are.
        Raises ValueError where special tokens or other spaces are asked for.
        """
        if not skip_special_tokens or clean_up_tokenization_spaces:
            raise ValueError("This tokenizer leaves special tokens out and spaces as they are.")
        kept = [id_ for id_ in token_ids if id_ not in self._special.values() and id_ != self.pad_token_id]
        return str(self._pieces.decode(kept))
