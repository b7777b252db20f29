"""Known failures: what was flagged in sounds like the present one, and nothing of what was withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotators.flags.flagging import save_flag
from annotators.flags.kinds import KINDS
from annotators.flags.known_failures import KnownFailures
from demos.engine import Engine
from demos.sound import Sound, from_array
from store.audio import audio_path
from store.records import FlagKind, Withdrawal, new_id
from store.store import Store
from tests.mini_weights import write_mini_weights
from tests.people import ANSWER_OF_KINDS, KINDS_OF_FLAGS, answer, flag, rights
from tests.people import sound as sounding
from tests.seeded import seeded_waveform

RATE = 16_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(write_mini_weights(tmp_path_factory.mktemp("weights")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def keep(store: Store, samples: np.ndarray) -> Sound:
    """A sound in which SALMONN's passing car was flagged."""
    sound = from_array(RATE, samples)
    said = answer(sound.clip)
    save_flag(store, sound.clip, sound.samples, said, flag(said), rights(sound.clip))
    return sound


def test_what_was_flagged_in_a_like_sound_is_told(engine: Engine, store: Store) -> None:
    waveform = seeded_waveform(2.0, RATE, 1)
    like = from_array(RATE, (waveform * 0.99).astype(np.float32))
    known = KnownFailures(engine, store)
    assert known.near(like) == []
    kept = keep(store, waveform)
    (found,) = known.near(like)
    assert found.cosine > 0.99
    assert found.sentence.endswith("SALMONN made up “a passing car”; really “a dog barking”.")
    assert known.near(kept) == []  # the sound itself is no other sound
    store.withdraw(Withdrawal(new_id(), kept.clip.id, "clip", rights(kept.clip).contributor))
    assert known.near(like) == []
    assert known._embeddings == {}  # what is withdrawn is forgotten


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("object_existence", "made up “a bell ringing”; really “a dog barking”"),
        (
            "temporal_order",
            "heard “a bell ringing” before “a dog barking”; really “a dog barking” comes first",
        ),
        ("object_attribute", "said of “a woman” that it is “laughing”; really “a child” is"),
        ("speech_content", "heard the words “Turn on the light”; really said was “turn off the light”"),
        ("speaker", "was wrong about the voice: “a woman”; really “a man”"),
        ("emotion", "heard the emotion “amused”; really “anger”"),
        ("music", "was wrong about the genre: “a carol”; really “jazz”"),
        (
            "should_abstain",
            "answered “a neighbour”, which cannot be told from the recording; as likely “a teacher”",
        ),
        ("self_contradiction", "both claimed and denied “a dog barking”; really it is there"),
        ("not_following", "did not follow its instruction"),
        ("other", "was flagged: “the answer repeats the instruction”"),
    ],
)
def test_each_kind_of_flag_is_told_in_its_own_words(kind: FlagKind, sentence: str) -> None:
    values = dict(KINDS_OF_FLAGS[kind])
    said = answer(sounding(0.1)[0], ANSWER_OF_KINDS)
    assert KINDS[kind].told_of(flag(said, values.pop("marked"), kind=kind, **values)) == sentence


def test_damaged_audio_is_passed_over(engine: Engine, store: Store) -> None:
    waveform = seeded_waveform(2.0, RATE, 1)
    kept = keep(store, waveform)
    path = audio_path(store.audio_folder, kept.clip.id)
    path.write_bytes(path.read_bytes()[:100])
    assert KnownFailures(engine, store).near(from_array(RATE, (waveform * 0.9).astype(np.float32))) == []


def test_an_embedding_is_of_unit_length_and_heard_once(engine: Engine) -> None:
    sound = from_array(RATE, seeded_waveform(9.0, RATE, 2))
    one, other = engine.embedding(sound), engine.embedding(sound, 5.0)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert not np.allclose(one, other)
