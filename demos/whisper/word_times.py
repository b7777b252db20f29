"""When each word was said: read from where Whisper's decoder looks while it writes.

The method of openai-whisper's `whisper.timing`: cross-attention of the heads that follow time, smoothed, then
dynamic time warping of tokens against frames. Written anew because the original compiles itself for several
seconds at its first use, runs the encoder again, and hooks into the shared network while it works.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from whisper.audio import TOKENS_PER_SECOND
from whisper.model import Whisper
from whisper.timing import WordTiming, merge_punctuations
from whisper.tokenizer import Tokenizer

from demos.whisper.cached_decoder import CachedDecoder

MEDIAN_WIDTH = 7  # frames
LONGEST_MEDIAN = 0.7  # seconds
SENTENCE_ENDS = ".。!！?？"
OPENING_MARKS = "\"'“¿([{-"
CLOSING_MARKS = "\"'.。,，!！?？:：”)]}、"


def word_times(
    model: Whisper, tokenizer: Tokenizer, ids: Sequence[int], hidden: Tensor, frames: int
) -> list[WordTiming]:
    """The words of a decoded window with start and end in seconds from the window's start.

    `ids` are its text tokens, `hidden` [1500, width] the encoder's output, of which the first `frames` (20 ms
    each) hold the sound. Marks belong to the word that they stand at; a word's probability is the mean of its
    tokens'.
    """
    words = align(model, tokenizer, ids, hidden, frames)
    durations = [word.end - word.start for word in words if word.end > word.start]
    longest = 2.0 * min(LONGEST_MEDIAN, float(np.median(durations))) if durations else 0.0
    # The pause at the end of a sentence, or before the first word, is not part of a word.
    for previous, word in pairwise(words):
        if word.end - word.start > longest:
            if word.word in SENTENCE_ENDS:
                word.end = word.start + longest
            elif previous.word in SENTENCE_ENDS:
                word.start = word.end - longest
    merge_punctuations(words, OPENING_MARKS, CLOSING_MARKS)
    words = [word for word in words if word.word]
    if words and words[0].end > 2.0 * longest and words[0].end - words[0].start > longest:
        words[0].start = words[0].end - longest
    return words


@torch.no_grad()
def align(
    model: Whisper, tokenizer: Tokenizer, ids: Sequence[int], hidden: Tensor, frames: int
) -> list[WordTiming]:
    """As `word_times`, before pauses and marks are put right; the same as `whisper.timing.find_alignment`."""
    if not ids:
        return []
    opening = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
    tokens = torch.tensor([[*opening, *ids, tokenizer.eot]], device=hidden.device)
    attention: list[Tensor] = []
    scores = CachedDecoder(model, hidden).scores(tokens, attention)
    spoken = scores[len(opening) - 1 : -2, : tokenizer.eot].softmax(dim=-1)
    probabilities = spoken.gather(1, tokens[0, len(opening) : -1, None])[:, 0].tolist()

    heads = torch.stack([attention[layer][head] for layer, head in model.alignment_heads.indices().T])
    weights = heads[:, :, :frames].softmax(dim=-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    weights = median_filter((weights - mean) / deviation)
    matrix = weights.mean(dim=0)[len(opening) - 1 : -1]
    rows, columns = time_warp(-matrix.double().cpu().numpy())

    words, word_tokens = tokenizer.split_to_word_tokens([*ids, tokenizer.eot])
    if len(word_tokens) < 2:
        return []
    bounds = np.cumsum([0, *(len(tokens_of_word) for tokens_of_word in word_tokens[:-1])])
    reached = columns[np.diff(rows, prepend=-1) > 0] / TOKENS_PER_SECOND
    return [
        WordTiming(word, part, float(reached[i]), float(reached[j]), float(np.mean(probabilities[i:j])))
        for word, part, i, j in zip(words, word_tokens, bounds[:-1], bounds[1:], strict=False)
    ]


def median_filter(weights: Tensor) -> Tensor:
    """Running median over 7 frames of [heads, tokens, frames], mirrored at both ends; same shape."""
    margin = MEDIAN_WIDTH // 2
    if weights.shape[-1] <= margin:
        return weights
    padded = functional.pad(weights, (margin, margin), mode="reflect")
    return padded.unfold(-1, MEDIAN_WIDTH, 1).median(dim=-1).values


def time_warp(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the cheapest path through `cost` [rows, columns] from first corner to last.

    Each step goes one row down, one column on, or both. Dynamic programming over the antidiagonals.
    """
    height, width = cost.shape
    total = np.full((height + 1, width + 1), np.inf, dtype=np.float32)
    total[0, 0] = 0.0
    step = np.zeros((height + 1, width + 1), dtype=np.int8)
    for diagonal in range(2, height + width + 1):
        row = np.arange(max(1, diagonal - width), min(height, diagonal - 1) + 1)
        column = diagonal - row
        both, down, on = total[row - 1, column - 1], total[row - 1, column], total[row, column - 1]
        chosen = np.where((both < down) & (both < on), 0, np.where((down < both) & (down < on), 1, 2))
        step[row, column] = chosen
        total[row, column] = cost[row - 1, column - 1] + np.choose(chosen, (both, down, on))
    step[0, :], step[:, 0] = 2, 1
    path = []
    row, column = height, width
    while row > 0 or column > 0:
        path.append((row - 1, column - 1))
        taken = step[row, column]
        row, column = row - (taken != 2), column - (taken != 1)
    rows, columns = np.array(path[::-1]).T
    return rows, columns
