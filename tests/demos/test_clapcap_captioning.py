"""What one relies on when clapcap speaks: the published words, which grow as Pengi's do."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from demos.pengi.captioner import Caption
from demos.pengi.checkpoint import load_clapcap
from demos.pengi.clapcap_captioning import ClapcapCaptioning
from tests.demos.parity import TOLERANCE, golden, sounds, tiny_file
from tests.demos.tiny_systems import CLAPCAP
from tests.seeded import seeded_waveform

SOUND = seeded_waveform(3.0, CLAPCAP.htsat.sample_rate)


@pytest.fixture
def captioning(tmp_path: Path) -> ClapcapCaptioning:
    """The tiny clapcap whose published words are known; id N is the word `WordN`."""
    words = {f"Word{number}": number for number in range(CLAPCAP.decoder.vocab_size)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="Word0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    network = load_clapcap(tiny_file(tmp_path / "tiny.pth", "msclap/layout_tiny_clapcap"), CLAPCAP)
    return ClapcapCaptioning(network, PreTrainedTokenizerFast(tokenizer_object=tokenizer))


def last(captioning: ClapcapCaptioning, **changes: object) -> Caption:
    return list(captioning.stream(SOUND, **changes))[-1]  # type: ignore[arg-type]


def test_from_the_waveform_to_the_published_words(captioning: ClapcapCaptioning) -> None:
    stored = golden("msclap/golden_tiny_clapcap")
    for row, sound in enumerate(sounds()):
        captioning.stop_id = int(stored["beam3_stop_id"][row])
        *_, caption = captioning.stream(sound, beam_size=3, max_length=12)
        ids = [token for token in stored["beam3_stop_tokens"][row, 0].tolist() if token >= 0]
        assert list(caption.ids) == ids
        assert caption.score == pytest.approx(float(stored["beam3_stop_scores"][row, 0]), abs=TOLERANCE)
        assert caption.stopped == (ids[-1] == captioning.stop_id)
        said = ids[:-1] if caption.stopped else ids
        # the published wrapper's capitalize(), without the token that ended the text
        assert caption.text == " ".join(f"Word{token}" for token in said).capitalize()
        assert "".join(token.text for token in caption.tokens) == caption.text


def test_windows_at_once_say_the_published_words(captioning: ClapcapCaptioning) -> None:
    stored = golden("msclap/golden_tiny_clapcap")
    with torch.inference_mode():
        latents = captioning.htsat(torch.from_numpy(sounds())).latent
    captioning.stop_id = -1
    *_, captions = captioning.stream_windows(latents, beam_size=5, max_length=12)
    assert [list(caption.ids) for caption in captions] == stored["beam5_tokens"][:, 0].tolist()


def test_the_published_settings_are_the_usual_ones(captioning: ClapcapCaptioning) -> None:
    captioning.stop_id = -1
    caption = last(captioning)
    assert (len(caption.ids), len(caption.others)) == (67, 4)


def test_a_caption_grows_and_can_be_stopped(captioning: ClapcapCaptioning) -> None:
    steps = list(captioning.stream(SOUND, beam_size=1, max_length=8))
    assert [step.done for step in steps] == [False] * 8 + [True]
    assert all(longer.text.startswith(shorter.text) for shorter, longer in pairwise(steps))
    answers = iter([False, False, True])
    stopped = last(captioning, beam_size=1, cancelled=lambda: next(answers))
    assert (stopped.ids, stopped.cancelled) == (steps[1].ids, True)


def test_a_prompt_is_refused(captioning: ClapcapCaptioning) -> None:
    latent = captioning.hear(SOUND).latent
    with pytest.raises(ValueError, match="takes no instruction"):
        list(captioning.stream(SOUND, "generate audio caption"))
    with pytest.raises(ValueError, match="takes no instruction"):
        list(captioning.stream_windows(latent, "generate audio caption"))


def test_a_longer_sound_is_to_be_cut_into_windows(captioning: ClapcapCaptioning) -> None:
    long = seeded_waveform(8.0, CLAPCAP.htsat.sample_rate)
    with pytest.raises(ValueError, match="clapcap hears 7 s at a time"):
        list(captioning.stream(long))
    *_, captions = captioning.stream_windows(captioning.hear(long).latent, max_length=4)
    assert [caption.done for caption in captions] == [True, True]
