"""The words of an export: a task's page for Dynamic-SUPERB's reviewers, and the card of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from store.audio import ROW_RATE, ROW_SECONDS
from store.benchmark import TASKS, BenchmarkTask
from store.instances import MOST_ROWS, MOST_SECONDS, Instance
from store.records import Licence
from store.rows import RowView

EXAMPLES = 4  # rows shown on a task's page, per instance
LABELS_SHOWN = 10  # most frequent labels counted on a task's page, per instance

_LICENCE_WORDS: dict[Licence, str] = {
    "CC0-1.0": "CC0 1.0 (public domain dedication by the contributor)",
    "CC-BY-4.0": "CC BY 4.0 (credit to the name given with each clip)",
    "third-party": "third party (the source and licence given with each clip hold)",
}
_LICENCE_TAGS: dict[Licence, str] = {
    "CC0-1.0": "license: cc0-1.0",
    "CC-BY-4.0": "license: cc-by-4.0",
    "third-party": "license: other\nlicense_name: third-party",
}


_OVER_A_CLOSED_SET = ", over the closed answer set that every\ninstruction spells out"
_CLOSED = (
    "Every instruction is a question and a sentence that names the possible answers;\n"
    "the label is one of them, verbatim."
)
_FREE = "Every instruction is a question and a sentence that says\nin which form to answer."
_METRICS = {
    "accuracy": (
        "Accuracy: the share of rows whose answer equals the label after both are stripped and lower-cased. "
        "An answer\noutside the answer set is wrong."
    ),
    "wer": (
        "Word error rate: substitutions, deletions and insertions of words over the number of words in the "
        "label, after\nboth are lower-cased and stripped of punctuation. Lower is better."
    ),
}


@dataclass
class ExportedInstance:
    """An instance and what was written of it, gathered row by row: the stuff of its pages."""

    instance: Instance
    bytes: int = 0  # of all columns, not compressed
    models: Counter[str] = field(default_factory=Counter)
    attributions: dict[tuple[str, str], None] = field(default_factory=dict)  # (public clip id, attribution)
    examples: list[tuple[str, str]] = field(default_factory=list)  # (instruction, label)

    @property
    def name(self) -> str:
        """The instance's name, which is the data set's too."""
        return self.instance.name

    def add(self, view: RowView) -> None:
        """Take a written row into account."""
        row = view.row
        if row.role != "partner":  # a partner row is of a clip that the flagged model was not asked about
            self.models[view.observation.model_id] += 1
        self.attributions[view.clip.public_id, view.rights.attribution] = None
        if len(self.examples) < EXAMPLES:
            self.examples.append((row.instruction, row.label))


def task_page(task: BenchmarkTask, instances: Sequence[ExportedInstance]) -> str:
    """The README.md of a task over its instances, in Markdown."""
    over = _OVER_A_CLOSED_SET if task.options else ""
    return f"""\
# {task.title}

{_draft("each `instance.json`")}

{task.description} The rows come from listeners who heard a recording, read what an audio language model
said of it, and marked what it had made up.

## Task Objective

{task.objective} Answers are judged by {" and ".join(task.metrics)}{over}.

## Datasets

Source: clips that visitors of Earwitness recorded or uploaded and released, saying whose sound it is, under
which licence, and that everyone who can be heard agrees. Preprocessing: the window that the flagged model
heard (at most {ROW_SECONDS:.0f} s), mean of the channels, resampled to {ROW_RATE} Hz, 24-bit FLAC. Nothing
was sub-sampled: every row chosen for this export is in it, in as many instances as hold at most {MOST_ROWS}
rows and {MOST_SECONDS / 60:.0f} minutes each. Each instance is under one licence. A row is balanced by a
partner that asks the same question of another clip, where another answer is right.

{_instance_table(instances)}

### Licences and attribution

{_sections(_attributions(instance) for instance in instances)}

## Instructions and labels

Answers: {task.answers}. {_CLOSED if task.options else _FREE}

{_sections(_examples(instance) for instance in instances)}

## Evaluation metric

{_METRICS[task.metrics[0]]}

## Performance and difficulty

{_baselines(task, instances)}

{_sections(_flagged_models(instance) for instance in instances)}

A model failed the question that its own flag asks, so its score on such rows does not compare with the
scores of other models.

## References

