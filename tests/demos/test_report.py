"""The training report: thinned curves, figures that are whole SVGs, and a sentence for what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from demos.mini import figures_svg, report, report_figures
from demos.mini.train import curves, machine
from demos.mini.world.taxonomy import CATEGORIES, NAMES

FIGURE = {"name": "CLAP, top-1", "value": 0.9, "low": 0.85, "high": 0.95, "items": 20, "aim": "≥ 0.90"}
MACHINE = {"processor": "a fast one", "cores": 2, "threads": 1, "bfloat16": True, "torch": "2"}


def run(name: str, without: str, changed: list[dict[str, Any]]) -> dict[str, Any]:
    measured = {"name": "label, top-1", "value": 0.4, "low": 0.3, "high": 0.5, "items": 10, "aim": ""}
    return {
        "name": name,
        "stage": "clap",
        "without": without,
        "steps": 1080,
        "minutes": 3.5,
        "commit": "abc",
        "machine": MACHINE,
        "figures": [measured],
        "changes": changed,
    }


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Every JSON file that the report reads, small."""
    folder, training = tmp_path / "weights", tmp_path / "train"
    folder.mkdir()
    training.mkdir()
    for name in ("clap", "zz-of-its-own"):
        written = [{"step": 50 * k, "contrast": 4.0 / k, "tags": 1.5 / k} for k in range(1, 300)]
        (training / f"{name}.jsonl").write_text("".join(json.dumps(point) + "\n" for point in written))
    curves.keep(training, folder)
    (folder / "evaluation.json").write_text(json.dumps([FIGURE]))
    failure = {
        "test": "CLAP, zero-shot",
        "kind": "single",
        "number": 7,
        "asked": "",
        "truth": NAMES[0],
        "said": "a | b\nc",
        "badness": 0.4,
    }
    details = {
        "clap": {
            "top_1": {name: 1.0 if number else 0.4 for number, name in enumerate(NAMES)},
            "confusions": [[NAMES[0], NAMES[1], 4], [NAMES[0], NAMES[-1], 2]],
        },
        "salmonn": {"question_confusions": [[NAMES[3], "nothing", 2]]},
        "layers": {"voice of an utterance": {"Cepstra alone": [0.31], "HuBERT": [0.5, 0.875]}},
        "failures": [failure],
    }
    (folder / "evaluation_details.json").write_text(json.dumps(details))
    change = {"name": "label, top-1", "value": -0.1, "low": -0.15, "high": 0.02}
    runs = [run("clap", "", []), run("clap-widening", "other rates", [change])]
    (folder / "ablations.json").write_text(json.dumps({"runs": runs}))
    return folder


def test_the_report_holds_what_the_files_say(weights: Path, tmp_path: Path) -> None:
    assert report.main(["--weights", str(weights), "--docs", str(tmp_path / "docs")]) == 0
    text = (tmp_path / "docs" / report.REPORT).read_text()
    for said in (
        "a fast one",
        "| CLAP, top-1 | **0.900** | 0.850 – 0.950 | 20 | ≥ 0.90 |",
        f"| CLAP | {NAMES[0]} | {NAMES[1]} | 4 |".replace("_", "\\_"),
        "| SALMONN |",
        "| clap | other rates | 1,080 | label, top-1 | 0.400 | 0.300 – 0.500 | -0.100 | -0.150 – +0.020 |",
        "| voice of an utterance | Cepstra alone | 0.310 |  |",
        "| voice of an utterance | HuBERT | 0.500 | 0.875 |",
        "`single-0007.wav`",
        "a \\| b c",
        "python -m demos.mini.evaluation failures build/failures",
        "contrast 4 → ",
    ):
        assert said in text
    for name in report.FIGURE_NAMES:
        assert f"]({report.PICTURES.as_posix()}/{name}.svg)" in text
        picture = (tmp_path / "docs" / report.PICTURES / f"{name}.svg").read_text()
        whole = ElementTree.fromstring(picture)
        assert whole.find("{http://www.w3.org/2000/svg}title") is not None
        assert "prefers-color-scheme: dark" in picture
        assert "nan" not in picture.lower().replace("finance", "")
    again = report.write(report.Sources.read(weights), tmp_path / "docs").read_text()
    assert again == text, "the same files give the same report"


def test_missing_files_are_told_and_their_figures_removed(weights: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    report.write(report.Sources.read(weights), docs)
    for path in weights.iterdir():
        path.unlink()
    text = report.write(report.Sources.read(weights), docs).read_text()
    for name in ("curves.json", "evaluation.json", "evaluation_details.json", "ablations.json"):
        assert f"There is no `{name}`" in text
    assert "![" not in text
    assert list((docs / report.PICTURES).iterdir()) == []
    assert "There are no weights" in report.write(report.Sources.read(tmp_path / "none"), docs).read_text()


def test_a_curve_that_went_back_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "stage.jsonl"
    steps = [50, 100, 150, 200, 150, 200, 250]
    path.write_text("".join(json.dumps({"step": s, "a": k}) + "\n" for k, s in enumerate(steps)) + '{"st')
    points = curves.read(path)
    assert [point["step"] for point in points] == [50, 100, 150, 200, 250]
    assert [point["a"] for point in points] == [0, 1, 4, 5, 6]


def test_thinned_curves_keep_both_ends() -> None:
    points = [{"step": float(step), "a": 1.0} for step in range(1, 1000)]
    thin = curves.thinned(points)
    assert len(thin) == curves.MOST_POINTS
    assert (thin[0], thin[-1]) == (points[0], points[-1])
    assert np.all(np.diff([point["step"] for point in thin]) > 0)
    assert curves.thinned(points[:3]) == points[:3]
    columns = curves.as_columns([{"step": 1, "a": 0.123456}, {"step": 2, "a": float("nan"), "b": 2.0}])
    assert columns == {"steps": [1, 2], "losses": {"a": [0.1235, None], "b": [None, 2.0]}}


def test_confusions_are_shares_of_their_true_class() -> None:
    shares = report_figures.confusion_shares(
        {"a": 0.4, "b": 0.0}, [("a", "b", 4), ("a", "c", 2), ("b", "a", 1)]
    )
    assert shares == pytest.approx([0.4, 0.2, 1.0])


def test_classes_stand_under_their_categories() -> None:
    groups = report_figures.by_category([*NAMES, "a new one"])
    assert list(groups) == [*CATEGORIES, "other"]
    assert sum(map(len, groups.values())) == len(NAMES) + 1


def test_ticks_are_round_and_inside() -> None:
    assert figures_svg.logarithmic_ticks(0.3, 7) == pytest.approx([0.5, 1, 2, 5])
    assert figures_svg.even_ticks(-0.12, 0.31) == pytest.approx([-0.1, 0, 0.1, 0.2, 0.3])
    assert len(figures_svg.even_ticks(0, 12_000, 4)) <= 5


def test_the_processor_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert machine.processor(path) == "Some CPU @ 2 GHz"
    assert machine.processor(tmp_path / "none")
