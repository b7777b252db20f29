"""The five ways of hearing, each from a question to an observation, through the shared encoders.

A window longer than what a model hears at a time is heard in the deterministic windows of `demos.windows`
(CLAP, Pengi, HTSAT), in consecutive ones of 30 s (Whisper), or only its first 30 s are heard (SALMONN and the
encoders of `layers`), and the observation's view says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from demos.catalog import OWN, Model
from demos.encoders import PARTS, Encoders, Encoding
from demos.layers.profile import MEASURES, AttentionProfile
from demos.loading import Networks
from demos.request import Cancelled, Partial, Question
from demos.sound import Samples, Sound
from demos.views import Views, view_of
from store.records import Observation, Score, System, Token, View, Word, new_id

if TYPE_CHECKING:
    from torch import Tensor

    from demos.pengi.captioner import Caption

LONGEST_VIEW = 30.0  # seconds that SALMONN and the encoders of `layers` hear
BEST_IN_TIME = 20  # texts whose cosine an observation keeps window by window

Steps = Iterator[Partial | Observation]


@dataclass(frozen=True)
class Work:
    """One question under way, and what answers it."""

    sound: Sound
    question: Question
    networks: Networks
    encoders: Encoders
    views: Views
    cancelled: Callable[[], bool]

    @property
    def model(self) -> Model:
        """The model that is asked."""
        return self.question.model

    def check(self) -> None:
        """Raise Cancelled once the person asked to stop."""
        if self.cancelled():
            raise Cancelled("Stopped.")

    def view(self, longest: float = math.inf) -> View:
        """What the model gets: the window asked for, cut after `longest` seconds."""
        start = self.question.start
        stop = min(self.question.stop, start + longest)
        return view_of(self.sound, self.model.rate, self.model.resampling, start, stop)

    def samples(self, view: View) -> Samples:
        """The samples of a view."""
        return self.views.samples(self.sound, view)

    def encode(self, part: str, view: View) -> Encoding:
        """What an encoder of the model makes of a view."""
        self.check()
        return self.encoders.encode(part, self.model, self.sound, view, self.check)

    def latent(self, view: View) -> Tensor:
        """What a CLAP hears in each window of a view: [windows, D]."""
        self.check()
        return self.encoders.latent(self.model, self.sound, view, self.check)

    def attend(self, part: str, view: View) -> AttentionProfile:
        """How widely the layers of an encoder of the model attend to a view."""
        self.check()
        return self.encoders.attend(part, self.model, self.sound, view, self.check)

    def observation(self, view: View, settings: Mapping[str, Any], **said: Any) -> Observation:
        """What was said, as a record; its `seconds` are still to be filled in."""
        placement = self.networks.placement
        return Observation(
            id=new_id(),
            system=self.question.system,
            view=view,
            model_id=self.model.id,
            model_revision=self.model.revision,
            instruction=self.question.instruction,
            settings=dict(settings),
            dtype=self.networks.dtype_name(self.model),
            device=placement.device_name,
            seed=self.question.seed,
            **{"prompt": "", **said},
        )


def retrieve(work: Work) -> Steps:
    """CLAP: rank the bank. The observation's text is the best label; the best ones are scored in time too."""
    view, bank = work.view(), work.question.bank
    retrieval = work.networks.retrieval(work.model)
    latent = work.latent(view)
    yield Partial("", "Comparing")
    work.check()
    ranked = retrieval.rank(work.samples(view), bank, latent=latent)
    scores = tuple(
        Score(
            score.text,
            score.cosine,
            tuple((view.start + start, view.start + stop, cosine) for start, stop, cosine in score.windows)
            if place < BEST_IN_TIME
            else (),
        )
        for place, score in enumerate(ranked)
    )
    yield work.observation(view, {"bank": list(bank)}, text=scores[0].text, scores=scores)


def caption(work: Work) -> Steps:
    """Pengi: say something about each window; with several, each text stands behind its times."""
    view, question = work.view(), work.question
    captioning = work.networks.captioner(work.model)
    latent = work.encode("htsat", view).output
    heard = captioning.windows(len(work.samples(view)))
    rate = captioning.htsat.config.sample_rate
    times = [(view.start + window.start / rate, view.start + window.stop / rate) for window in heard]
    chosen = covering(times)
    tokens: tuple[Token, ...] = ()
    for captions in captioning.stream_windows(
        latent[chosen],
        question.instruction,
        beam_size=question.beams,
        max_length=question.max_tokens,
        cancelled=work.cancelled,
    ):
        # windows grow at the same time; one is shown when all before it are complete, so that a text is
        # written from its start to its end
        growing = next((number for number, said in enumerate(captions) if not said.done), len(captions) - 1)
        tokens = _one_below_the_other(captions[: growing + 1], [times[place] for place in chosen])
        yield Partial(_text(tokens), "Writing", growing / len(chosen))
    work.check()
    settings = {
        "beams": question.beams,
        "max_tokens": question.max_tokens,
        "temperature": 1.0,
        "windows": [list(times[place]) for place in chosen],
    }
    yield work.observation(view, settings, prompt=question.instruction, text=_text(tokens), tokens=tokens)


