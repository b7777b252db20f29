"""A graphics card hears what the processor hears: the same words, and numbers but for rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from demos.catalog import Suite
from demos.engine import Engine, Request
from demos.placement import Placement
from demos.sound import Sound, from_array
from store.records import Observation
from tests.mini_weights import write_mini_weights
from tests.seeded import seeded_waveform

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(), reason="There is no CUDA device here: run this where there is one."
    ),
]

RATE = 16_000
TOLERANCE = 1e-3  # of cosines, and of a heatmap's values relative to the largest of them
LOG_TOLERANCE = 1e-2  # of probabilities, relative: untrained networks find every token improbable
FRAME = 0.02  # seconds: as exactly as Whisper tells the time
ENCODERS = ("whisper encoder", "BEATs", "HTSAT")
REQUESTS = (
    Request("clap"),
    Request("pengi"),
    Request("salmonn", max_tokens=40),
    Request("salmonn", max_tokens=20, beams=3),
    Request("salmonn", max_tokens=20, lora_scaling=0.0),
    Request("whisper"),
    *(
        Request("layers", encoder=encoder, measure=measure)
        for encoder in ENCODERS
        for measure in ("rms", "change_from_below")
    ),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder: Path = tmp_path_factory.mktemp("weights")
    return write_mini_weights(folder)


@pytest.fixture(scope="module")
def processor(models: Suite) -> Engine:
    return Engine(models, Placement("cpu"))


@pytest.fixture(scope="module")
def card(models: Suite) -> Engine:
    return Engine(models, Placement("cuda"))


@pytest.fixture(params=[3.0, 10.0], ids=["one window", "several windows"])
def sound(request: pytest.FixtureRequest) -> Sound:
    return from_array(RATE, seeded_waveform(request.param, RATE))


def title(request: Request) -> str:
    how = [request.encoder, request.measure] if request.encoder else []
    how += [f"{request.beams} beams"] if request.beams else []
    how += [f"scaling {request.lora_scaling:g}"] if request.system == "salmonn" else []
    return " ".join([request.system, *how])


def ask(engine: Engine, sound: Sound, request: Request) -> Observation:
    *_, said = engine.observe(sound, request)
    assert isinstance(said, Observation)
    return said


@pytest.mark.parametrize("request_", REQUESTS, ids=title)
def test_a_graphics_card_hears_what_the_processor_hears(
    processor: Engine, card: Engine, sound: Sound, request_: Request
) -> None:
    here, there = (ask(engine, sound, request_) for engine in (processor, card))
    assert (here.device, there.device.split()[0]) == ("cpu", "cuda")
    assert there.dtype == here.dtype
    assert_words_agree(here, there)
    assert_numbers_agree(here, there)


def test_the_card_is_taken_where_no_device_is_named(models: Suite, sound: Sound) -> None:
    assert ask(Engine(models), sound, Request("clap")).device.startswith("cuda")


def assert_words_agree(here: Observation, there: Observation) -> None:
    """Everything that is text, token by token and word by word, is the same."""
    assert (there.text, there.prompt, there.settings) == (here.text, here.prompt, here.settings)
    assert [token.text for token in there.tokens] == [token.text for token in here.tokens]
    assert [word.text for word in there.words] == [word.text for word in here.words]
    assert {score.text for score in there.scores} == {score.text for score in here.scores}


def assert_numbers_agree(here: Observation, there: Observation) -> None:
    """Cosines, probabilities, times and heatmaps are the same within the tolerances."""
    known = [[token.probability for token in said.tokens if token.probability] for said in (here, there)]
    close([np.log(probabilities) for probabilities in known], LOG_TOLERANCE)
    close([np.log([word.probability for word in said.words]) for said in (here, there)], LOG_TOLERANCE)
    close([[(word.start, word.stop) for word in said.words] for said in (here, there)], FRAME)
    # texts that fit equally well may come in another order
    by_text = [sorted(said.scores, key=lambda score: score.text) for said in (here, there)]
    close([[score.cosine for score in scores] for scores in by_text], TOLERANCE)
    here_best, there_best = here.scores[:1], there.scores[:1]
    close([[score.windows for score in scores] for scores in (here_best, there_best)], TOLERANCE)
    assert (here.heatmap is None) == (there.heatmap is None)
    if here.heatmap is not None and there.heatmap is not None:
        assert there.heatmap.layers == here.heatmap.layers
        values = [np.asarray(one.heatmap.values) for one in (here, there) if one.heatmap is not None]
        close([one / max(1.0, np.abs(values[0]).max()) for one in values], TOLERANCE)


def close(numbers: list, tolerance: float) -> None:
    expected, found = (np.asarray(one, dtype=np.float64) for one in numbers)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance + 1e-9)
