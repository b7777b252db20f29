"""The text of each generated token, so that the texts of all tokens together are the text that is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

INCOMPLETE = "\ufffd"  # what decoders write for bytes that are no whole character yet


class TokenTexts:
    """Decodes a growing sequence of token ids into one text per token.

    A character whose bytes are spread over several tokens belongs to the token that completes it; the
    tokens before have an empty text. White space in front of the whole text is left out.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self.ids: list[int] = []
        self.texts: list[str] = []
        self._decode = decode
        self._text = ""

    @property
    def text(self) -> str:
        """The text of all tokens so far, without a character that is still incomplete."""
        return self._text

    def add(self, token_id: int) -> str:
        """Take one more token and return its text."""
        self.ids.append(token_id)
        whole = self._decode(self.ids).lstrip()
        added = "" if whole.endswith(INCOMPLETE) else whole[len(self._text) :]
        self._text += added
        self.texts.append(added)
        return added
