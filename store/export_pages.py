"""The words of an export: a task's page for Dynamic-SUPERB's reviewers, and the card of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from store.audio import ROW_RATE, ROW_SECONDS
from store.benchmark import BenchmarkTask, gates, instance_name
from store.records import Licence
from store.rows import RowView, TaskCount

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


@dataclass
class ExportedInstance:
    """What was written of an instance, gathered row by row: the stuff of its pages."""

    task: BenchmarkTask
    licence: Licence
    rows: int = 0
    bytes: int = 0  # of all columns, not compressed
    seconds: float = 0.0
    unpaired: int = 0
    instructions: set[str] = field(default_factory=set)
    labels: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    attributions: dict[tuple[str, str], None] = field(default_factory=dict)  # (public clip id, attribution)
    examples: list[tuple[str, str]] = field(default_factory=list)  # (instruction, label)

    @property
    def name(self) -> str:
        """The instance's name, which is the data set's too."""
        return instance_name(self.task.name, self.licence)

    @property
    def count(self) -> TaskCount:
        """The numbers that gates are judged by."""
        return TaskCount(
            self.task.name,
            self.licence,
            self.rows,
            len(self.instructions),
            self.seconds,
            dict(self.labels.most_common()),
            self.unpaired,
        )

    def add(self, view: RowView) -> None:
        """Take a written row into account."""
        row = view.row
        self.rows += 1
        self.seconds += row.stop - row.start
        self.unpaired += not row.paired
        self.instructions.add(row.instruction)
        self.labels[row.label] += 1
        self.models[view.observation.model_id] += 1
        self.attributions[view.clip.public_id, view.rights.attribution] = None
        if len(self.examples) < EXAMPLES:
            self.examples.append((row.instruction, row.label))


def task_page(task: BenchmarkTask, instances: Sequence[ExportedInstance]) -> str:
    """The README.md of a task over its instances, in Markdown."""
    return f"""\
# {task.title}

{_draft("each `instance.json`")}

{task.description} The rows come from listeners who heard a recording, read what an audio language model
said of it, and marked what it had made up.

## Task Objective

{task.objective} Answers are judged by {" and ".join(task.metrics)} over the closed answer set that every
instruction spells out.

## Datasets

Source: clips that visitors of Earwitness recorded or uploaded and released, saying whose sound it is, under
which licence, and that everyone who can be heard agrees. Preprocessing: the window that the flagged model
heard (at most {ROW_SECONDS:.0f} s), mean of the channels, resampled to {ROW_RATE} Hz, 24-bit FLAC. Nothing
was sub-sampled: every row chosen for this export is in it. Each instance is under one licence.

{_instance_table(instances)}

### Licences and attribution

{_sections(_attributions(instance) for instance in instances)}

## Instructions and labels

Answer set: {task.answers}. Every instruction is a question and a sentence that names the possible answers;
the label is one of them, verbatim.

{_sections(_examples(instance) for instance in instances)}

## Evaluation metric

Accuracy: the share of rows whose answer equals the label after both are stripped and lower-cased. An answer
outside the answer set is wrong.

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


def data_set_card(instance: ExportedInstance) -> str:
    """The README.md of an instance's data set: front matter that `datasets` reads, then a short text."""
    return f"""\
---
{_LICENCE_TAGS[instance.licence]}
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
    num_bytes: {instance.bytes}
    num_examples: {instance.rows}
configs:
- config_name: default
  data_files:
  - split: test
    path: data/test-*
---

# {instance.name}

{_draft("the `instance.json` of this instance")}

{instance.task.description} One split, `test`: {instance.rows} rows, {instance.seconds / 60:.1f} minutes.

## Licences and attribution

{_attributions(instance)}
"""


def _draft(where: str) -> str:
    return f"""\
> **Draft.** The data has not been pushed yet, so `version` in {where} is empty. It becomes the commit id of
> the pushed data set."""


def _instance_table(instances: Sequence[ExportedInstance]) -> str:
    lines = []
    for instance in instances:
        count = instance.count
        labels = ", ".join(
            f"{_as_it_is(label)}: {number}" for label, number in list(count.labels.items())[:LABELS_SHOWN]
        )
        states = "; ".join(f"{gate.words} ({'met' if gate.met else 'not met'})" for gate in gates(count))
        lines.append((instance.name, str(count.rows), labels, str(count.unpaired), states))
    return _table(("instance", "rows", "labels", "rows without a partner of the other label", "gates"), lines)


def _attributions(instance: ExportedInstance) -> str:
    lines = [(clip, _as_it_is(attribution) or "none asked") for clip, attribution in instance.attributions]
    table = _table(("clip", "attribution"), lines)
    return f"{instance.name}: {_LICENCE_WORDS[instance.licence]}.\n\n{table}"


def _examples(instance: ExportedInstance) -> str:
    lines = [(_as_it_is(instruction), _as_it_is(label)) for instruction, label in instance.examples]
    return f"{instance.name}:\n\n{_table(('instruction', 'label'), lines)}"


def _baselines(task: BenchmarkTask, instances: Sequence[ExportedInstance]) -> str:
    lines = [
        (instance.name, f"{1 / task.options:.1%}", f"{max(instance.labels.values()) / instance.rows:.1%}")
        for instance in instances
    ]
    return _table(("accuracy on", "random answer", "always the most frequent label"), lines)


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
