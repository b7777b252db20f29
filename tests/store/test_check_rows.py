"""Columns, rows and clips of an export: a single defect among good rows is told, and exactly that one."""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.check import instance_statistics, report
from store.check_rows import offers
from tests.store.exported import AUDIO, ROWS, STRING, Export, Rows, clip, unpack, write_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def exported(archive: Path, tmp_path: Path) -> Export:
    return unpack(archive, tmp_path / "export")


COLUMNS: dict[str, tuple[str, Callable[[Export], None]]] = {
    "no audio": ("column missing", lambda one: one.change_columns(audio=None)),
    "no file": ("column missing", lambda one: one.change_columns(file=None)),
    "no instruction": ("column missing", lambda one: one.change_columns(instruction=None)),
    "no label": ("column missing", lambda one: one.change_columns(label=None)),
    "file_name": (
        "file_name column",
        lambda one: one.change_columns(file=("file_name", STRING, lambda same: same)),
    ),
    "numbers as labels": (
        "column type",
        lambda one: one.change_columns(
            label=("label", {"dtype": "int64", "_type": "Value"}, lambda same: pa.array(range(len(same))))
        ),
    ),
    "numbers as files": (
        "column type",
        lambda one: one.change_columns(
            file=("file", {"dtype": "int64", "_type": "Value"}, lambda same: pa.array(range(len(same))))
        ),
    ),
    "numbers that are only called texts": (
        "column type",
        lambda one: one.change_columns(file=("file", STRING, lambda same: pa.array(range(len(same))))),
    ),
    "texts as audio": (
        "column type",
        lambda one: one.change_columns(audio=("audio", STRING, lambda same: same.field("path"))),
    ),
    "audio that is only called so": (
        "column type",
        lambda one: one.change_columns(audio=("audio", AUDIO, lambda same: same.field("path"))),
    ),
    "audio declared at another rate": (
        "not 16 kHz",
        lambda one: one.change_columns(audio=("audio", AUDIO | {"sampling_rate": 8_000}, lambda same: same)),
    ),
    "audio and audio1": ("two first columns", lambda one: one.add_column("audio1", "audio", AUDIO)),
    "label and label1": ("two first columns", lambda one: one.add_column("label1", "label", STRING)),
    "audio1 alone": (
        "column numbering",
        lambda one: one.change_columns(audio=("audio1", AUDIO, lambda same: same)),
    ),
    "audio3 without audio2": ("column numbering", lambda one: one.add_column("audio3", "audio", AUDIO)),
    "text1": ("column numbering", lambda one: one.add_column("text1", "label", STRING)),
}


@pytest.mark.parametrize(("rule", "plant"), COLUMNS.values(), ids=COLUMNS)
def test_a_data_set_with(exported: Export, rule: str, plant: Callable[[Export], None]) -> None:
    plant(exported)
    assert exported.rules() == [rule]


def test_further_columns_numbered_from_two_are_fine(exported: Export) -> None:
    exported.add_column("audio2", "audio", AUDIO)
    assert exported.rules() == []
    (both,) = (one for one in instance_statistics(exported.folder) if one.name == exported.instance.name)
    assert [audio.column for audio in both.audio] == ["audio", "audio2"]


def test_features_may_stand_in_the_card_alone_but_somewhere(exported: Export) -> None:
    exported.write_columns(exported.columns(), None)
    assert exported.rules() == []
    exported.write_card_features(None)
    assert exported.rules() == ["column type"]


def test_parquet_files_with_different_columns(exported: Export) -> None:
    table = pq.read_table(exported.parquet)
    second = exported.parquet.with_name("test-00001-of-00002.parquet")
    pq.write_table(table.drop_columns("label"), second)
    (problem,) = exported.problems()
    assert problem.rule == "columns differ"
    assert problem.where.endswith(second.name)


def set_first(column: str, value: Any) -> Callable[[Rows], Rows]:
    """Rows of which the third has another value."""

    def plant(rows: Rows) -> Rows:
        rows[2][column] = value
        return rows

    return plant


def repeat_file(rows: Rows) -> Rows:
    rows[2]["file"] = rows[7]["file"] = rows[1]["file"]
    return rows


