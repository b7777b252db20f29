"""Whisper: files of both makers, decoding by openai-whisper's rules, word times, silence, long sounds."""

import itertools
import json
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from whisper.audio import log_mel_spectrogram, pad_or_trim
from whisper.decoding import DecodingOptions
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import get_tokenizer

from demos.checkpoint_reader import CheckpointError
from demos.whisper.checkpoint import read_encoder, read_whisper
from demos.whisper.encoding import encoder_hidden
from demos.whisper.transcription import Transcript, Transcription, window_starts
from demos.whisper.word_times import align, time_warp
from tests.seeded import read_layout, seeded_state_dict, seeded_waveform

FIXTURES = Path(__file__).parent.parent / "fixtures" / "salmonn"


def babbling(multilingual: bool = False) -> Whisper:
    """A small network with openai-whisper's vocabulary that writes 20 different, meaningless tokens."""
    torch.manual_seed(0)
    vocabulary = 51_865 if multilingual else 51_864
    model = Whisper(ModelDimensions(80, 1500, 32, 2, 2, vocabulary, 40, 32, 2, 2)).eval()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            if parameter.dim() > 1:
                parameter.mul_(3.0)
        model.decoder.positional_embedding.normal_(std=5.0)
        model.decoder.token_embedding.weight.normal_(std=0.5)
    return model


@pytest.fixture(scope="module")
def model() -> Whisper:
    return babbling()


@pytest.fixture(scope="module")
def transcription(model: Whisper) -> Transcription:
    return Transcription(model)


@pytest.fixture(scope="module")
def waveform() -> np.ndarray:
    return seeded_waveform(3.0, 16_000, seed=1)


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    weights = seeded_state_dict(read_layout(FIXTURES / "layout_tiny_whisper.json"))
    tensors = {name: torch.from_numpy(weight) for name, weight in weights.items()}
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((FIXTURES / "config_tiny.json").read_text())["whisper"]
    (folder / "config.json").write_text(json.dumps(config))
    return folder / "model.safetensors"


def test_hugging_face_names_reach_their_places(hugging_face: Path) -> None:
    """The same file through transformers' own Whisper gives the same hidden states and logits."""
    from safetensors.torch import load_file
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    theirs = WhisperForConditionalGeneration(
        WhisperConfig.from_json_file(hugging_face.parent / "config.json")
    )
    theirs.model.load_state_dict(
        {name.removeprefix("model."): tensor for name, tensor in load_file(hugging_face).items()}
    )
    theirs.eval()
    ours = read_whisper(hugging_face)
    mel = log_mel_spectrogram(pad_or_trim(torch.from_numpy(seeded_waveform(5.0, 16_000, seed=2))))[None]
    tokens = torch.tensor([[3, 17, 40, 9]])
    with torch.no_grad():
        hidden = ours.encoder(mel)
        output = theirs(input_features=mel, decoder_input_ids=tokens)
        assert float((hidden - output.encoder_last_hidden_state).abs().max()) < 1e-4
        assert float((ours.decoder(tokens, hidden) - output.logits).abs().max()) < 1e-4


def test_openai_files_are_read_in_half_precision_and_cast(hugging_face: Path, tmp_path: Path) -> None:
    model = read_whisper(hugging_face)
    state = {name: tensor.half() for name, tensor in model.state_dict().items()}
    torch.save({"dims": asdict(model.dims), "model_state_dict": state}, tmp_path / "whisper.pt")
    again = read_whisper(tmp_path / "whisper.pt")
    assert again.dims == model.dims
    for name, tensor in again.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, state[name].float())
    encoder = read_encoder(tmp_path / "whisper.pt")
    assert all(
        torch.equal(tensor, again.encoder.state_dict()[name]) for name, tensor in encoder.state_dict().items()
    )


