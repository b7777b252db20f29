"""The mini suite's CLAP on anyone's own recordings: zero-shot top-1 and top-5 of a folder with labels.

A label that names a class of the world, in its words or in those of another collection, is scored by all
captions of that class; any other label by its own words. Nothing heavy is imported before the folder and its
CSV have been found in order.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demos.clap.retrieval import Retrieval

FILE_COLUMNS = ("file", "filename")
LABEL_COLUMNS = ("label", "category")
SHOWN = 5
"""So many guesses are kept for each file; also the second figure, top-5."""
_FILLERS = frozenset(("a", "an", "the", "of", "and", "someone", "person", "sound"))
_FORMS = ("{}", "the sound of {}", "this is the sound of {}")


class RecordingsError(ValueError):
    """A folder, CSV or bank that nothing can be measured with; one sentence for people."""


@dataclass(frozen=True)
class Recording:
    """One line of the CSV; `path` is None where no such file was found, and `problem` says so."""

    file: str
    label: str
    path: Path | None
    problem: str = ""


@dataclass(frozen=True)
class Choice:
    """One thing that CLAP can answer: its name in tables, the captions it is scored by, the labels it covers.

    `known` is the world's name for it, empty where the world has none.
    """

    name: str
    captions: tuple[str, ...]
    labels: frozenset[str]
    known: str


@dataclass(frozen=True)
class Heard:
    """What CLAP said of one line of the CSV.

    `rank` is the place of the truth, 1 is best, None where the bank does not hold it; `best` are the first
    names with their cosines. A file that could not be read has a `problem` instead.
    """

    recording: Recording
    rank: int | None = None
    best: tuple[tuple[str, float], ...] = ()
    problem: str = ""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `score` to a command line."""
    parser = commands.add_parser(
        "score",
        help="zero-shot top-1 and top-5 of CLAP on a folder of recordings with labels",
        description="Measure how often the mini suite's CLAP finds the label of your own recordings. "
        "FOLDER holds sound files, in subfolders or not, and a CSV with the columns “file” and “label” "
        "(or “filename” and “category”). The status is 0 when every file was heard, else 1.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="recordings and their CSV")
    parser.add_argument(
        "--csv", type=Path, metavar="PATH", help="the CSV (default: FOLDER/labels.csv, or the only one there)"
    )
    parser.add_argument(
        "--bank",
        choices=("labels", "world"),
        default="labels",
        help="choose among the labels of the CSV (default) or among all classes of the world",
    )
    parser.add_argument("--out", type=Path, metavar="CSV", help="write what was heard of each file")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="other weights of the mini suite")


def run(options: argparse.Namespace) -> int:
    """Measure, print the table, write the CSV. Returns 0 if every file was heard, else 1."""
    try:
        if not options.folder.is_dir():
            raise RecordingsError(f"There is no folder {options.folder}. Give one that holds recordings.")
        table = options.csv or find_csv(options.folder)
        recordings = read_csv(options.folder, table)
        if options.out is not None and not options.out.absolute().parent.is_dir():
            raise RecordingsError(
                f"There is no folder {options.out.parent} to write {options.out.name} into."
            )
        labels = list(dict.fromkeys(recording.label for recording in recordings))
        choices = bank(labels, options.bank)
        retrieval = load(options.weights)
    except ValueError as error:  # RecordingsError, and what is wrong with weights
        print(error, file=sys.stderr)
        return 1
    heard = list(listen(retrieval, recordings, choices))
    print(report(heard, choices, options.bank))
    if options.out is not None:
        write(options.out, heard, choices)
    return 1 if any(one.problem for one in heard) else 0


def find_csv(folder: Path) -> Path:
    """FOLDER/labels.csv, or the only CSV in the folder or one level below. Raises RecordingsError."""
    if (folder / "labels.csv").is_file():
        return folder / "labels.csv"
    for pattern in ("*.csv", "*/*.csv"):  # ESC-50 keeps its own in meta/
        found = sorted(folder.glob(pattern))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(str(path.relative_to(folder)) for path in found)
            raise RecordingsError(f"{folder} holds several CSV files ({names}). Choose one with --csv.")
    raise RecordingsError(
        f"{folder} holds no CSV. Put a labels.csv there with a header “file,label” and a line for each "
        "recording, or name one with --csv."
    )


