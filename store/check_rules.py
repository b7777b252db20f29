"""What Dynamic-SUPERB asks of names, instance.json, a task's page, a data set's card and its columns.

Rules: the task submission and review pages of Dynamic-SUPERB, and what its reviewers object to most often
(Huang et al., arXiv 2309.09510 and 2411.05361). Everything here is about text; `store.check` reads the
files and the rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import yaml

from store.audio import ROW_RATE
from store.instances import ORGANISATION

METRICS = ("accuracy", "wer", "f1", "mse")  # those that Dynamic-SUPERB is known to have code for

_KEYS: dict[str, str] = {  # of instance.json, and what each holds
    "name": "a text",
    "description": "a text",
    "keywords": "a list of texts",
    "metrics": "a list of texts",
    "path": "a text",
    "version": "a text",
}
_PART = "[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
_INSTANCE_NAME = re.compile(f"[A-Z][A-Za-z0-9]*(_{_PART})+")
_COMMIT = re.compile("[0-9a-f]{40}")
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|\Z)", re.DOTALL)
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)[\s#]*")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_EXAMPLE = re.compile(r"\s*(\||[-*+] |\d+[.)] |>|```|~~~)")  # a line of a table, list, quotation or code

# Sections that reviewers ask for, and words of which one stands in the heading.
_SECTIONS: dict[str, tuple[str, ...]] = {
    "Task Objective": ("objective",),
    "Datasets": ("dataset", "data set"),
    "Instructions and labels": ("instruction",),
    "Evaluation metric": ("metric", "evaluation"),
    "Performance / Difficulty": ("performance", "difficulty", "baseline", "state of the art"),
    "References": ("reference",),
}
_NO_LICENCE = ("", "unknown", "none")

# Columns that have to be there, then one that may, and what they may be; of those with True, further ones are
# numbered from 2.
_COLUMNS: dict[str, tuple[tuple[str, ...], bool]] = {
    "audio": (("audio",), True),
    "file": (("string",), False),
    "instruction": (("string",), False),
    "label": (("string", "audio"), True),
    "text": (("string",), True),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an export."""

    where: str  # path inside the export
    rule: str  # short stable id
    sentence: str  # what is wrong and what to do
    is_rule: bool = True  # False: a habit of contributors or a remark, which fails nothing


@dataclass(frozen=True)
class Card:
    """What the front matter of a data set's card says."""

    licences: tuple[str, ...] = ()
    features: Mapping[str, str] | None = None  # column → kind, as `feature_kind` words it; None: not said
    splits: Mapping[str, int | None] = field(default_factory=dict)  # name → rows, None: not said


def name_problems(where: str, task: str, name: str) -> Iterator[Problem]:
    """What is wrong with the name of an instance in the folder of a task."""
    if not _INSTANCE_NAME.fullmatch(name):
        yield Problem(
            where,
            "instance name form",
            f"“{name}” is not of the form Task_Dataset-Subset in CamelCase: rename the instance.",
        )
    elif (prefix := name.split("_", 1)[0]) != task:
        yield Problem(
            where,
            "instance of another task",
            f"“{name}” lies in the folder of {task} but names the task {prefix}: move or rename it.",
        )


def description_problems(where: str, text: str, instance: str) -> Iterator[Problem]:
    """What is wrong with the instance.json of the instance whose folder is called `instance`."""
    wrong = partial(Problem, where)
    try:
        described = json.loads(text)
    except ValueError as error:
        yield wrong("instance.json invalid", f"This is not valid JSON ({error}): mend it there.")
        return
    if not isinstance(described, dict):
        yield wrong("instance.json wrong type", "This is JSON but no object: write the six keys in {…}.")
        return
    if not any(line[:1].isspace() and line.strip() for line in text.splitlines()):
        yield wrong(
            "instance.json not indented", "The keys are not indented: write each on a line of its own."
        )
    for key, kind in _KEYS.items():
        if key not in described:
            yield wrong("instance.json key missing", f"The key “{key}” is missing: add it, it is {kind}.")
        elif not _is_of_kind(described[key], kind):
            yield wrong("instance.json wrong type", f"“{key}” must be {kind}.")
        else:
            yield from _value_problems(where, key, described[key], instance)


def metrics_of(text: str) -> tuple[str, ...]:
    """The metrics that an instance.json names; none when it cannot be read."""
    try:
        named = json.loads(text)["metrics"]
    except (ValueError, KeyError, TypeError, IndexError):
        return ()
    return tuple(metric for metric in named if isinstance(metric, str)) if isinstance(named, list) else ()