def test_a_file_without_a_tensor_is_refused(hugging_face: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    tensors = load_file(hugging_face)
    del tensors["model.encoder.layers.1.fc2.bias"]
    save_file(tensors, tmp_path / "holed.safetensors")
    with pytest.raises(CheckpointError, match=r"missing: encoder\.blocks\.1\.mlp\.2\.bias"):
        read_encoder(tmp_path / "holed.safetensors", heads=4)
    save_file({"model.nothing": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="no Whisper model"):
        read_whisper(tmp_path / "other.safetensors")


def test_a_published_name_chooses_the_heads_that_follow_time(hugging_face: Path) -> None:
    with pytest.raises(CheckpointError, match="no published Whisper model “gigantic”"):
        read_whisper(hugging_face, alignment="gigantic")


def test_decoding_is_openai_whispers(
    model: Whisper, transcription: Transcription, waveform: np.ndarray
) -> None:
    hidden = encoder_hidden(model, waveform).hidden
    transcript = transcription.transcribe(waveform)
    special = [-1, *range(50_257, model.dims.n_vocab)]
    theirs = model.decode(
        hidden[0],
        DecodingOptions("transcribe", "en", without_timestamps=True, fp16=False, suppress_tokens=special),
    )
    assert transcript.text == theirs.text
    assert len(transcript.tokens) == len(theirs.tokens) == 20
    assert transcript.windows[0].no_speech_probability == pytest.approx(theirs.no_speech_prob, rel=1e-3)
    assert transcript.windows[0].mean_log_probability <= theirs.avg_logprob


def test_the_text_grows_and_words_come_with_the_end(
    transcription: Transcription, waveform: np.ndarray
) -> None:
    parts = list(transcription.stream(waveform))
    assert len(parts) == 21
    assert all(part.ended == "" and not part.words for part in parts[:-1])
    assert all(later.text.startswith(part.text) for part, later in itertools.pairwise(parts))
    final = parts[-1]
    assert final.ended == "length"
    assert "".join(token.text for token in final.tokens) == final.text
    assert "".join(word.text for word in final.words) == final.text.replace(" ", "")
    assert all(0 <= word.start <= word.stop <= 3.0 for word in final.words)
    assert final.prompt == "<|startoftranscript|><|notimestamps|>"


@pytest.mark.full  # the original compiles itself for some seconds
@pytest.mark.parametrize("frames", [150, 1500])
def test_word_times_are_openai_whispers(model: Whisper, waveform: np.ndarray, frames: int) -> None:
    from whisper.timing import find_alignment

    tokenizer = get_tokenizer(multilingual=False)
    ids = tokenizer.encode(" The quick brown fox, it jumped over the lazy dog.")
    mel = log_mel_spectrogram(pad_or_trim(torch.from_numpy(waveform)))
    theirs = find_alignment(model, tokenizer, ids, mel, 2 * frames)
    ours = align(model, tokenizer, ids, encoder_hidden(model, waveform).hidden[0], frames)
    assert [(word.word, word.start, word.end) for word in ours] == [
        (word.word, float(word.start), float(word.end)) for word in theirs
    ]
    assert [word.probability for word in ours] == pytest.approx(
        [word.probability for word in theirs], abs=1e-5
    )


def test_the_cheapest_path_is_found() -> None:
    def cheapest(cost: np.ndarray) -> float:
        if cost.shape == (1, 1):
            return float(cost[0, 0])
        before = [cost[:-1, :-1], cost[:-1], cost[:, :-1]]
        return float(cost[-1, -1]) + min(cheapest(rest) for rest in before if rest.size)

    cost = np.random.default_rng(0).random((4, 6))
    rows, columns = time_warp(cost)
    assert (rows[0], columns[0], rows[-1], columns[-1]) == (0, 0, 3, 5)
    assert cost[rows, columns].sum() == pytest.approx(cheapest(cost), abs=1e-5)


def test_known_encoder_output_is_used(
    model: Whisper, waveform: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcription = Transcription(model)
    wanted = transcription.transcribe(waveform)
    hidden = encoder_hidden(model, waveform).hidden

    def never(*_: Tensor) -> Tensor:
        raise AssertionError("the encoder ran again")

    monkeypatch.setattr(model.encoder, "forward", never)
    assert transcription.transcribe(waveform, encoder_hidden=hidden) == wanted


def test_states_of_all_layers_end_in_the_hidden_state(model: Whisper, waveform: np.ndarray) -> None:
    collected = encoder_hidden(model, waveform, collect=True)
    assert len(collected.layers) == model.dims.n_audio_layer + 1
    assert collected.hidden.shape == (1, 1500, 32)
    assert torch.allclose(collected.hidden, encoder_hidden(model.encoder, waveform).hidden, atol=1e-5)


def test_a_long_sound_is_heard_in_windows(transcription: Transcription) -> None:
    transcript = transcription.transcribe(seeded_waveform(40.0, 16_000, seed=1))
    assert [(window.start, window.stop) for window in transcript.windows] == [(0.0, 30.0), (30.0, 40.0)]
    assert "".join(token.text for token in transcript.tokens) == transcript.text
    assert len(transcript.tokens) == 40
    assert transcript.words[-1].stop <= 40.0
    assert transcript.words[-1].start >= 30.0


def test_a_rest_too_short_to_hear_makes_no_window() -> None:
    assert list(window_starts(100)) == [0]
    assert list(window_starts(480_000)) == [0]
    assert list(window_starts(480_000 + 1_599)) == [0]
    assert list(window_starts(480_000 + 1_600)) == [0, 480_000]


def test_silence_has_no_transcript(waveform: np.ndarray) -> None:
    """A network that is sure that nobody speaks and wants to end at once leaves the page empty.

    openai-whisper's rules forbid the end as the first token; the words that come instead are not shown.
    """
    model = babbling()
    transcription = Transcription(model)
    decoder, tokenizer = model.decoder, get_tokenizer(multilingual=False)
    assert transcription.transcribe(waveform).text
    with torch.no_grad():
        states: list[Tensor] = []
        handle = decoder.ln.register_forward_hook(lambda _, __, output: states.append(output))
        prompt = torch.tensor([[tokenizer.sot, tokenizer.no_timestamps]])
        decoder(prompt, encoder_hidden(model, waveform).hidden)
        handle.remove()
        decoder.token_embedding.weight[tokenizer.no_speech] = 2.0 * states[0][0, 0]
        decoder.token_embedding.weight[tokenizer.eot] = 4.0 * states[0][0, 1]
    parts = list(transcription.stream(waveform))
    assert len(parts) == 1
    assert (parts[0].text, parts[0].tokens, parts[0].words, parts[0].ended) == ("", (), (), "end")
    assert parts[0].windows[0].silent


def test_cancelling_keeps_what_was_heard(transcription: Transcription) -> None:
    asked = 0

    def during_the_second_window() -> bool:
        nonlocal asked
        asked += 1
        return asked > 25

    sound = seeded_waveform(40.0, 16_000, seed=1)
    transcript = transcription.transcribe(sound, cancelled=during_the_second_window)
    assert transcript.ended == "cancelled"
    assert 20 < len(transcript.tokens) < 40
    assert transcription.transcribe(sound, cancelled=lambda: True).ended == "cancelled"


def test_a_multilingual_model_finds_the_language(waveform: np.ndarray) -> None:
    model = babbling(multilingual=True)
    transcription = Transcription(model)
    _, spoken = model.detect_language(encoder_hidden(model, waveform).hidden[0])
    found = transcription.transcribe(waveform, language=None)
    assert found.language == max(spoken, key=lambda code: spoken[code])
    german = transcription.transcribe(waveform, language="de")
    assert german.prompt == "<|startoftranscript|><|de|><|transcribe|><|notimestamps|>"


def test_two_people_transcribe_at_the_same_time(transcription: Transcription, waveform: np.ndarray) -> None:
    sounds = [waveform, seeded_waveform(2.0, 16_000, seed=5)[::-1].copy()]
    wanted = [transcription.transcribe(sound) for sound in sounds]
    found: list[list[Transcript]] = [[], []]

    def transcribe(number: int) -> None:
        for _ in range(3):
            found[number].append(transcription.transcribe(sounds[number]))

    threads = [threading.Thread(target=transcribe, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for transcript, heard in zip(wanted, found, strict=True):
        assert len(heard) == 3
        for same in heard:
            assert same.text == transcript.text
            assert [(w.text, w.start, w.stop) for w in same.words] == [
                (w.text, w.start, w.stop) for w in transcript.words
            ]
            # How a sum is shared out among torch's threads may differ, and with it the last digits.
            first, again = (
                np.array([token.probability for token in each.tokens], float) for each in (transcript, same)
            )
            np.testing.assert_allclose(again, first, rtol=1e-5)


def test_bad_input_is_refused_in_one_sentence(transcription: Transcription, hugging_face: Path) -> None:
    with pytest.raises(ValueError, match="no samples"):
        transcription.transcribe(np.zeros(0, np.float32))
    with pytest.raises(ValueError, match="vocabulary"):
        Transcription(read_whisper(hugging_face))
