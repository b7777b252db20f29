"""What an answer rests on, through the engine: the same words, the same probabilities, the same clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demos.catalog import suite
from demos.engine import Cancelled, Engine, EngineError
from demos.sound import from_array
from tests.asking import RATE, ask, passes, sweep


@pytest.mark.parametrize("how", [{}, {"lora_scaling": 1.5}, {"start": 1.0, "stop": 2.5}])
def test_the_grounds_are_of_the_words_that_were_said(warm: Engine, how: dict[str, object]) -> None:
    sound = sweep()
    said = ask(warm, sound, "salmonn", **how)
    found = warm.grounds(sound, said)
    assert "".join(found.tokens) == said.text
    assert [token.text for token in said.tokens] == list(found.tokens)
    expected = [token.probability for token in said.tokens]
    np.testing.assert_allclose(found.probabilities, np.array(expected, np.float32), atol=1e-4)
    assert found.windows[0][0] == said.view.start
    assert found.windows[-1][0] < found.windows[-1][1] == said.view.stop
    layers = warm.networks.answering().network.llama_model.config.num_hidden_layers
    assert found.attention.shape == (layers, len(found.tokens), len(found.windows))
    assert found.mass.shape == (layers, len(found.tokens))
    assert (found.attention.sum(-1) <= found.mass + 1e-5).all()
    assert ((found.mass > 0) & (found.mass < 1)).all()


def test_an_older_observation_is_looked_into_by_its_text(warm: Engine) -> None:
    sound = sweep()
    said = ask(warm, sound, "salmonn")
    older = replace(said, tokens=tuple(replace(token, id=None) for token in said.tokens))
    now, then = warm.grounds(sound, said), warm.grounds(sound, older)
    assert "".join(then.tokens) == older.text
    assert then.tokens == now.tokens
    np.testing.assert_array_equal(then.attention, now.attention)


def test_silence_instead_of_silence_changes_nothing(warm: Engine) -> None:
    silence = from_array(RATE, np.zeros(2 * RATE, np.float32))
    found = warm.grounds(silence, ask(warm, silence, "salmonn"))
    np.testing.assert_allclose(found.over_silence, found.probabilities, atol=1e-6)
    noisy = sweep()
    found = warm.grounds(noisy, ask(warm, noisy, "salmonn"))
    assert not np.allclose(found.over_silence, found.probabilities, rtol=1e-4, atol=0)


def test_the_clip_is_not_encoded_again(folder: Path) -> None:
    engine, sound = Engine(suite("mini", folder)), sweep()
    said = ask(engine, sound, "salmonn")
    with passes(engine) as counted:
        engine.grounds(sound, said)
    assert counted["whisper encoder"] == counted["BEATs"] == 1  # silence alone


def test_what_cannot_be_looked_into_is_said(warm: Engine) -> None:
    sound = sweep()
    said = ask(warm, sound, "salmonn")
    for changed, words in (
        (ask(warm, sound, "pengi"), "Only SALMONN"),
        (replace(said, view=replace(said.view, clip_id="another")), "another sound"),
        (replace(said, model_revision="another"), "another model"),
        (replace(said, text="", tokens=()), "said nothing"),
    ):
        with pytest.raises(EngineError, match=words):
            warm.grounds(sound, changed)
    with pytest.raises(Cancelled):
        warm.grounds(sound, said, lambda: True)