def _is_of_kind(value: Any, kind: str) -> bool:
    if kind == "a text":
        return isinstance(value, str)
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _value_problems(where: str, key: str, value: Any, instance: str) -> Iterator[Problem]:
    """What is wrong with one value of instance.json, which has the right type."""
    wrong = partial(Problem, where)
    if key == "name" and value != instance:
        yield wrong(
            "name differs from folder", f"“name” is “{value}” but the folder is “{instance}”: same name."
        )
    if key == "description" and not value.strip():
        yield wrong("empty description", "“description” is empty: say what is asked, for a non-expert.")
    if key == "keywords" and not (value and all(word.strip() for word in value)):
        yield wrong("empty keywords", "“keywords” is empty or holds an empty one: name the skills measured.")
    if key == "metrics" and not value:
        yield wrong("empty metrics", "“metrics” is empty: name at least one, such as accuracy.")
    if key == "metrics":
        for metric in value:
            if metric not in METRICS:
                yield wrong(
                    "unknown metric",
                    f"The metric “{metric}” is none that Dynamic-SUPERB is known to have "
                    f"({', '.join(METRICS)}): use one of these, or hand in its code with the task.",
                )
    if key == "path" and value != f"{ORGANISATION}/{instance}":
        yield wrong("path differs from name", f"“path” is “{value}”: it must be “{ORGANISATION}/{instance}”.")
    if key == "version" and not value:
        yield wrong(
            "draft",
            "“version” is empty, so this is a draft: push the data set, then write its commit id here.",
            is_rule=False,
        )
    elif key == "version" and not _COMMIT.fullmatch(value):
        yield wrong(
            "wrong version",
            f"“version” is “{value}”: it must be the data set's commit id, 40 hexadecimal digits.",
        )


def page_problems(
    where: str, text: str, licences: Sequence[str], scored_by_accuracy: bool
) -> Iterator[Problem]:
    """What reviewers would miss on a task's page; `licences` are those of its instances' data sets."""
    wrong = partial(Problem, where)
    sections = _sections(text)
    for name, words in _SECTIONS.items():
        body = sections.get(name, "")
        if not body.strip():
            yield wrong("README section missing", f"The section “{name}” is missing or empty: write it.")
            continue
        table = [line for line in body.splitlines() if line.lstrip().startswith("|")]
        if name == "Instructions and labels" and not any(map(_EXAMPLE.match, body.splitlines())):
            yield wrong(
                "instruction examples missing", f"“{name}” shows no example: add some in a table or list."
            )
        if "performance" not in words:
            continue
        if scored_by_accuracy and not any("random" in line.lower() for line in table):
            yield wrong("random row missing", f"“{name}” has no table with a random baseline: add one.")
        elif not any(re.search(r"\d", line) for line in table):
            yield wrong("baselines missing", f"“{name}” has no table of scores: give known or measured ones.")
    plain = _plain(text)
    for licence in licences:
        if _plain(licence) not in plain:
            yield wrong(
                "README licence missing",
                f"The licence “{licence}” of a data set of this task is not named: say it under Datasets.",
            )
    if not licences and not re.search("licen[cs]e", text, re.IGNORECASE):
        yield wrong(
            "README licence missing", "No licence is named: say it for every data set, under Datasets."
        )


def _sections(text: str) -> dict[str, str]:
    """Of a Markdown page, the lines under the headings that reviewers look for, subsections included."""
    lines = text.splitlines()
    headings = list(_headings(lines))
    if headings and [level for _, level, _ in headings].count(1) == headings[0][1] == 1:
        del headings[0]  # the title of the page, whatever words are in it
    starts = {start for start, _, _ in headings}
    found: dict[str, str] = {}
    for index, (start, level, title) in enumerate(headings):
        stop = next((other for other, depth, _ in headings[index + 1 :] if depth <= level), len(lines))
        body = [lines[number] for number in range(start, stop) if number not in starts]
        for name, words in _SECTIONS.items():
            if any(word in title for word in words):
                found[name] = "\n".join([found.get(name, ""), *body])
    return found


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Line number, level and lower-case words of each heading that is not inside fenced code."""
    fenced = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and (heading := _HEADING.fullmatch(line)):
            yield number, len(heading[1]), heading[2].lower()


def _plain(text: str) -> str:
    """A text by its words alone, lower case, between hyphens; “licence” and “version” do not count."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return f"-{'-'.join(word for word in words if word not in ('license', 'licence', 'version'))}-"