- Huang et al. “Dynamic-SUPERB: Towards a Dynamic, Collaborative, and Comprehensive Instruction-Tuning
  Benchmark for Speech”, ICASSP 2024. <https://arxiv.org/abs/2309.09510>
- Huang et al. “Dynamic-SUPERB Phase-2: A Collaboratively Expanding Benchmark for Measuring the Capabilities
  of Spoken Language Models with 180 Tasks”, ICLR 2025. <https://arxiv.org/abs/2411.05361>
- Kuan, Huang, Lee. “Understanding Sounds, Missing the Questions: The Challenge of Object Hallucination in
  Large Audio-Language Models”, Interspeech 2024. <https://arxiv.org/abs/2406.08402>
- Kuan, Lee. “Can Large Audio-Language Models Truly Hear? Tackling Hallucinations with Multi-Task Assessment
  and Stepwise Audio Reasoning”, ICASSP 2025. <https://arxiv.org/abs/2410.16130>
"""


def data_set_card(exported: ExportedInstance) -> str:
    """The README.md of an instance's data set: front matter that `datasets` reads, then a short text."""
    whole = exported.instance
    return f"""\
---
{_LICENCE_TAGS[whole.licence]}
dataset_info:
  features:
  - name: audio
    dtype:
      audio:
        sampling_rate: {ROW_RATE}
  - name: file
    dtype: string
  - name: instruction
    dtype: string
  - name: label
    dtype: string
  splits:
  - name: test
    num_bytes: {exported.bytes}
    num_examples: {whole.rows}
configs:
- config_name: default
  data_files:
  - split: test
    path: data/test-*
---

# {whole.name}

{_draft("the `instance.json` of this instance")}

{TASKS[whole.task].description} One split, `test`: {whole.rows} rows, {whole.seconds / 60:.1f} minutes.

## Licences and attribution

{_attributions(exported)}
"""


def _draft(where: str) -> str:
    return f"""\
> **Draft.** The data has not been pushed yet, so `version` in {where} is empty. It becomes the commit id of
> the pushed data set."""


def _instance_table(exported: Sequence[ExportedInstance]) -> str:
    lines = []
    for one in exported:
        instance = one.instance
        labels = ", ".join(
            f"{_as_it_is(label)}: {number}" for label, number in list(instance.labels.items())[:LABELS_SHOWN]
        )
        states = "; ".join(f"{gate.words} ({'met' if gate.met else 'not met'})" for gate in instance.gates)
        lines.append((one.name, str(instance.rows), labels, states))
    return _table(("instance", "rows", "labels", "gates"), lines)


def _attributions(instance: ExportedInstance) -> str:
    lines = [(clip, _as_it_is(attribution) or "none asked") for clip, attribution in instance.attributions]
    table = _table(("clip", "attribution"), lines)
    return f"{instance.name}: {_LICENCE_WORDS[instance.instance.licence]}.\n\n{table}"


def _examples(instance: ExportedInstance) -> str:
    lines = [(_as_it_is(instruction), _as_it_is(label)) for instruction, label in instance.examples]
    return f"{instance.name}:\n\n{_table(('instruction', 'label'), lines)}"


def _baselines(task: BenchmarkTask, exported: Sequence[ExportedInstance]) -> str:
    if "accuracy" not in task.metrics:
        head = ["word error rate on", "random (saying nothing)"]
        return _table(head, [[one.name, f"{1:.1%}"] for one in exported])
    head = ["accuracy on", "random answer", "always the most frequent label", "best from the text alone"]
    lines = []
    for one in exported:
        frequent = max(one.instance.labels.values()) / one.instance.rows
        shares = (1 / task.options, frequent, one.instance.shortcut)
        lines.append([one.name, *(f"{share:.1%}" for share in shares)])
    return _table(head, lines)


def _flagged_models(instance: ExportedInstance) -> str:
    models = ", ".join(f"{_as_it_is(model)} ({number})" for model, number in instance.models.most_common())
    return f"{instance.name}, rows by the model that was flagged: {models}."


def _sections(parts: Iterable[str]) -> str:
    return "\n\n".join(parts)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _as_it_is(text: str) -> str:
    """A person's text for a Markdown table, shown as it is."""
    line = " ".join(text.split())
    for special in "\\`*_<>|[]#":
        line = line.replace(special, f"\\{special}")
    return line
