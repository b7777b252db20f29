"""What mini-Whisper learns from: filter banks made once, and a vocabulary of the rows in use alone."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from whisper.audio import log_mel_spectrogram
from whisper.model import Whisper

from demos.mini.train import spectrograms, whisper
from demos.mini.train.sounds import Sounds
from demos.mini.train.spectrograms import BANDS, WARPS, Powers, log_mel, powers

WORDS = ["open", "the", "window", "please", "which", "animal", "is", "that"]


@pytest.fixture
def trainee(monkeypatch: pytest.MonkeyPatch) -> whisper.Trainee:
    """A fresh one, in float32 and not compiled, whose weights float16 holds exactly."""
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(whisper, "mixed", nullcontext)
    torch.manual_seed(1)
    made = whisper.Trainee(WORDS)
    with torch.no_grad():
        for tensor in [*made.whisper.parameters(), *made.whisper.buffers()]:
            tensor.copy_(tensor.half().float())
    return made


def published(trainee: whisper.Trainee) -> Whisper:
    """openai-whisper's own model with the weights that the trainee publishes."""
    model = Whisper(whisper.DIMENSIONS)
    model.load_state_dict(trainee.published())
    return model.eval()


def clip(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """A tone that glides, and noise."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (0.3 * np.sin(2 * np.pi * (300 + 200 * time) * time) + 0.01 * noise).astype(np.float32)


def test_frames_are_labelled_where_words_are_said(trainee: whisper.Trainee) -> None:
    said = [[whisper.Said("open the window please", 1.0, 3.0)], []]
    labels = trainee.frame_labels(said, 250)
    blank = trainee.ctc.out_features - 1
    assert (labels[1] == blank).all()
    assert (labels[0, :50] == blank).all()
    assert (labels[0, 152:] == blank).all()
    order = [int(label) for label in labels[0] if label not in (blank, -100)]
    spoken = trainee.targets(["open the window please"])[2][0]
    assert list(dict.fromkeys(order)) == spoken


def test_only_the_rows_in_use_are_held(trainee: whisper.Trainee) -> None:
    tokenizer = trainee.tokenizer
    used = {token for word in WORDS for token in tokenizer.encode(f" {word}")}
    assert used < set(trainee.token_ids)
    assert len(trainee.token_ids) == len(set(trainee.token_ids)) == len(used) + 4
    assert trainee.whisper.dims.n_vocab == len(used) + 5
    assert trainee.unused == 51_864 - len(used) - 4
    inputs, targets, _ = trainee.targets(["the window", ""])
    of = trainee.row_of
    the, window = (of[tokenizer.encode(f" {word}")[0]] for word in ("the", "window"))
    assert inputs[0].tolist() == [of[tokenizer.sot], of[tokenizer.no_timestamps], the, window]
    assert targets[0].tolist() == [of[tokenizer.no_timestamps], the, window, of[tokenizer.eot]]
    assert targets[1].tolist() == [of[tokenizer.no_speech], of[tokenizer.eot], -100, -100]


def test_the_published_model_is_the_trainee_in_the_rows_it_uses(trainee: whisper.Trainee) -> None:
    state = trainee.published()
    assert state["decoder.token_embedding.weight"].shape == (51_864, whisper.DIMENSIONS.n_text_state)
    assert {value.dtype for value in state.values()} == {torch.float16}
    rows = torch.tensor([[trainee.row_of[trainee.tokenizer.sot], *range(6)]])
    tokens = torch.tensor([[trainee.token_ids[row] for row in rows[0]]])
    mel = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        theirs = published(trainee)(mel, tokens)
        ours = trainee.whisper(mel, rows)
    torch.testing.assert_close(theirs[..., trainee.token_ids], ours[..., :-1], rtol=1e-4, atol=1e-4)
    unused = torch.ones(51_864, dtype=torch.bool)
    unused[trainee.token_ids] = False
    others = theirs[..., unused]
    assert others.shape[-1] == trainee.unused
    torch.testing.assert_close(others, ours[..., -1:].expand_as(others), rtol=1e-4, atol=1e-4)
    assert ours.std() > 0.01


def test_the_loss_is_that_of_the_whole_vocabulary(trainee: whisper.Trainee) -> None:
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(3))
    said = [[whisper.Said("which animal is that", 1.0, 3.0)], []]
    losses = trainee.losses(mel, said)
    assert set(losses) == {"decoder", "ctc"}
    rows, targets, _ = trainee.targets(["which animal is that", ""])
    ids = torch.tensor(trainee.token_ids)
    with torch.no_grad():
        logits = published(trainee)(mel, ids[rows])
    wanted = ids[targets.clamp(min=0)].masked_fill(targets == -100, -100)
    whole = functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)
    torch.testing.assert_close(losses["decoder"].detach(), whole, rtol=1e-4, atol=1e-4)
    sum(losses.values(), torch.zeros(())).backward()
    assert trainee.whisper.encoder.conv1.weight.grad is not None


def test_guessed_frames_weigh_in_and_a_later_start_is_another_place(trainee: whisper.Trainee) -> None:
    mel = torch.randn(1, 80, 500, generator=torch.Generator().manual_seed(4))
    said = [[whisper.Said("open the window", 0.5, 2.0)]]
    with torch.no_grad():
        alone = trainee.losses(mel, said)
        half = trainee.losses(mel, said, guess=0.5)
        whole = trainee.losses(mel, said, guess=1.0)
        later = trainee.losses(mel, said, start=4.0)
    assert set(half) == {"decoder", "ctc", "frames"}
    torch.testing.assert_close(half["ctc"], 0.5 * alone["ctc"])
    torch.testing.assert_close(half["frames"], 0.5 * whole["frames"])
    assert whole["ctc"] == 0
    assert later["decoder"] != alone["decoder"]


def test_sliced_positions_come_back(trainee: whisper.Trainee) -> None:
    encoder = trainee.whisper.encoder
    whole = encoder.positional_embedding.clone()
    with whisper.sliced_positions(encoder, 5.0):
        assert encoder(torch.zeros(1, 80, 500)).shape == (1, 250, whisper.DIMENSIONS.n_audio_state)
        torch.testing.assert_close(encoder.positional_embedding, whole[:250], rtol=0, atol=0)
    with whisper.sliced_positions(encoder, 5.0, start=2.0):
        torch.testing.assert_close(encoder.positional_embedding, whole[100:350], rtol=0, atol=0)
    torch.testing.assert_close(encoder.positional_embedding, whole, rtol=0, atol=0)


def test_sentences_lie_where_they_are_said_to_lie() -> None:
    """The utterances are one band of their own each, so that the windows show when they sound."""
    speech = [np.full((100 + 20 * number, BANDS), 1e-6, np.float32) for number in range(3)]
    for number, power in enumerate(speech):
        power[:, 20 * number + 10] = 1.0
    lesson = whisper.Lesson(cast(Powers, speech), ["zero", "one", "two"])
    rng = np.random.default_rng(0)
    counts = set()
    for _ in range(40):
        window = np.zeros((500, BANDS), np.float32)
        sentences = lesson._speak(rng, window, 1.0)
        counts.add(len(sentences))
        covered = np.zeros(500, bool)
        for sentence in sentences:
            start, stop = (round((time - 1.0) * 100) for time in (sentence.start, sentence.stop))
            assert 0 <= start < stop <= 500
            assert not covered[start:stop].any(), "one after the other"
            covered[start:stop] = True
        np.testing.assert_array_equal(window.sum(1) > 0, covered)
    assert counts == {0, 1, 2, 3}
    mel, said = lesson.batch(rng, 3, 5.0)
    assert mel.shape == (3, BANDS, 500)
    assert mel.isfinite().all()
    assert len(said) == 3


def test_the_filter_banks_are_those_of_openai_whisper() -> None:
    samples = clip(1.5)
    ours: Tensor = log_mel(powers(samples).numpy()[None])[0]
    theirs = log_mel_spectrogram(torch.from_numpy(samples), BANDS)
    assert ours.shape == theirs.shape == (BANDS, 150)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    # Each sound of a batch has its own floor, as if it were alone.
    quiet = powers(samples).numpy() * np.float32(1e-5)
    both = log_mel(np.stack([powers(samples).numpy(), quiet]))
    torch.testing.assert_close(both[0], theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both[1], log_mel(quiet[None])[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("number", [0, 10, 30, 40])
def test_another_throat_moves_a_tone(number: int) -> None:
    def strongest(hertz: float) -> float:
        tone = np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000).astype(np.float32)
        return float(spectrum(tone) @ np.arange(BANDS) / spectrum(tone).sum())

    def spectrum(samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return powers(samples).numpy()[20:80].mean(0)

    tone = np.sin(2 * np.pi * 2_000 * np.arange(16_000) / 16_000).astype(np.float32)
    moved = spectrum(tone) @ spectrograms._warps()[number]
    assert moved @ np.arange(BANDS) / moved.sum() == pytest.approx(strongest(2_000 * WARPS[number]), abs=0.7)
    assert abs(strongest(2_000 * WARPS[number]) - strongest(2_000)) > 2


def test_another_voice_is_as_much_shorter_as_it_is_faster() -> None:
    power = powers(clip(2.0)).numpy()
    rng = np.random.default_rng(0)
    assert spectrograms.another_voice(rng, power, 1.25).shape == (160, BANDS)
    assert spectrograms.another_voice(rng, power, 0.8).shape == (250, BANDS)


def test_rooms_and_noise_add_and_microphones_colour() -> None:
    rng = np.random.default_rng(0)
    power = np.stack([powers(clip(1.0, seed)).numpy() for seed in range(8)])
    for change in (spectrograms.in_a_room, spectrograms.hissing):
        changed = power.copy()
        change(rng, changed)
        assert np.isfinite(changed).all()
        assert (changed >= power).all()
        assert (changed > power).any()
    changed = power.copy()
    spectrograms.coloured(rng, changed, 8.0)
    gains = changed / power
    np.testing.assert_allclose(gains, gains[:, :1].repeat(100, 1), rtol=1e-4, err_msg="steady in time")
    assert np.abs(10 * np.log10(gains[:, 0, :50])).max() <= 12.1  # three waves of at most half of 8 dB each
    assert np.ptp(10 * np.log10(gains[:, 0])) > 2


def test_powers_are_made_once_and_read_back(tmp_path: Path) -> None:
    class Some:
        def __init__(self, *made: NDArray[np.float32]) -> None:
            self.made = made
            self.truths = [{"samples": len(one)} for one in made]

        def samples(self, index: int) -> NDArray[np.float32]:
            return self.made[index]

    class Silent(Some):
        def samples(self, index: int) -> NDArray[np.float32]:
            raise AssertionError("they are there already")

    given = clip(0.5, 1), clip(0.81, 2), np.zeros(3_200, np.float32)
    for sounds in (Some(*given), Silent(*given)):
        kept = Powers(tmp_path / "mel.npy", cast(Sounds, sounds))
        assert len(kept) == 3
        assert [len(kept[index]) for index in range(3)] == [50, 81, 20]
        for index, one in enumerate(given):
            expected = np.log10(np.maximum(powers(one).numpy()[: len(kept[index])], 1e-10))
            assert kept[index].dtype == np.float32
            np.testing.assert_allclose(np.log10(kept[index]), expected, atol=0.005)  # float16 of at most 10