def read_card(where: str, text: str) -> tuple[Card, list[Problem]]:
    """What a data set's card says, and what is wrong with that."""
    try:
        front = _front_matter(text)
    except (ValueError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        return Card(), [Problem(where, "card invalid", f"The card's front matter cannot be read: {said}")]
    licences = _licences(front)
    info = _first(front.get("dataset_info"))
    card = Card(licences, _card_features(info), _card_splits(info, _first(front.get("configs"))))
    return card, list(_licence_problems(where, licences))


def _front_matter(text: str) -> dict[str, Any]:
    """The YAML at the head of a card; ValueError and yaml.YAMLError when there is none that can be read."""
    block = _FRONT_MATTER.match(text)
    if block is None:
        raise ValueError("there is none. Begin the card with a block of YAML between two lines of ---.")
    front = yaml.safe_load(block[1])
    if not isinstance(front, dict):
        raise ValueError("it is no list of “key: value” lines.")
    return front


def _licences(front: Mapping[str, Any]) -> tuple[str, ...]:
    """The licences that a card names; one that has no usual tag by its name."""
    stated = front.get("license")
    named = [str(one) for one in (stated if isinstance(stated, list) else [stated]) if one is not None]
    other = str(front.get("license_name") or "")
    return tuple(
        one
        for one in (other if tag.lower() == "other" else tag for tag in named)
        if one.strip().lower() not in _NO_LICENCE
    )


def _licence_problems(where: str, licences: Sequence[str]) -> Iterator[Problem]:
    wrong = partial(Problem, where)
    if not licences:
        yield wrong("card licence missing", "The front matter names no licence: add “license: …”.")
    if len(licences) > 1:
        yield wrong(
            "several licences",
            f"The card names several licences ({', '.join(licences)}): split the rows, an instance has one.",
        )
    for licence in licences:
        if re.search(r"\bnd\b", licence.lower()):
            yield wrong(
                "licence forbids remix",
                f"The licence “{licence}” forbids changed copies, such as rows are: leave its clips out.",
            )


def _first(stated: Any) -> Mapping[str, Any]:
    """Front matter that may be one object or a list of them: the first; empty when it is neither."""
    one = stated[0] if isinstance(stated, list) and stated else stated
    return one if isinstance(one, dict) else {}


def _card_features(info: Mapping[str, Any]) -> dict[str, str] | None:
    stated = info.get("features")
    if not isinstance(stated, list):
        return None
    return {str(one["name"]): _card_kind(one) for one in stated if isinstance(one, dict) and "name" in one}


def _card_kind(feature: Mapping[str, Any]) -> str:
    """A feature of a card, `dtype: string` or `dtype: {audio: {sampling_rate: …}}`, by `feature_kind`."""
    kind = feature.get("dtype")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, dict) and len(kind) == 1:
        ((name, settings),) = kind.items()
        return _audio_kind(settings) if name == "audio" else str(name)
    return next((str(key) for key in feature if key not in ("name", "dtype")), "nothing")


def feature_kind(feature: Any) -> str:
    """A feature of a parquet file's metadata in words: “string”, “audio at 16000 Hz”, “class_label” …"""
    if not isinstance(feature, dict):
        return "list"
    kind = str(feature.get("_type", "struct"))
    if kind == "Value":
        return str(feature.get("dtype"))
    if kind == "Audio":
        return _audio_kind(feature)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()


def _audio_kind(settings: Any) -> str:
    rate = settings.get("sampling_rate") if isinstance(settings, dict) else None
    return "audio" if rate is None else f"audio at {rate} Hz"


def _card_splits(info: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, int | None]:
    """Splits that a card names, by its counts or by its data files, and how many rows it gives them."""
    splits: dict[str, int | None] = {}
    for stated in (config.get("data_files"), info.get("splits")):
        for one in stated if isinstance(stated, list) else ():
            if isinstance(one, dict) and (name := one.get("split") or one.get("name")):
                rows = one.get("num_examples")
                splits[str(name)] = rows if isinstance(rows, int) else None
    return splits


def is_audio(kind: str) -> bool:
    """Whether a column of this kind, as `feature_kind` words it, holds audio."""
    return kind == "audio" or kind.startswith("audio at ")


def column_problems(where: str, kinds: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with the columns of a data set; `kinds` maps each to what it is, by `feature_kind`."""
    wrong = partial(Problem, where)
    for column, (_, is_numbered) in _COLUMNS.items():
        numbers = sorted(int(name[len(column) :]) for name in kinds if re.fullmatch(rf"{column}\d+", name))
        if is_numbered and column in kinds and 1 in numbers:
            sentence = f"There are “{column}” and “{column}1”: number further columns from “{column}2”."
            yield wrong("two first columns", sentence)
        elif is_numbered and numbers != list(range(2, len(numbers) + 2)):
            sentence = f"Columns are to be named “{column}”, “{column}2”, “{column}3” and so on: rename them."
            yield wrong("column numbering", sentence)
        elif column == "file" and column not in kinds and "file_name" in kinds:
            yield wrong("file_name column", "The column “file_name” must be called “file”: rename it.")
        elif column not in kinds and column != "text":
            yield wrong("column missing", f"The column “{column}” is missing: add it.")
    for name, kind in kinds.items():
        plain = "audio" if is_audio(kind) else kind
        needed, _ = _COLUMNS.get(name.rstrip("0123456789"), ((plain,), False))
        if plain not in needed:
            yield wrong("column type", f"The column “{name}” is {kind}: it must be {' or '.join(needed)}.")
        elif is_audio(kind) and kind not in ("audio", f"audio at {ROW_RATE} Hz"):
            sentence = f"The column “{name}” is declared as {kind}: declare {ROW_RATE} Hz."
            yield wrong("not 16 kHz", sentence)


def card_column_problems(
    where: str, features: Mapping[str, str], known: Mapping[str, str | None]
) -> Iterator[Problem]:
    """Where a card's features disagree with the columns of the parquet; None: it does not say the kind."""
    for name in sorted(features.keys() | known.keys()):
        card, parquet = features.get(name, "missing"), known.get(name, "missing")
        if parquet is not None and card != parquet:
            sentence = f"“{name}” is {card} in the card but {parquet} in the parquet: write the card again."
            yield Problem(where, "card features", sentence)