def read_csv(folder: Path, table: Path) -> list[Recording]:
    """The lines of a CSV with their files found below a folder. Raises RecordingsError."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = {str(name).strip().lower(): name for name in reader.fieldnames or ()}
            of_file = next((columns[name] for name in FILE_COLUMNS if name in columns), None)
            of_label = next((columns[name] for name in LABEL_COLUMNS if name in columns), None)
            if of_file is None or of_label is None:
                given = ", ".join(columns) or "nothing"
                raise RecordingsError(
                    f"{table.name} needs a header with the columns “file” and “label” (or “filename” and "
                    f"“category”); it has {given}."
                )
            lines = [((row[of_file] or "").strip(), (row[of_label] or "").strip()) for row in reader]
    except FileNotFoundError:
        raise RecordingsError(f"There is no CSV {table}.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingsError(f"{table} cannot be read as a CSV in UTF-8: {error}.") from error
    lines = [line for line in lines if any(line)]
    if not lines:
        raise RecordingsError(f"{table.name} lists no recordings.")
    for number, (file_name, label) in enumerate(lines, 1):
        if not file_name or not label:
            missing = "file" if not file_name else "label"
            raise RecordingsError(f"{table.name}: recording {number} has no {missing}.")
    below: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        below.setdefault(path.name, []).append(path)
    return [_found(folder, below, file_name, label) for file_name, label in lines]


def _found(folder: Path, below: Mapping[str, list[Path]], file: str, label: str) -> Recording:
    if (folder / file).is_file():
        return Recording(file, label, folder / file)
    paths = [path for path in below.get(Path(file).name, []) if path.is_file()]
    if len(paths) == 1:
        return Recording(file, label, paths[0])
    if not paths:
        return Recording(file, label, None, f"There is no such file in {folder} or below it.")
    return Recording(file, label, None, "Several subfolders hold a file of this name; write its path.")


def plain(text: str) -> tuple[str, ...]:
    """The words by which a label is known, in the singular and sorted: “Barking_dogs” is (barking, dog)."""
    words = re.findall(r"[^\W_]+", text.lower().replace("'s", ""))
    words = [re.sub(r"(?<=.)ies$", "y", word) for word in words]
    singular = [re.sub(r"(?<=ch|sh|ss|zz)es$|(?<=x)es$|(?<=..[^s])s$", "", word) for word in words]
    return tuple(sorted(word for word in singular if word not in _FILLERS))


@cache
def _names() -> dict[tuple[str, ...], str]:
    """The world's name for each wording it knows: names first, then subjects, phrases, other labels.

    A wording that two classes share on one level ("a door") stands for neither.
    """
    from demos.mini.world.language import OTHER_LABELS, labels_caption
    from demos.mini.world.taxonomy import CLASSES

    others = {label: labels_caption(label) for label in OTHER_LABELS}
    levels: tuple[Iterable[tuple[str, Sequence[str]]], ...] = (
        [(name, [name]) for name in (*(one.name for one in CLASSES), *others)],
        [(one.name, [one.subject]) for one in CLASSES],
        [*((one.name, labels_caption(one.name)) for one in CLASSES), *others.items()],
        [(one.name, one.also) for one in CLASSES],
    )
    known: dict[tuple[str, ...], str] = {}
    for level in levels:
        found: dict[tuple[str, ...], set[str]] = {}
        for name, wordings in level:
            for wording in wordings:
                found.setdefault(plain(wording), set()).add(name)
        for words, names in found.items():
            if words and len(names) == 1:
                known.setdefault(words, names.pop())
    return known


def known_as(label: str) -> str:
    """The world's name for a label, empty where it has none."""
    return _names().get(plain(label), "")


def bank(labels: Sequence[str], kind: str = "labels") -> list[Choice]:
    """What CLAP chooses among: the labels, or with "world" every class of the world.

    Labels that the world knows by one name are one choice, because it was taught no difference between
    them. Raises RecordingsError when there is nothing to choose.
    """
    from demos.mini.world.language import labels_caption
    from demos.mini.world.taxonomy import NAMES

    covered: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for label in labels:
        known = known_as(label)
        covered.setdefault((known, () if known else plain(label) or (label,)), []).append(label)
    if kind == "world":
        choices = [
            Choice(name, tuple(labels_caption(name)), frozenset(covered.get((name, ()), ())), name)
            for name in NAMES
        ]
        if not any(choice.labels for choice in choices):
            raise RecordingsError("No label of the CSV names a class of the world: leave out --bank world.")
        return choices
    choices = []
    for (known, _), several in covered.items():
        words = re.sub(r"[_\s]+", " ", several[0]).strip().lower()
        captions = labels_caption(known) if known else [form.format(words) for form in _FORMS]
        shown = several[0] if len(several) == 1 else known or several[0]
        choices.append(Choice(shown, tuple(captions), frozenset(several), known))
    if len(choices) < 2:
        raise RecordingsError(
            f"All recordings have one label, “{choices[0].name}”: there is nothing to choose. "
            "Add others, or choose among the world's classes with --bank world."
        )
    return choices


def load(weights: Path | None) -> Retrieval:
    """CLAP of the mini suite. Raises ValueError, one sentence, when its files are missing or do not fit."""
    from demos.catalog import suite
    from demos.loading import Networks
    from demos.placement import Placement

    chosen = suite("mini", weights)
    chosen.model("clap").require()
    return Networks(chosen, Placement()).retrieval()


