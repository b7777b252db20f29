"""Instruments: the words and ranges of the eight that play."""

from __future__ import annotations

from collections.abc import Mapping

from demos.mini.world.drums import drums
from demos.mini.world.event_class import EventClass, Renderer
from demos.mini.world.ranges import Span
from demos.mini.world.strings import guitar, piano, xylophone
from demos.mini.world.winds import flute, organ, trumpet, violin


def _instrument(
    name: str,
    render: Renderer,
    parameters: Mapping[str, Span],
    also: tuple[str, ...],
    phrases: tuple[str, ...] = (),
    pitch: str | None = None,
) -> EventClass:
    """The class of an instrument that someone plays; "of a" phrases are the same for all."""
    subject = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return EventClass(
        name=f"{name} playing",
        category="instrument",
        subject=subject,
        verb="plays",
        gerund="playing",
        mention=rf"{name}s?",
        seconds=(1.0, 8.0),
        render=render,
        pitch=pitch,
        phrases=(f"the sound of {subject}", f"{name} music", f"someone playing {subject}", *phrases),
        also=also,
        parameters=parameters,
    )


CLASSES = (
    _instrument(
        "piano",
        piano,
        {
            "pitch": Span(75, 1100, log=True),
            "tempo": Span(0.8, 4.5, log=True),
            "sixty": Span(2.5, 10, log=True),
            "bright": Span(900, 5500, log=True),
        },
        also=("piano", "electric piano", "keyboard (musical)", "grand piano", "upright piano"),
        phrases=("a melody on a piano",),
        pitch="pitch",
    ),
    _instrument(
        "guitar",
        guitar,
        {
            "pitch": Span(95, 520, log=True),
            "tempo": Span(0.8, 4.5, log=True),
            "sixty": Span(1.5, 7, log=True),
            "bright": Span(2200, 10000, log=True),
        },
        also=(
            "guitar",
            "acoustic guitar",
            "electric guitar",
            "bass guitar",
            "strum",
            "plucked string instrument",
        ),
        phrases=("a strummed guitar",),
    ),
    _instrument(
        "violin",
        violin,
        {
            "pitch": Span(130, 1150, log=True),
            "tempo": Span(0.7, 4.5, log=True),
            "vibrato": Span(4, 45),
        },
        also=(
            "violin",
            "violin, fiddle",
            "fiddle",
            "cello",
            "viola",
            "bowed string instrument",
            "string section",
        ),
        phrases=("the bowing of a violin",),
        pitch="pitch",
    ),
    _instrument(
        "flute",
        flute,
        {
            "pitch": Span(280, 1700, log=True),
            "tempo": Span(0.7, 5, log=True),
            "breath": Span(0.02, 0.35, log=True),
        },
        also=("flute", "transverse flute", "recorder", "pan flute", "piccolo"),
        phrases=("a soft flute",),
        pitch="pitch",
    ),
    _instrument(
        "trumpet",
        trumpet,
        {
            "pitch": Span(150, 800, log=True),
            "tempo": Span(0.8, 4.5, log=True),
            "formant": Span(1000, 2800, log=True),
        },
        also=("trumpet", "brass instrument", "trombone", "cornet", "french horn", "bugle"),
        phrases=("a blaring trumpet",),
        pitch="pitch",
    ),
    EventClass(
        name="drum playing",
        category="instrument",
        subject="a drum",
        verb="plays",
        gerund="playing",
        mention=r"drum(?:s|ming)?",
        seconds=(1.0, 8.0),
        render=drums,
        phrases=("the beat of a drum", "drums playing", "a drum kit", "someone drumming", "drum beats"),
        also=(
            "drum",
            "drums",
            "drum kit",
            "snare drum",
            "bass drum",
            "drum roll",
            "tabla",
            "hi-hat",
            "timpani",
        ),
        parameters={
            "size": Span(60, 190, log=True),
            "tempo": Span(1.1, 3.2, log=True),
            "ring": Span(0.0, 1.0),
        },
    ),
    _instrument(
        "organ",
        organ,
        {
            "pitch": Span(110, 600, log=True),
            "tempo": Span(0.8, 4, log=True),
            "bright": Span(0.2, 2.0, log=True),
        },
        also=(
            "organ",
            "pipe organ",
            "church organ",
            "hammond organ",
            "electronic organ",
            "accordion",
            "harmonium",
        ),
        phrases=("chords of an organ",),
    ),
    _instrument(
        "xylophone",
        xylophone,
        {
            "pitch": Span(300, 2100, log=True),
            "tempo": Span(1.2, 6, log=True),
            "ring": Span(0.0, 1.0),
            "hard": Span(0.15, 0.9),
        },
        also=(
            "xylophone",
            "marimba, xylophone",
            "marimba",
            "glockenspiel",
            "vibraphone",
            "mallet percussion",
        ),
        phrases=("notes on a xylophone",),
        pitch="pitch",
    ),
)
