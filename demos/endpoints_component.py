"""The public endpoints of listening: what a program can ask as a person can on the Listen tab.

Each takes a clip as a file that the client uploads. What is heard belongs to the caller's session, as on the
page: a later call with the same clip adds to it, another clip replaces it, so that `/flag` can point at an
observation by its id. Errors are sentences.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import FileData
from gradio_client.utils import is_http_url_like

from demos.catalog import CatalogError
from demos.conversation import turns_from
from demos.engine import Engine, EngineError, Partial, Request
from demos.library.library import Findings, Library
from demos.library.library_component import found_sounds
from demos.line import MOST_IN_LINE
from demos.page_component import refusal
from demos.request import MOST_SCALING
from demos.session import Session, Sessions
from demos.sound import Sound, SoundError, notices, read
from demos.source.address_component import fetched
from demos.source.source_component import uploaded
from demos.tools.caller_component import session_of
from store.records import SYSTEMS, Observation, System


def declare(engine: Engine, sessions: Sessions, library: Library) -> None:
    """Declare the endpoints; called inside the page's Blocks."""

    def ask(clip: Any, request: gr.Request, question: Request) -> dict[str, Any]:
        session = session_of(sessions, request)
        sound = _hold(session, clip)
        return _said(_answer(engine, session, sound, question))

    def listen(
        clip: FileData,
        request: gr.Request,
        systems: list[str] = list(SYSTEMS),  # noqa: B006 (gradio shows it as the default; never changed)
        caption_instruction: str = "",
        answer_instruction: str = "",
        labels: list[str] = [],  # noqa: B006
        lora_scaling: float = MOST_SCALING,
        models: list[str] = [],  # noqa: B006
    ) -> dict[str, Any]:
        """Put one sound to several systems at once: clap, pengi, salmonn, whisper, layers.

        Args:
            clip: an audio file of at most 120 MB, 0.1 s to 10 min.
            systems: which of clap, pengi, salmonn, whisper and layers listen.
            caption_instruction: what Pengi is asked, at most 500 characters; empty is its first preset.
            answer_instruction: what SALMONN is asked, at most 500 characters; empty is its first preset.
            labels: what CLAP ranks, at most 500 of at most 200 characters; empty is the suite's own bank.
            lora_scaling: of SALMONN, from 0 (the language model alone) to 4 (as trained).
            models: ids of models that answer instead of the suite's own, at most one for each slot.

        Returns:
            "clip": its name, seconds, rate in Hz and channels
            "notices": sentences about the sound, such as that it is silent
            "observations": what each system said, by the system's name
            "errors": a sentence for each system that could not answer, by its name
        """
        try:
            chosen = engine.suite.by_slot(models)
        except CatalogError as problem:
            raise refusal(problem) from problem
        session = session_of(sessions, request)
        sound = _hold(session, clip)
        instructions = {"pengi": caption_instruction, "salmonn": answer_instruction}
        requests = [
            Request(
                _system(name),
                model=chosen.get(_system(name), ""),
                instruction=instructions.get(name, ""),
                bank=tuple(labels),
                lora_scaling=lora_scaling,
            )
            for name in dict.fromkeys(systems)
        ]
        observations: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for question, item in engine.listen(sound, requests, lambda: session.closed):
            if isinstance(item, Observation):
                session.keep(item)
                observations[question.system] = _said(item)
            elif isinstance(item, EngineError):
                errors[question.system] = str(item)
        held = sound.clip
        return {
            "clip": {
                "name": held.name,
                "seconds": held.seconds,
                "rate": held.rate,
                "channels": held.channels,
            },
            "notices": notices(sound),
            "observations": observations,
            "errors": errors,
        }

    def retrieve(
        clip: FileData,
        request: gr.Request,
        labels: list[str] = [],  # noqa: B006
        model: str = "",
    ) -> dict[str, Any]:
        """Rank labels by how well they fit a sound (CLAP); without labels, the suite's own bank is ranked.

        Args:
            clip: an audio file of at most 120 MB, 0.1 s to 10 min.
            labels: what is ranked, at most 500 of at most 200 characters; empty is the suite's own bank.
            model: the id of one for this slot; empty is the suite's own.

        Returns:
            an observation
            "scores": best first, each with "text", "cosine" (−1 to 1) and "windows" (start, stop, cosine)
            "text": the best label
        """
        return ask(clip, request, Request("clap", model=model, bank=tuple(labels)))

    def caption(
        clip: FileData, request: gr.Request, instruction: str = "", model: str = ""
    ) -> dict[str, Any]:
        """Caption a sound, or answer a question about it (Pengi).

        Args:
            clip: an audio file of at most 120 MB, 0.1 s to 10 min.
            instruction: what is asked, at most 500 characters; empty is the suite's first preset, a caption.
            model: the id of one for this slot; empty is the suite's own.

        Returns:
            an observation
            "text": the caption or answer
            "tokens": its pieces, each with "text" and "probability" (0 to 1)
        """
        return ask(clip, request, Request("pengi", model=model, instruction=instruction))

    def answer(
        clip: FileData,
        request: gr.Request,
        instruction: str = "",
        lora_scaling: float = MOST_SCALING,
        beams: int = 1,
        over_silence: bool = False,
        turns: list[list[str]] = [],  # noqa: B006
        model: str = "",
    ) -> Iterator[dict[str, Any]]:
        """Answer an instruction about speech and sounds together (SALMONN), streamed; the last is the whole.

        Args:
            clip: an audio file of at most 120 MB, 0.1 s to 10 min; its first 30 s are heard.
            instruction: what is asked, at most 500 characters; empty is the suite's first preset.
            lora_scaling: from 0 (the language model alone) to 4 (as trained).
            beams: of the search for an answer, 1 (greedy) to 8.
            over_silence: whether silence of the same length is heard instead, to see what is made up.
            turns: earlier questions of the conversation with answers, [[question, answer], …], at most 8.
            model: the id of one for this slot; empty is the suite's own.

        Returns:
            "text" so far and "stage" (the place in line, then what is done), at last an observation
            "text": the answer
            "tokens": its pieces, each with "text" and "probability" (0 to 1)
            "id": what /grounds and /flag take
        """
        session = session_of(sessions, request)
        sound = _hold(session, clip)
        try:
            before = turns_from(turns)
        except ValueError as problem:
            raise refusal(problem) from problem
        question = Request(
            "salmonn",
            model=model,
            instruction=instruction,
            lora_scaling=lora_scaling,
            beams=beams,
            over_silence=over_silence,
            turns=before,
        )
        try:
            for item in engine.observe(sound, question, lambda: session.closed):
                if isinstance(item, Partial):
                    yield {"text": item.text, "stage": item.stage}
                else:
                    session.keep(item)
                    yield _said(item)
        except EngineError as problem:
            raise refusal(problem) from problem

    def transcribe(clip: FileData, request: gr.Request, model: str = "") -> dict[str, Any]:
        """Transcribe the speech in a sound, word by word with times in seconds (Whisper).

        Args:
            clip: an audio file of at most 120 MB, 0.1 s to 10 min.
            model: the id of one for this slot; empty is the suite's own.

        Returns:
            an observation
            "text": the transcript
            "words": each with "text", "start" and "stop" (seconds) and "probability" (0 to 1)
        """
        return ask(clip, request, Request("whisper", model=model))

    def layers(
        clip: FileData, request: gr.Request, encoder: str = "", measure: str = "change_from_below"
    ) -> dict[str, Any]:
        """Show an encoder's layers over time.

        Args:
            clip: an audio file of at most 120 MB, 0.1 s to 10 min.
            encoder: "whisper encoder", "BEATs", "HTSAT" or another of the suite's; empty is the first.
            measure: rms, change_from_below (1 − cosine), effective_rank or attention_entropy (nats).

        Returns:
            an observation
            "heatmap": "encoder", "measure", "layers" (names of the rows), "seconds_per_column" and "values"
        """
        return ask(clip, request, Request("layers", encoder=encoder, measure=measure))

    def evidence(clip: FileData, request: gr.Request, text: str) -> list[dict[str, Any]]:
        """Hold a text about a sound against it (CLAP): for each sound that it speaks of the score in time.

        Args:
            clip: an audio file of at most 120 MB, 0.1 s to 10 min.
            text: a caption or an answer, in English.

        Returns:
            a list with one entry for each sound that the text speaks of
            "words": what the text calls it
            "claim": where the words stand in the text, and what CLAP was asked
            "cosine": −1 to 1, in the window from "start" to "stop" (seconds) that fits best
            "standing": that cosine in deviations from the mean over all labels of the suite
            "chance": 0 to 1 that it is there, null where it is not known
            "doubtful": whether that is too little to be believed
        """
        session = session_of(sessions, request)
        sound = _hold(session, clip)
        try:
            found = engine.evidence(sound, text)
        except EngineError as problem:
            raise refusal(problem) from problem
        return [
            {"words": text[one.claim.start : one.claim.stop], **asdict(one), "claim": asdict(one.claim)}
            for one in found
        ]

    def grounds(clip: FileData, request: gr.Request, observation: str) -> dict[str, Any]:
        """Look into an answer of SALMONN by the id of its observation, asked in the same client session.

        Args:
            clip: the audio file that the answer is about.
            observation: the "id" of the answer, from /answer or /listen.

        Returns:
            "tokens": texts that together are the answer
            "windows": start and stop of each in seconds
            "attention": tokens × windows, mean over layers
            "mass": attention to the sound, layers × tokens, 0 to 1
            "probabilities": of the tokens with the sound, 0 to 1
            "over_silence": of the tokens with silence instead, 0 to 1
        """
        session = session_of(sessions, request, observation)
        sound, said = _hold(session, clip), session.observation(observation)
        if said is None:
            raise refusal("There is no such observation of this clip in this session. Ask /answer first.")
        try:
            found = engine.grounds(sound, said)
        except EngineError as problem:
            raise refusal(problem) from problem
        return {
            "tokens": list(found.tokens),
            "windows": [list(window) for window in found.windows],
            "attention": found.attention.mean(0).tolist(),
            "mass": found.mass.tolist(),
            "probabilities": found.probabilities.tolist(),
            "over_silence": found.over_silence.tolist(),
        }

    def nearest(clip: FileData, request: gr.Request) -> dict[str, Any]:
        """Find the sounds of the library (kept ones and the examples) that are nearest to a sound, by CLAP.

        Args:
            clip: the audio file; its first 30 s are compared.

        Returns:
            "found": best first, each with "id", "title", "about" (licence and credit) and "cosine" (−1 to 1)
            "unheard": how many kept sounds were not compared yet (ask again)
        """
        session = session_of(sessions, request)
        sound = _hold(session, clip)
        return _searched(lambda: library.near(sound))

    def find(text: str) -> dict[str, Any]:
        """Find the sounds of the library (kept ones and the examples) that fit a few words best, by CLAP.

        Args:
            text: what to find, such as "rain" or "a dog barking"; at most 200 characters.

        Returns:
            "found": best first, each with "id", "title", "about" (licence and credit) and "cosine" (−1 to 1)
            "unheard": how many kept sounds were not compared yet (ask again)
        """
        return _searched(lambda: library.find(text))

    endpoints: list[tuple[Callable[..., Any], str]] = [
        (listen, "listen"),
        (retrieve, "clap"),
        (caption, "pengi"),
        (answer, "salmonn"),
        (transcribe, "whisper"),
        (layers, "layers"),
        (evidence, "clap"),
        (grounds, "salmonn"),
        (nearest, "clap"),
        (find, "clap"),
    ]
    for endpoint, waits_with in endpoints:
        gr.api(
            endpoint, api_name=endpoint.__name__, concurrency_id=waits_with, concurrency_limit=MOST_IN_LINE
        )


