"""A good export passes every check; one with a single defect in its pages is told exactly that one."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from store.check import check_export, instance_statistics, report
from store.errors import StoreError
from store.export import export
from store.store import Store
from tests.store.exported import ROWS, TASK, Export, unpack, write_archive
from tests.store.test_export import fill


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("exported"))


@pytest.fixture
def exported(archive: Path, tmp_path: Path) -> Export:
    return unpack(archive, tmp_path / "export")


def test_a_good_export_has_no_problem(exported: Export) -> None:
    assert exported.problems() == []


def test_what_was_just_exported_is_a_draft_and_breaks_no_rule(archive: Path) -> None:
    problems = list(check_export(archive))
    assert [(problem.rule, problem.is_rule) for problem in problems] == [("draft", False)] * 2
    assert {problem.where.split("/")[2] for problem in problems} == {"instance.json"}


def test_whatever_is_exported_breaks_no_rule_but_those_of_size(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        fill(store)
        fill(store, clips=1, licence="third-party", owner="third-party", attribution="Archive, CC BY 3.0")
        archive = export(store, tmp_path / "tasks.zip")
    problems = list(check_export(archive))
    assert {problem.rule for problem in problems} <= {"draft", "few rows", "few instructions"}
    assert problems


def test_a_folder_and_its_zip_are_told_the_same(exported: Export, tmp_path: Path) -> None:
    exported.describe(description="")
    exported.write_rows(exported.rows()[:20])
    told = exported.problems()
    assert len(told) == 2
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "again.zip", "w", compression) as archive:
            for file in exported.folder.rglob("*"):
                archive.write(file, Path("wrapped") / file.relative_to(exported.folder))
            archive.writestr("__MACOSX/._wrapped", b"")
        assert list(check_export(tmp_path / "again.zip")) == told


DESCRIPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "no description": ("instance.json key missing", {"description": ...}),
    "no version": ("instance.json key missing", {"version": ...}),
    "a name that is no text": ("instance.json wrong type", {"name": 7}),
    "keywords in one text": ("instance.json wrong type", {"keywords": "audio, speech"}),
    "a metric that is no text": ("instance.json wrong type", {"metrics": ["accuracy", None]}),
    "an empty description": ("empty description", {"description": "  "}),
    "no keyword": ("empty keywords", {"keywords": []}),
    "an empty keyword": ("empty keywords", {"keywords": ["speech", ""]}),
    "no metric": ("empty metrics", {"metrics": []}),
    "a metric that nobody knows": ("unknown metric", {"metrics": ["accuracy", "niceness"]}),
    "another name than its folder's": ("name differs from folder", {"name": f"{TASK}_Elsewhere"}),
    "a path elsewhere": ("path differs from name", {"path": f"DynamicSuperb/{TASK}_Elsewhere"}),
    "a version that is no commit": ("wrong version", {"version": "v1.0"}),
    "a shortened commit": ("wrong version", {"version": "0f0f0f0"}),
}


@pytest.mark.parametrize(("rule", "values"), DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_a_description_with(exported: Export, rule: str, values: dict[str, Any]) -> None:
    exported.describe(**values)
    (problem,) = exported.problems()
    assert (problem.rule, problem.is_rule) == (rule, True)
    assert problem.where == f"{TASK}/{exported.instance.name}/instance.json"


def test_an_empty_version_is_a_draft_which_fails_nothing(exported: Export) -> None:
    exported.describe(version="")
    (problem,) = exported.problems()
    assert (problem.rule, problem.is_rule) == ("draft", False)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("instance.json invalid", '{\n  "name": "x"\n  "description": "a comma is missing"\n}'),
        ("instance.json invalid", ""),
        ("instance.json wrong type", "[\n  1\n]"),
        ("damaged file", "é"),
    ],
)
def test_a_description_that_cannot_be_read(exported: Export, rule: str, text: str) -> None:
    exported.described.write_bytes(text.encode("latin-1"))
    assert exported.rules() == [rule]


def test_a_description_on_one_line_is_not_indented(exported: Export) -> None:
    exported.described.write_text(json.dumps(json.loads(exported.described.read_text())))
    assert exported.rules() == ["instance.json not indented"]


def rename(exported: Export, name: str) -> None:
    """Call the instance otherwise, everywhere."""
    exported.describe(name=name, path=f"DynamicSuperb/{name}")
    exported.instance.rename(exported.instance.with_name(name))
    exported.data_set.rename(exported.data_set.with_name(name))


@pytest.mark.parametrize("name", [f"{TASK}_In Spaces", f"{TASK}_", TASK, f"{TASK}_Two--Hyphens"])
def test_a_name_of_another_form(exported: Export, name: str) -> None:
    rename(exported, name)
    assert exported.rules() == ["instance name form"]


@pytest.mark.parametrize(
    "name", [f"{TASK}_Collection-2", f"{TASK}_One_Two-Subset", f"{TASK}_mb23-music_caps"]
)
def test_a_name_of_the_right_form(exported: Export, name: str) -> None:
    rename(exported, name)
    assert exported.rules() == []


def test_an_instance_in_the_folder_of_another_task(exported: Export) -> None:
    exported.page.parent.rename(exported.folder / "SpokenWords")
    assert set(exported.rules()) == {"instance of another task"}
    assert len(exported.rules()) == 2


def test_what_is_missing_is_said_once(exported: Export) -> None:
    for file, rule in (
        (exported.described, "instance.json missing"),
        (exported.page, "README missing"),
        (exported.card, "card missing"),
        (exported.parquet, "no split"),
    ):
        kept = file.read_bytes()
        file.unlink()
        (problem,) = exported.problems()
        assert (problem.rule, problem.is_rule) == (rule, True)
        assert problem.where in (
            file.relative_to(exported.folder).as_posix(),
            f"datasets/{exported.data_set.name}",
        )
        file.write_bytes(kept)


def test_an_instance_without_a_data_set(exported: Export) -> None:
    shutil.rmtree(exported.data_set)
    assert exported.rules() == ["data set missing"]


def test_a_readme_beside_instance_json(exported: Export) -> None:
    (exported.instance / "README.md").write_text("# Too deep")
    assert exported.rules() == ["README in instance folder"]


@pytest.mark.parametrize(
    "heading",
    [
        "## Task Objective",
        "## Datasets",
        "## Instructions and labels",
        "## Evaluation metric",
        "## Performance and difficulty",
        "## References",
    ],
)
@pytest.mark.parametrize("left", ["", "HEADING\n\n"], ids=["missing", "empty"])
def test_a_page_with_a_section(exported: Export, heading: str, left: str) -> None:
    text = exported.page.read_text()
    start = text.index(heading)
    stop = text.find("\n## ", start) + 1 or len(text)
    licences = "CC0 1.0, CC BY 4.0\n\n"  # stands in one of the sections
    exported.page.write_text(licences + text[:start] + left.replace("HEADING", heading) + text[stop:])
    (problem,) = exported.problems()
    assert problem.rule == "README section missing"
    assert heading.split()[1] in problem.sentence


def test_headings_in_code_are_none(exported: Export) -> None:
    exported.replace(exported.page, "## References", "```\n## References\n```\n")
    assert exported.rules() == ["README section missing"]


def test_a_title_is_no_section_but_subsections_are_a_part_of_theirs(exported: Export) -> None:
    exported.replace(exported.page, "## References\n", "## References\n\n### Papers\n")
    assert exported.rules() == []
    exported.replace(exported.page, "## References\n", "## Papers\n")
    exported.replace(exported.page, "# Spoken Words Choice\n", "# References to Spoken Words\n")
    assert exported.rules() == ["README section missing"]


def test_a_page_without_a_random_row(exported: Export) -> None:
    exported.replace(exported.page, "random", "guessed")
    assert exported.rules() == ["random row missing"]


def test_a_task_scored_by_word_errors_needs_a_baseline_but_no_random_one(exported: Export) -> None:
    for described in exported.folder.glob("*/*/instance.json"):
        exported.replace(described, '"accuracy"', '"wer"')
    exported.replace(exported.page, "random", "guessed")
    assert exported.rules() == []
    text = exported.page.read_text()
    start, stop = text.index("## Performance"), text.index("## References")
    exported.page.write_text(f"{text[:start]}## Performance\n\nHard.\n\n{text[stop:]}")
    assert exported.rules() == ["baselines missing"]


def test_a_page_without_examples_of_instructions(exported: Export) -> None:
    text = exported.page.read_text()
    start, stop = text.index("## Instructions"), text.index("## Evaluation")
    exported.page.write_text(f"{text[:start]}## Instructions and labels\n\nAsk them.\n\n{text[stop:]}")
    assert exported.rules() == ["instruction examples missing"]


def test_a_page_that_does_not_name_a_licence(exported: Export) -> None:
    exported.replace(exported.page, "CC BY 4.0", "free")
    (problem,) = exported.problems()
    assert problem.rule == "README licence missing"
    assert "cc-by-4.0" in problem.sentence


def test_a_page_and_cards_that_name_no_licence_at_all(exported: Export) -> None:
    for card in exported.folder.glob("datasets/*/README.md"):
        card.write_text(re.sub("license: .*\n", "", card.read_text()))
    assert exported.rules() == ["card licence missing"] * 2
    exported.page.write_text(re.sub("licen[cs]e", "way", exported.page.read_text(), flags=re.IGNORECASE))
    assert exported.rules() == ["card licence missing", "card licence missing", "README licence missing"]


CARDS = {
    "no licence": ("card licence missing", "license: cc0-1.0\n", ""),
    "an unknown licence": ("card licence missing", "license: cc0-1.0", "license: unknown"),
    "a licence without a name": ("card licence missing", "license: cc0-1.0", "license: other"),
    "two licences": ("several licences", "license: cc0-1.0", "license: [cc0-1.0, cc-by-4.0]"),
    "no front matter": ("card invalid", "---\n", ""),
    "front matter that is no YAML": ("card invalid", "license: cc0-1.0", "license: [cc0"),
    "a column of another type": (
        "card features",
        "name: label\n    dtype: string",
        "name: label\n    dtype: int64",
    ),
    "a column of another name": ("card features", "name: label\n", "name: labels\n"),
    "another rate": ("card features", "sampling_rate: 16000", "sampling_rate: 8000"),
    "another number of rows": ("card rows", f"num_examples: {ROWS}", "num_examples: 1"),
    "another split": ("card splits", "split: test", "split: validation"),
}


@pytest.mark.parametrize(("rule", "old", "new"), CARDS.values(), ids=CARDS)
def test_a_card_with(exported: Export, rule: str, old: str, new: str) -> None:
    exported.replace(exported.card, old, new)
    assert set(exported.rules()) == {rule}


def test_a_licence_that_forbids_remixing(exported: Export) -> None:
    exported.replace(exported.card, "license: cc0-1.0", "license: cc-by-nd-4.0")
    exported.replace(exported.page, "CC0 1.0", "CC BY-ND 4.0")
    assert exported.rules() == ["licence forbids remix"]


def test_a_second_split(exported: Export) -> None:
    fewer = pq.read_table(exported.parquet).slice(0, 5)
    pq.write_table(fewer, exported.parquet.with_name("dev-00000-of-00001.parquet"))
    exported.replace(
        exported.card, "  - split: test", "  - split: dev\n    path: data/dev-*\n  - split: test"
    )
    assert exported.rules() == ["several splits"]


def test_a_split_of_another_name(exported: Export) -> None:
    exported.parquet.rename(exported.parquet.with_name("validation-00000-of-00001.parquet"))
    exported.replace(
        exported.card, "split: test\n    path: data/test", "split: validation\n    path: data/val"
    )
    exported.replace(exported.card, "- name: test", "- name: validation")
    assert exported.rules() == ["split not test"]


def test_damage_is_told_of_the_file_and_the_rest_is_checked(exported: Export, tmp_path: Path) -> None:
    other = next(one for one in exported.folder.glob("datasets/*/README.md") if one != exported.card)
    exported.replace(other, "license: cc-by-4.0\n", "")
    exported.parquet.write_bytes(exported.parquet.read_bytes()[:-20])
    assert exported.rules() == ["damaged file", "card licence missing"]

    with zipfile.ZipFile(tmp_path / "tasks.zip", "w") as archive:
        for file in exported.folder.rglob("*"):
            archive.write(file, file.relative_to(exported.folder))
    whole = (tmp_path / "tasks.zip").read_bytes()
    described = exported.described.read_bytes()
    (tmp_path / "tasks.zip").write_bytes(whole.replace(described, b"?" * len(described), 1))
    assert sorted(problem.rule for problem in check_export(tmp_path / "tasks.zip")) == [
        "card licence missing",
        "damaged file",
        "damaged file",
    ]


def test_a_page_in_the_middle_of_a_parquet_that_is_damaged(exported: Export) -> None:
    whole = bytearray(exported.parquet.read_bytes())
    whole[len(whole) // 3 : 2 * len(whole) // 3] = bytes(2 * len(whole) // 3 - len(whole) // 3)
    exported.parquet.write_bytes(whole)
    rules = exported.rules()
    assert rules
    assert {"damaged file", "undecodable audio", "zero-length clip"} & set(rules)


def test_the_report_counts_and_says_what_to_mend(exported: Export) -> None:
    out = io.StringIO()
    assert report(exported.folder, out)
    assert (
        f"{exported.instance.name}: {ROWS} of at least 32 rows, {ROWS} of at least 10 distinct instructions."
        in out.getvalue()
    )
    assert "Every rule holds." in out.getvalue()

    exported.describe(description="", version="")
    exported.write_rows([row | {"audio": None} for row in exported.rows()])
    out = io.StringIO()
    assert not report(exported.folder, out)
    broken, remarks = out.getvalue().split("Remarks, which fail nothing:")
    for problem in exported.problems():
        assert f"{problem.where}: {problem.sentence}" in (broken if problem.is_rule else remarks)
    assert "audio: 0 clips, 0.00 minutes" in broken
    assert "To be mended: 2." in remarks


def lock(path: Path) -> None:
    """Mark every file of a zip as encrypted, in the directory at its end."""
    locked = re.sub(
        rb"(PK\x01\x02.{4}).", lambda found: found[1] + b"\x01", path.read_bytes(), flags=re.DOTALL
    )
    path.write_bytes(locked)


def refused(tmp_path: Path, archive: Path) -> Iterator[tuple[Path, str]]:
    """Paths that cannot be checked, and a part of what is said about each."""
    yield tmp_path / "nowhere", "There is no"
    (tmp_path / "text.zip").write_text("no zip")
    yield tmp_path / "text.zip", "neither a folder nor a zip"
    (tmp_path / "empty").mkdir()
    yield tmp_path / "empty", "looks like an export"
    (tmp_path / "empty" / "README.md").write_text("# Something else")
    yield tmp_path / "empty", "looks like an export"
    shutil.copy(archive, tmp_path / "locked.zip")
    lock(tmp_path / "locked.zip")
    yield tmp_path / "locked.zip", "password"


def test_what_is_no_export_is_said_in_a_sentence(archive: Path, tmp_path: Path) -> None:
    for path, words in refused(tmp_path, archive):
        for use in (lambda one: list(check_export(one)), lambda one: list(instance_statistics(one))):
            with pytest.raises(StoreError, match=words) as raised:
                use(path)
            assert str(path) in str(raised.value)
        with pytest.raises(StoreError, match=words):
            report(path, io.StringIO())
