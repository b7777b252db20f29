"""The rows of an exported instance: what is wrong with them, and their statistics.

Rows are taken one after another and only their texts are kept, so that audio is in memory clip by clip.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import soundfile

from store.audio import BLOCK_FRAMES, ROW_RATE, ROW_SECONDS
from store.check_rules import Problem, is_audio
from store.instances import LEAST_INSTRUCTIONS, LEAST_ROWS, MOST_SECONDS

_ROUNDING = 0.001  # seconds by which resampling may lengthen a clip


class _RowRule(NamedTuple):
    """Something that may be wrong with a row."""

    what: str
    advice: str
    is_rule: bool = True


_ROW_RULES: dict[str, _RowRule] = {
    "empty file": _RowRule("Empty `file`", "Give each row an id."),
    "duplicate file": _RowRule("Repeated `file`", "Give each row an id of its own."),
    "path in file": _RowRule("Path in `file`", "Write the bare file name, without folders."),
    "empty instruction": _RowRule("Empty `instruction`", "Write the question and its possible answers."),
    "empty label": _RowRule("Empty `label`", "Write the right answer."),
    "label not in instruction": _RowRule(
        "Label that its instruction does not offer", "Spell out the possible answers, the label verbatim."
    ),
    "zero-length clip": _RowRule("Clip without a sample", "Leave these rows out or put their audio in."),
    "undecodable audio": _RowRule("Audio that cannot be decoded", "Write it again, as FLAC or WAV."),
    "not 16 kHz": _RowRule(f"Audio at another rate than {ROW_RATE} Hz", "Resample it."),
    "not mono": _RowRule("Audio with several channels", "Mix it down to one."),
    "long clip": _RowRule(
        f"Clip longer than {ROW_SECONDS:.0f} s",
        "Models that stand on Whisper hear only so much: cut it, if the question allows.",
        is_rule=False,
    ),
}


@dataclass(frozen=True)
class AudioStatistics:
    """How long the clips of one column are; only those that can be decoded count."""

    column: str
    clips: int
    minutes: float  # of all clips together
    mean: float  # seconds, as the two below
    longest: float
    shortest: float
    variance: float  # seconds², of a sample; 0 for a single clip


@dataclass(frozen=True)
class InstanceStatistics:
    """What an instance holds."""

    name: str
    rows: int
    instructions: int  # distinct ones
    audio: tuple[AudioStatistics, ...]  # one for each audio column
    labels: dict[str, dict[str, int]]  # label column → rows per label, most frequent first

    @property
    def least_instructions(self) -> int:
        """How many distinct instructions so many rows need."""
        return max(LEAST_INSTRUCTIONS, self.rows // 20)


class RowCheck:
    """Takes the rows of one instance into account, one after another."""

    def __init__(self, kinds: Mapping[str, str], metrics: tuple[str, ...]) -> None:
        """`kinds` says what each column is, as `check_rules.feature_kind` words it."""
        inputs = [name for name in kinds if re.fullmatch(r"(audio|label)\d*", name)]
        self._audio = {name: _Lengths() for name in inputs if is_audio(kinds[name])}
        self._texts = {name for name in ("file", "instruction") if kinds.get(name) == "string"}
        self._labels: dict[str, Counter[str]] = {
            name: Counter() for name in inputs if name.startswith("label") and kinds[name] == "string"
        }
        self._is_closed = not metrics or "accuracy" in metrics  # whether the instruction offers the label
        self._rows = 0
        self._files: set[str] = set()
        self._instructions: set[str] = set()
        self._findings: dict[str, _Finding] = {}

    @property
    def columns(self) -> list[str]:
        """The columns that `add` looks at."""
        return [*self._audio, *sorted(self._texts), *self._labels]

    def add(self, where: str, row: Mapping[str, Any]) -> None:
        """Take the next row into account; `where` is the parquet file it comes from."""
        self._rows += 1
        file, instruction = row.get("file") or "", row.get("instruction") or ""
        wrong: set[str] = set()
        if "file" in self._texts:
            wrong |= self._wrong_with_file(file)
        if "instruction" in self._texts:
            if instruction.strip():
                self._instructions.add(instruction)
            else:
                wrong.add("empty instruction")
        for column, numbers in self._labels.items():
            label = row[column] or ""
            numbers[label] += 1
            if not label.strip():
                wrong.add("empty label")
            elif self._is_closed and instruction.strip() and not offers(instruction, label):
                wrong.add("label not in instruction")
        for column, lengths in self._audio.items():
            wrong |= _wrong_with_audio(row[column], lengths)
        for rule in wrong:
            if rule in self._findings:
                self._findings[rule].rows += 1
            else:
                self._findings[rule] = _Finding(where, self._rows, file)

    def _wrong_with_file(self, file: str) -> set[str]:
        if not file.strip():
            return {"empty file"}
        wrong = set()
        if file in self._files:
            wrong.add("duplicate file")
        if re.search(r"[/\\]|^[A-Za-z]:", file):
            wrong.add("path in file")
        self._files.add(file)
        return wrong

    def statistics(self, name: str) -> InstanceStatistics:
        """Of the rows so far, which belong to the instance `name`."""
        return InstanceStatistics(
            name,
            self._rows,
            len(self._instructions),
            tuple(lengths.statistics(column) for column, lengths in self._audio.items()),
            {column: dict(numbers.most_common()) for column, numbers in self._labels.items()},
        )

    def problems(self, folder: str) -> Iterator[Problem]:
        """What is wrong with the rows so far, one problem per rule; `folder` is that of the data set."""
        for name, rule in _ROW_RULES.items():
            if finding := self._findings.get(name):
                first = f"row {finding.first}" + (f" (file “{finding.file}”)" if finding.file else "")
                sentence = (
                    f"{rule.what}: {finding.rows} of {self._rows} rows, first in {first}. {rule.advice}"
                )
                yield Problem(finding.where, name, sentence, rule.is_rule)
        statistics = self.statistics("")
        least, seconds = statistics.least_instructions, sum(each.total for each in self._audio.values())
        if "instruction" in self._texts and statistics.instructions < least:
            sentence = (
                f"{statistics.instructions} of at least {least} distinct instructions: word some otherwise."
            )
            yield Problem(folder, "few instructions", sentence)
        if seconds > MOST_SECONDS:
            sentence = (
                f"{seconds / 60:.1f} minutes of audio in all columns together, at most "
                f"{MOST_SECONDS / 60:.0f} are taken: leave rows out, or make two instances of them."
            )
            yield Problem(folder, "too much audio", sentence)
        if self._rows < LEAST_ROWS:
            sentence = (
                f"{self._rows} of at least {LEAST_ROWS} rows, as contributors check: add some, if you can."
            )
            yield Problem(folder, "few rows", sentence, is_rule=False)


def offers(instruction: str, label: str) -> bool:
    """Whether the label stands in the instruction, verbatim and not as a part of a longer word."""
    start = instruction.find(label)
    while start >= 0:
        stop = start + len(label)
        if not (
            _joins(instruction[start - 1 : start], label[0]) or _joins(label[-1], instruction[stop:][:1])
        ):
            return True
        start = instruction.find(label, start + 1)
    return False


def _joins(left: str, right: str) -> bool:
    """Whether two neighbouring characters belong to one word.

    Only digits and letters that have cases are told from their neighbours: scripts without cases may be
    written without spaces, too.
    """
    return all(one.isdigit() or one.lower() != one.upper() for one in (left, right)) and bool(left and right)


def _wrong_with_audio(stored: Any, lengths: _Lengths) -> set[str]:
    """What is wrong with one clip as it is stored; its length is added to `lengths`."""
    data = stored.get("bytes") if isinstance(stored, dict) else stored
    if not data:
        return {"zero-length clip"}
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate, channels = file.samplerate, file.channels
            frames = sum(len(block) for block in file.blocks(BLOCK_FRAMES, dtype="float32"))
    except (soundfile.SoundFileError, TypeError, ValueError):
        return {"undecodable audio"}
    if not frames:
        return {"zero-length clip"}
    lengths.add(frames / rate)
    found = {
        "not 16 kHz": rate != ROW_RATE,
        "not mono": channels != 1,
        "long clip": frames / rate > ROW_SECONDS + _ROUNDING,
    }
    return {rule for rule, is_so in found.items() if is_so}


@dataclass
class _Finding:
    """A rule that rows break: the first that does, and how many do."""

    where: str
    first: int  # number of the row in its split, from 1
    file: str
    rows: int = 1


@dataclass
class _Lengths:
    """Running statistics of clip lengths in seconds."""

    clips: int = 0
    total: float = 0.0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared differences from the mean, by Welford's update
    longest: float = 0.0
    shortest: float = math.inf

    def add(self, seconds: float) -> None:
        self.clips += 1
        self.total += seconds
        step = seconds - self.mean
        self.mean += step / self.clips
        self.squares += step * (seconds - self.mean)
        self.longest, self.shortest = max(self.longest, seconds), min(self.shortest, seconds)

    def statistics(self, column: str) -> AudioStatistics:
        return AudioStatistics(
            column,
            self.clips,
            minutes=self.total / 60,
            mean=self.mean,
            longest=self.longest,
            shortest=self.shortest if self.clips else 0.0,
            variance=self.squares / (self.clips - 1) if self.clips > 1 else 0.0,
        )
