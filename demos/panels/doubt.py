"""Where a model doubted its own words: parts of an answer made of tokens that it gave little probability."""

from __future__ import annotations

from store.records import Observation

DOUBT = 0.5  # a word with a token below this probability is shown as doubted


def doubtful_parts(observation: Observation) -> list[tuple[int, int, float]]:
    """The words of the answer with a token of probability below DOUBT: (start, stop, lowest probability).

    Characters count into `observation.text`. Tokens are found in the text one after the other; a token that
    is not shown there (a special one, say) is passed over. Neighbouring doubted words stay apart.
    """
    text = observation.text
    lowest: list[float] = [1.0] * len(text)
    at = 0
    for token in observation.tokens:
        piece = token.text.strip()
        if not piece or token.probability is None:
            continue
        found = text.find(piece, at)
        if found < 0:
            continue
        at = found + len(piece)
        for k in range(found, at):
            lowest[k] = min(lowest[k], token.probability)
    parts: list[tuple[int, int, float]] = []
    start = 0
    while start < len(text):
        if text[start].isspace():
            start += 1
            continue
        stop = start
        while stop < len(text) and not text[stop].isspace():
            stop += 1
        probability = min(lowest[start:stop])
        if probability < DOUBT:
            parts.append((start, stop, probability))
        start = stop
    return parts