def ask_one_question(rows: Rows) -> Rows:
    return [row | {"instruction": "Is it so? Answer yes or no.", "label": "yes"} for row in rows]


def reword_too_seldom(rows: Rows) -> Rows:
    """400 rows need 20 wordings; these have 19."""
    return [
        rows[0]
        | {"file": f"{number}.flac", "label": "yes", "instruction": f"Is it {number % 19}? Say yes or no."}
        for number in range(400)
    ]


def lengthen(rows: Rows) -> Rows:
    """160 clips of 23 seconds."""
    long = clip(23.0)
    return [row | {"audio": long, "file": f"{n}-{row['file']}"} for n in range(4) for row in rows]


def cut_short(rows: Rows) -> Rows:
    rows[2]["audio"]["bytes"] = rows[2]["audio"]["bytes"][:-500]
    return rows


PLANTED: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    "a file name that comes again": ("duplicate file", repeat_file),
    "no file name": ("empty file", set_first("file", "")),
    "an absolute path": ("path in file", set_first("file", "/home/ada/one.wav")),
    "a path of another system": ("path in file", set_first("file", r"C:\sounds\one.wav")),
    "a drive": ("path in file", set_first("file", "C:one.wav")),
    "a folder": ("path in file", set_first("file", "test/one.wav")),
    "an empty instruction": ("empty instruction", set_first("instruction", " ")),
    "an absent instruction": ("empty instruction", set_first("instruction", None)),
    "an empty label": ("empty label", set_first("label", "")),
    "an absent label": ("empty label", set_first("label", None)),
    "a label that is not offered": ("label not in instruction", set_first("label", "nobody said this")),
    "too few instructions": ("few instructions", ask_one_question),
    "too few instructions for so many rows": ("few instructions", reword_too_seldom),
    "9 instructions": (
        "few instructions",
        lambda rows: [row | rows[n % 9] | {"file": f"{n}"} for n, row in enumerate(rows)],
    ),
    "too much audio": ("too much audio", lengthen),
    "a clip of no length": ("zero-length clip", set_first("audio", clip(0.0, kind="WAV"))),
    "a clip of no bytes": ("zero-length clip", set_first("audio", {"bytes": b"", "path": "x"})),
    "no clip": ("zero-length clip", set_first("audio", None)),
    "bytes that are no audio": ("undecodable audio", set_first("audio", {"bytes": b"no audio", "path": "x"})),
    "audio that was cut short": ("undecodable audio", cut_short),
    "another rate": ("not 16 kHz", set_first("audio", clip(1.0, rate=44_100))),
    "two channels": ("not mono", set_first("audio", clip(1.0, channels=2))),
}
HABITS: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    "a long clip": ("long clip", set_first("audio", clip(30.1))),
    "31 rows": ("few rows", lambda rows: rows[:31]),
}


@pytest.mark.parametrize(("rule", "plant"), PLANTED.values(), ids=PLANTED)
def test_rows_with(exported: Export, rule: str, plant: Callable[[Rows], Rows]) -> None:
    exported.write_rows(plant(exported.rows()))
    (problem,) = exported.problems()
    assert (problem.rule, problem.is_rule) == (rule, True)
    assert problem.where.startswith(f"datasets/{exported.data_set.name}")


@pytest.mark.parametrize(("rule", "plant"), HABITS.values(), ids=HABITS)
def test_habits_are_told_but_fail_nothing(exported: Export, rule: str, plant: Callable[[Rows], Rows]) -> None:
    exported.write_rows(plant(exported.rows()))
    (problem,) = exported.problems()
    assert (problem.rule, problem.is_rule) == (rule, False)
    assert report(exported.folder, io.StringIO())


LIMITS: dict[str, Callable[[Rows], Rows]] = {
    "32 rows": lambda rows: rows[:32],
    "11 instructions for 239 rows": lambda rows: [rows[n % 11] | {"file": f"{n}.flac"} for n in range(239)],
    "an hour in clips of 30 s": lambda rows: [
        rows[n % ROWS] | {"file": f"{n}.flac", "audio": clip(30.0)} for n in range(120)
    ],
}