def answer(work: Work) -> Steps:
    """SALMONN: answer the instruction about the first 30 s."""
    view, question = work.view(LONGEST_VIEW), work.question
    answering = work.networks.answering(work.model)
    audio = silent_tokens(work, view) if question.over_silence else audio_tokens(work, view)
    for said in answering.stream(
        audio,
        question.instruction,
        lora_scaling=question.lora_scaling,
        beams=question.beams,
        max_new_tokens=question.max_tokens,
        seed=question.seed,
        cancelled=work.cancelled,
        turns=question.turns,
    ):
        if not said.ended:
            yield Partial(said.text, "Writing")
            continue
        settings = {**said.settings, "ended": said.ended}
        if question.over_silence:
            settings["over_silence"] = True
        if question.turns:
            settings["turns"] = [list(turn) for turn in question.turns]
        yield work.observation(view, settings, prompt=said.prompt, text=said.text, tokens=said.tokens)


def audio_tokens(work: Work, view: View) -> Tensor:
    """What SALMONN's language model hears of a view: [1, windows, width]."""
    speech, events = work.encode("whisper", view), work.encode("beats", view)
    work.check()
    return work.networks.answering(work.model).audio_tokens(speech.output, events.output)


def silent_tokens(work: Work, view: View) -> Tensor:
    """What it would hear of silence of the same length."""
    from demos.salmonn.answering import heard_window

    answering = work.networks.answering(work.model)
    tokens = answering.audio_tokens(*answering.encode(heard_window(np.zeros_like(work.samples(view)))))
    work.check()
    return tokens


def transcribe(work: Work) -> Steps:
    """Whisper: the words that are spoken, with their times in the clip."""
    view = work.view()
    transcription = work.networks.transcription(work.model)
    encoded = work.encode("whisper", work.view(LONGEST_VIEW))
    for said in transcription.stream(
        work.samples(view).copy(),
        # the mini model knows English alone; a published one finds out which language is spoken
        language="en" if work.model.layout == OWN else None,
        cancelled=work.cancelled,
        encoder_hidden=encoded.output,
    ):
        if not said.ended:
            heard = said.windows[-1].stop if said.windows else 0.0
            yield Partial(said.text, "Writing", min(1.0, heard / (view.stop - view.start)))
            continue
        words = tuple(
            Word(word.text, view.start + word.start, view.start + word.stop, word.probability)
            for word in said.words
        )
        settings = {**(said.settings or {}), "language": said.language, "ended": said.ended}
        yield work.observation(
            view, settings, prompt=said.prompt, text=said.text, tokens=said.tokens, words=words
        )


def show_layers(work: Work) -> Steps:
    """Layers: one measure of one encoder's layers over the first 30 s."""
    view = work.view(LONGEST_VIEW)
    measure = next(one for one in MEASURES if one == work.question.measure)
    part = next(part for part in PARTS if part in work.model.files)
    if measure == "attention_entropy":
        heatmap = work.attend(part, view).heatmap(work.model.title)
    else:
        heatmap = work.encode(part, view).profile.heatmap(work.model.title, measure)
    yield work.observation(view, {"encoder": work.model.title, "measure": measure}, heatmap=heatmap)


SYSTEM_STEPS: Mapping[System, Callable[[Work], Steps]] = {
    "clap": retrieve,
    "pengi": caption,
    "salmonn": answer,
    "whisper": transcribe,
    "layers": show_layers,
}


def _one_below_the_other(
    captions: Sequence[Caption], times: Sequence[tuple[float, float]]
) -> tuple[Token, ...]:
    """The first of several captions, each behind its times; where there is only one window, it alone."""
    tokens: tuple[Token, ...] = ()
    for number, (said, (start, stop)) in enumerate(zip(captions, times, strict=False)):
        if len(times) > 1:
            line = "\n" if number else ""
            tokens += (Token(f"{line}{start:.1f}–{stop:.1f} s: "),)
        tokens += trimmed(said.tokens)
    return tokens


def covering(times: Sequence[tuple[float, float]]) -> list[int]:
    """Which of overlapping windows to take so that they cover everything: each the first behind the last.

    `times` are (start, stop) in order. What the last one leaves over at the end, the last window covers.
    """
    chosen = [0]
    for number, (start, _) in enumerate(times):
        if start >= times[chosen[-1]][1] - 1e-6:
            chosen.append(number)
    if times[-1][1] > times[chosen[-1]][1] + 1e-6:
        chosen.append(len(times) - 1)
    return chosen


def trimmed(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """Tokens without the blanks before the first letter and behind the last of their text."""
    whole = _text(tokens)
    first, last = len(whole) - len(whole.lstrip()), len(whole.rstrip())
    kept: list[Token] = []
    at = 0
    for token in tokens:
        begin, end = max(first - at, 0), max(min(last - at, len(token.text)), 0)
        kept.append(Token(token.text[begin:end], token.probability))
        at += len(token.text)
    return tuple(kept)


def _text(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)
