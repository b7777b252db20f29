"""What a system can be asked about a clip, what it says on the way, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from demos.catalog import Model, Suite, default_bank
from demos.conversation import LONGEST_ANSWER, MOST_TURNS, Turns
from demos.layers.profile import MEASURES
from demos.line import Ahead
from demos.sound import Sound
from store.records import SYSTEMS, System

SHORTEST_WINDOW = 0.1  # seconds
LONGEST_INSTRUCTION = 500  # characters
LARGEST_BANK = 500  # texts
LONGEST_LABEL = 200  # characters
MOST_SCALING = 4.0
MOST_BEAMS = 8
MOST_TOKENS = 500
SYSTEM_NAMES: Mapping[System, str] = {
    "clap": "CLAP",
    "pengi": "Pengi",
    "salmonn": "SALMONN",
    "whisper": "Whisper",
    "layers": "Layers",
}
USUAL_BEAMS = {"pengi": 3, "salmonn": 1}  # SALMONN's is greedy, so that the answer streams
USUAL_TOKENS = {"pengi": 30, "salmonn": 200}


class EngineError(RuntimeError):
    """A system that could not answer. The text is one sentence for people: what is wrong and what to do."""


class Cancelled(EngineError):
    """The person asked to stop."""


@dataclass(frozen=True)
class Request:
    """What one system is asked about a clip. What a system has no use for is ignored.

    `start` and `stop` are seconds into the clip, `stop` None is its end. `beams` and `max_tokens` None are
    the system's usual. An empty `instruction` is the first preset, an empty `bank` the default one, an empty
    `model` the suite's own; of `layers`, `encoder` says which.
    """

    system: System
    model: str = ""  # its id
    instruction: str = ""
    bank: tuple[str, ...] = ()  # texts that CLAP ranks
    lora_scaling: float = 4.0  # SALMONN: 0 (the language model alone) to 4 (as trained)
    over_silence: bool = False  # SALMONN: hear silence of the same length instead, to see what is made up
    turns: Turns = ()  # SALMONN: what was asked and answered before, when the instruction follows it
    beams: int | None = None
    max_tokens: int | None = None
    encoder: str = ""  # layers: an encoder's title, empty for the first
    measure: str = "rms"  # layers: one of MEASURES
    seed: int = 0
    start: float = 0.0
    stop: float | None = None


@dataclass(frozen=True)
class Partial:
    """How far a system is: its text so far, what it is doing, how much of that is done (None: unknown).

    `ahead` is what is ahead of who asked, while they wait in the system's line.
    """

    text: str
    stage: str
    fraction: float | None = None
    ahead: Ahead | None = None


@dataclass(frozen=True)
class Question:
    """A request that makes sense for its clip, with nothing left open."""

    system: System
    model: Model
    instruction: str
    bank: tuple[str, ...]
    lora_scaling: float
    over_silence: bool
    turns: Turns
    beams: int
    max_tokens: int
    measure: str
    seed: int
    start: float
    stop: float


def settle(sound: Sound, request: Request, suite: Suite) -> Question:
    """The request with the suite's defaults filled in.

    Raises EngineError, one sentence, where it makes no sense for this clip, and CatalogError where the suite
    has no such model or encoder.
    """
    if request.system not in SYSTEMS:
        raise EngineError(f"There is no system “{request.system}”; there are {', '.join(SYSTEMS)}.")
    bank = tuple(dict.fromkeys(text.strip() for text in request.bank if text.strip()))
    if request.system == "clap":
        bank = bank or default_bank()
    if request.system == "layers":
        model = suite.encoder(request.encoder) if request.encoder else suite.model("layers")
    else:
        model = suite.model(request.system, request.model)
    presets = model.presets
    clip = sound.clip
    usual_beams, usual_tokens = USUAL_BEAMS.get(request.system, 1), USUAL_TOKENS.get(request.system, 1)
    question = Question(
        request.system,
        model,
        request.instruction.strip() or (presets[0].text if presets else ""),
        bank,
        float(request.lora_scaling),
        request.over_silence,
        request.turns if request.system == "salmonn" else (),
        usual_beams if request.beams is None else request.beams,
        usual_tokens if request.max_tokens is None else request.max_tokens,
        request.measure,
        request.seed,
        request.start,
        clip.seconds if request.stop is None else min(request.stop, clip.seconds),
    )
    for problem in _problems(question, clip.seconds):
        raise EngineError(problem)
    return replace(question, instruction=question.instruction if presets else "")


def _problems(asked: Question, seconds: float) -> Iterator[str]:
    long_enough = asked.stop - asked.start >= SHORTEST_WINDOW - 1e-9
    if not (asked.start >= 0 and long_enough):  # NaN is neither
        yield (
            f"The window {asked.start:.2f}–{asked.stop:.2f} s is not at least {SHORTEST_WINDOW} s of this "
            f"clip of {seconds:.2f} s. Choose another window."
        )
    if len(asked.instruction) > LONGEST_INSTRUCTION:
        yield (
            f"The instruction has {len(asked.instruction)} characters; "
            f"shorten it to at most {LONGEST_INSTRUCTION}."
        )
    if len(asked.turns) > MOST_TURNS:
        yield (
            f"This conversation has {len(asked.turns)} turns before the question; it may have {MOST_TURNS}. "
            "Begin a new one."
        )
    if any(not 0 < len(question.strip()) <= LONGEST_INSTRUCTION for question, _ in asked.turns):
        yield f"Each earlier turn needs a question of at most {LONGEST_INSTRUCTION} characters."
    if any(len(answer) > LONGEST_ANSWER for _, answer in asked.turns):
        yield f"An earlier answer has more than {LONGEST_ANSWER} characters. Begin a new conversation."
    if len(asked.bank) > LARGEST_BANK:
        yield f"There are {len(asked.bank)} labels; CLAP ranks at most {LARGEST_BANK} at a time."
    if any(len(text) > LONGEST_LABEL for text in asked.bank):
        yield f"A label has more than {LONGEST_LABEL} characters; make it shorter."
    if not 0 <= asked.lora_scaling <= MOST_SCALING:
        yield f"The LoRA scaling is {asked.lora_scaling:g}; choose one from 0 to {MOST_SCALING:g}."
    if not 1 <= asked.beams <= MOST_BEAMS:
        yield f"Beam search with {asked.beams} beams is not possible; use 1 to {MOST_BEAMS}."
    if not 1 <= asked.max_tokens <= MOST_TOKENS:
        yield f"An answer of {asked.max_tokens} tokens is not possible; ask for 1 to {MOST_TOKENS}."
    if asked.system == "layers" and asked.measure not in MEASURES:
        yield f"There is no measure “{asked.measure}”; there are {', '.join(MEASURES)}."