@pytest.mark.parametrize("plant", LIMITS.values(), ids=LIMITS)
def test_what_just_keeps_a_limit(exported: Export, plant: Callable[[Rows], Rows]) -> None:
    exported.write_rows(plant(exported.rows()))
    assert exported.rules() == []


def test_audio_of_all_columns_counts_together(exported: Export) -> None:
    exported.write_rows([row | {"audio": clip(29.0)} for row in exported.rows()])
    for number in (2, 3):
        exported.add_column(f"audio{number}", "audio", AUDIO)
        columns = exported.columns()
        features = {name: AUDIO if name.startswith("audio") else STRING for name in columns}
        exported.write_columns(columns, features)
    assert exported.rules() == []
    columns = exported.columns()
    features = {name: AUDIO if name.startswith("audio") else STRING for name in columns}
    exported.write_columns({**columns, "audio4": columns["audio"]}, {**features, "audio4": AUDIO})
    assert exported.rules() == ["too much audio"]


def test_labels_of_word_errors_need_not_be_offered(exported: Export) -> None:
    exported.write_rows(set_first("label", "what was said, word by word")(exported.rows()))
    assert exported.rules() == ["label not in instruction"]
    exported.describe(metrics=["wer"])
    assert exported.rules() == []
    exported.described.unlink()  # as long as nobody says how it is scored, a label has to be offered
    assert exported.rules() == ["instance.json missing", "label not in instruction"]


def test_audio_may_be_the_label(exported: Export) -> None:
    columns = exported.columns()
    features = {name: AUDIO if name in ("audio", "label") else STRING for name in columns}
    exported.write_columns({**columns, "label": columns["audio"]}, features)
    assert exported.rules() == []


def test_the_first_of_several_rows_is_named(exported: Export) -> None:
    rows = exported.rows()
    exported.write_rows(repeat_file(rows))
    (problem,) = exported.problems()
    assert f"2 of {ROWS} rows" in problem.sentence
    assert f"row 3 (file “{rows[1]['file']}”)" in problem.sentence


def test_statistics_are_those_of_the_clips_and_labels(exported: Export) -> None:
    seconds = [0.25 + 0.5 * number for number in range(ROWS)]
    rows = [
        row | {"audio": clip(length), "label": "yes" if number % 4 else "no", "instruction": "Yes or no?"}
        for number, (row, length) in enumerate(zip(exported.rows(), seconds, strict=True))
    ]
    exported.write_rows(rows)
    (found,) = (one for one in instance_statistics(exported.folder) if one.name == exported.instance.name)
    assert (found.rows, found.instructions, found.least_instructions) == (ROWS, 1, 10)
    assert found.labels == {"label": {"yes": 30, "no": 10}}
    assert list(found.labels["label"]) == ["yes", "no"]
    (audio,) = found.audio
    assert (audio.column, audio.clips) == ("audio", ROWS)
    assert audio.minutes == pytest.approx(sum(seconds) / 60)
    assert audio.mean == pytest.approx(statistics.mean(seconds))
    assert audio.variance == pytest.approx(statistics.variance(seconds))
    assert (audio.longest, audio.shortest) == (max(seconds), min(seconds))


@given(
    st.lists(st.from_regex("[a-z]{1,8}( [a-z]{1,8})?", fullmatch=True), min_size=2, max_size=5, unique=True)
)
def test_every_option_is_offered_however_it_is_listed(options: list[str]) -> None:
    for label in options:
        assert offers(f"Which one? The answer could be {', '.join(options[:-1])} or {options[-1]}.", label)
        assert offers(f"Answer “{'” or “'.join(options)}”.", label)


@given(st.from_regex("[A-Za-z0-9]{1,8}", fullmatch=True), st.sampled_from("aZ9é"))
def test_a_part_of_a_word_is_no_option(label: str, letter: str) -> None:
    assert not offers(f"“{letter}{label}” “{label}{letter}” “{letter}{label}{letter}”", label)


def test_options_of_scripts_without_spaces_are_found() -> None:
    assert offers("请回答是或否。", "否")
    assert not offers("Do you notice it? Answer yes or know.", "no")
    assert not offers("Answer Yes or No.", "yes")