def _hold(session: Session, clip: Any) -> Sound:
    """The caller's sound, read and held by the session; the file is deleted. gr.Error if it is none.

    A file that a tool was given by its address may be given to the next tool too: it goes with the session.
    """
    told = str(clip.get("path") or "") if isinstance(clip, dict) else ""
    try:
        path = fetched(told) if is_http_url_like(told) else uploaded(told)
    except SoundError as problem:
        raise refusal(problem) from problem
    if path is None:
        raise refusal("The clip did not arrive. Upload an audio file with the call.")
    again = session.is_call and bool(clip.get("url"))
    try:
        sound = read(path, Path(clip.get("orig_name") or path.name).name)
    except SoundError as problem:
        again = False
        raise refusal(problem) from problem
    finally:
        if not again:
            path.unlink(missing_ok=True)
    held = session.hold_once(sound)
    if again:
        session.keep_file(path)
    return held


def _answer(engine: Engine, session: Session, sound: Sound, question: Request) -> Observation:
    try:
        for item in engine.observe(sound, question, lambda: session.closed):
            if isinstance(item, Observation):
                session.keep(item)
                return item
    except EngineError as problem:
        raise refusal(problem) from problem
    raise refusal("The system said nothing. Try again.")


def _searched(search: Callable[[], Findings]) -> dict[str, Any]:
    """What a search of the library found, as JSON values."""
    try:
        findings = search()
    except EngineError as problem:
        raise refusal(problem) from problem
    return {"found": found_sounds(findings), "unheard": findings.unheard}


def _said(observation: Observation) -> dict[str, Any]:
    """An observation as JSON values."""
    return asdict(observation)


def _system(name: str) -> System:
    for system in SYSTEMS:
        if system == name:
            return system
    raise refusal(f"There is no system “{name}”; there are {', '.join(SYSTEMS)}.")
