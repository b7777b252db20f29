"""The library: what is on its shelves, what is found there, and what is never shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotators.flags.flagging import save_flag
from annotators.library.kept_sounds import kept_sounds_shelf, library_of
from demos.engine import Engine, EngineError
from demos.examples import Example, examples
from demos.library.library import Library, examples_shelf
from demos.library.library_component import found_sounds
from demos.request import LONGEST_LABEL
from demos.sound import Sound, from_array
from store.audio import audio_path
from store.records import RowEdit, Withdrawal, new_id
from store.store import Store
from tests.mini_weights import write_mini_weights
from tests.people import answer, flag, rights
from tests.seeded import seeded_waveform

RATE = 16_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(write_mini_weights(tmp_path_factory.mktemp("weights")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def library(engine: Engine, store: Store) -> Library:
    return Library(engine, [kept_sounds_shelf(store)])


def keep(store: Store, samples: np.ndarray, **values: object) -> Sound:
    """A sound, with a name that is private, in which SALMONN's passing car was flagged."""
    sound = from_array(RATE, samples, "PRIVATE-NAME.wav")
    said = answer(sound.clip)
    save_flag(store, sound.clip, sound.samples, said, flag(said), rights(sound.clip, **values))
    return sound


def test_a_kept_sound_is_found_by_its_likeness_and_opened(store: Store, library: Library) -> None:
    waveform = seeded_waveform(2.0, RATE, 1)
    kept = keep(store, waveform, licence="CC-BY-4.0", attribution="A. Person")
    like = from_array(RATE, (waveform * 0.99).astype(np.float32))
    (found,) = library.near(like).found
    assert found.cosine > 0.99
    assert found.sound.title == "flagged: not there"
    assert found.sound.about == f"{kept.clip.public_id[:8]} · CC-BY-4.0, A. Person"
    opened = library.sound(found.sound.id)
    assert opened.clip.id == kept.clip.id  # it was heard whole, so the very same samples
    assert library.near(kept).found == ()  # it is not near itself
    assert len(library.find("rain").found) == 1


def test_nothing_private_is_shown(store: Store, library: Library) -> None:
    kept = keep(store, seeded_waveform(2.0, RATE, 1))
    shown = repr(found_sounds(library.find("rain")))
    assert kept.clip.public_id in shown
    for private in ("PRIVATE", kept.clip.id):
        assert private not in shown
    assert "PRIVATE" not in library.sound(kept.clip.public_id).clip.name


def test_only_the_window_that_exports_hold_is_heard(store: Store, library: Library) -> None:
    sound = from_array(RATE, seeded_waveform(40.0, RATE, 3))
    said = answer(sound.clip)
    marked = flag(said, time_start=4.0, time_stop=9.0)
    save_flag(store, sound.clip, sound.samples, said, marked, rights(sound.clip))
    assert library.sound(sound.clip.public_id).clip.seconds == 5.0


def test_what_is_withdrawn_or_taken_out_is_gone(store: Store, library: Library) -> None:
    one = keep(store, seeded_waveform(2.0, RATE, 1))
    other = keep(store, seeded_waveform(2.0, RATE, 2))
    assert len(library.find("rain").found) == 2
    store.withdraw(Withdrawal(new_id(), one.clip.id, "clip", rights(one.clip).contributor))
    assert [found.sound.id for found in library.find("rain").found] == [other.clip.public_id]
    assert len(library._vectors) == 1  # what is withdrawn is forgotten
    for view in store.rows():
        row = view.row
        store.save_edit(RowEdit(new_id(), row.id, row.instruction, row.label, "me", retired=True))
    assert library.find("rain").found == ()
    with pytest.raises(EngineError, match=r"not in the library any more\. Search again\."):
        library.sound(one.clip.public_id)


def test_damaged_audio_is_passed_over_and_said_when_it_is_opened(store: Store, library: Library) -> None:
    kept = keep(store, seeded_waveform(2.0, RATE, 1))
    path = audio_path(store.audio_folder, kept.clip.id)
    path.write_bytes(path.read_bytes()[:100])
    assert library.find("rain").found == ()
    with pytest.raises(EngineError, match="is damaged"):
        library.sound(kept.clip.public_id)


def test_a_sound_is_embedded_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    embed = Engine.embedding

    def counted(self: Engine, sound: Sound, *args: object) -> object:
        heard.append(sound.clip.name)
        return embed(self, sound, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "embedding", counted)
    some = examples()[:3]
    library = Library(engine, [examples_shelf(some)])
    assert [found.sound.id for found in library.find("rain").found] != []
    library.find("a dog barking")
    assert sorted(heard) == sorted(example.path.name for example in some)
    near = library.near(some[0].sound())
    assert some[0].id not in [found.sound.id for found in near.found]
    assert len(near.found) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(" \n", "Write what you want to find"), ("x" * (LONGEST_LABEL + 1), "at most 200 are compared")],
)
def test_what_cannot_be_searched_for_is_said(library: Library, text: str, sentence: str) -> None:
    with pytest.raises(EngineError, match=sentence):
        library.find(text)


def test_the_pages_library_holds_kept_sounds_and_examples(engine: Engine, store: Store) -> None:
    kept = keep(store, seeded_waveform(2.0, RATE, 1))
    library = library_of(engine, store)
    shown: tuple[Example, ...] = examples()
    assert library.sound(kept.clip.public_id).clip.id == kept.clip.id
    assert library.sound(shown[0].id).clip.id == shown[0].sound().clip.id
    assert len(library.find("rain").found) == 6  # the best