def listen(
    retrieval: Retrieval, recordings: Sequence[Recording], choices: Sequence[Choice]
) -> Iterator[Heard]:
    """Put every recording to CLAP, in order, under a progress bar.

    A choice's embedding is the mean of those of its captions, of unit length each, as in CLIP's ensembles of
    prompts (Radford et al. 2021). A sound longer than the window is heard in all its windows and has with
    each choice the best cosine of any, for what is labelled may sound once in a long recording. (The page
    shows the mean over the windows instead.)
    """
    import torch
    from tqdm import tqdm

    from demos.catalog import suite
    from demos.networks.projection import unit_length
    from demos.sound import SoundError, read
    from demos.views import view_of, view_samples

    model = suite("mini").model("clap")
    texts = unit_length(
        torch.stack([retrieval.embed_texts(choice.captions).mean(dim=0) for choice in choices])
    )
    truth = {label: place for place, choice in enumerate(choices) for label in choice.labels}
    for recording in tqdm(recordings, desc="listening", unit="file", disable=None):
        if recording.path is None:
            yield Heard(recording, problem=recording.problem)
            continue
        try:
            sound = read(recording.path)
        except SoundError as error:
            yield Heard(recording, problem=str(error))
            continue
        latent = retrieval.latent(view_samples(sound, view_of(sound, model.rate, model.resampling)))
        cosines = (retrieval.embed_latent(latent) @ texts.T).amax(dim=0).double().cpu()
        order = cosines.argsort(descending=True, stable=True).tolist()
        place = truth.get(recording.label)
        yield Heard(
            recording,
            None if place is None else order.index(place) + 1,
            tuple((choices[k].name, cosines[k].item()) for k in order[:SHOWN]),
        )


def report(heard: Sequence[Heard], choices: Sequence[Choice], kind: str = "labels") -> str:
    """The table and what has to be said about it, for people."""
    import numpy as np

    from demos.mini.evaluation.figures import figure

    ranks: dict[str, list[int]] = {}
    for one in heard:
        if one.rank is not None:
            ranks.setdefault(one.recording.label, []).append(one.rank)
    known = {one.recording.label: known_as(one.recording.label) for one in heard}
    among = "labels of the CSV" if kind == "labels" else "classes of the world"
    counted = sum(len(several) for several in ranks.values())
    lines = [f"CLAP chose among {len(choices)} {among}; {counted} of {len(heard)} recordings count."]
    rows: list[tuple[str, ...]] = [("label", "known as", "n", "top-1", f"top-{SHOWN}")]
    for label in sorted(ranks, key=str.lower):
        shares = [f"{np.mean(_within(ranks[label], most)):.3f}" for most in (1, SHOWN)]
        rows.append((label, known[label] or "—", str(len(ranks[label])), *shares))
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    if ranks:
        lines += ["", *(f"{a:{first}}  {b:{second}}  {n:>5}  {c:>5}  {d:>5}" for a, b, n, c, d in rows)]
    groups = {"all": list(ranks)}
    if any(known[label] for label in ranks) and not all(known[label] for label in ranks):
        groups["labels that the world knows"] = [label for label in ranks if known[label]]
    for title, labels in groups.items() if ranks else ():
        of_group = [rank for label in labels for rank in ranks[label]]
        lines += ["", f"{title}: {len(of_group)} recordings"]
        for most in (1, SHOWN):
            found = figure("", _within(of_group, most))
            interval = f"95 % interval {found.low:.3f}–{found.high:.3f}"
            chance = min(1.0, most / len(choices))
            lines.append(f"  top-{most}  {found.value:.3f}  ({interval}; by chance {chance:.3f})")
    return "\n".join([*lines, *_remarks(heard, choices, known, kind)])


def _within(ranks: Sequence[int], most: int) -> list[float]:
    return [float(rank <= most) for rank in ranks]


def _remarks(
    heard: Sequence[Heard], choices: Sequence[Choice], known: Mapping[str, str], kind: str
) -> Iterator[str]:
    """What the figures leave out or take together."""
    if not all(known.values()):
        times = Counter(one.recording.label for one in heard if not known[one.recording.label])
        names = ", ".join(f"{label} ({count})" for label, count in sorted(times.items()))
        treated = "scored by their own words" if kind == "labels" else "not counted"
        yield f"\nLabels that the world does not know, {treated}: {names}."
    elif kind == "world" and (
        left := {one.recording.label for one in heard if one.rank is None and one.best}
    ):
        yield f"\nLabels that are no event of the world, not counted: {', '.join(sorted(left))}."
    for choice in choices:
        if len(choice.labels) > 1:
            names = ", ".join(sorted(choice.labels))
            yield f"\nTaken together, because the world has one name for them ({choice.name}): {names}."
    unread = [one for one in heard if one.problem]
    if unread:
        yield f"\nFiles that could not be read ({len(unread)}), not counted:"
        yield from (f"  {one.recording.file}: {one.problem}" for one in unread)


def write(path: Path, heard: Sequence[Heard], choices: Sequence[Choice]) -> None:
    """Write one line for each line of the CSV: the rank of the truth, the first names and their cosines."""
    guesses = min(SHOWN, len(choices))
    header = ["file", "label", "known_as", "rank"]
    header += [f"{what}_{k}" for k in range(1, guesses + 1) for what in ("guess", "cosine")]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "problem"])
        for one in heard:
            best = [value for name, cosine in one.best for value in (name, f"{cosine:.4f}")]
            best += [""] * (2 * guesses - len(best))
            label = one.recording.label
            rank = "" if one.rank is None else one.rank
            writer.writerow([one.recording.file, label, known_as(label), rank, *best, one.problem])
