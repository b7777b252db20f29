"""What can be brought in, and the one sentence that says why something cannot."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
import soundfile

from demos import decode
from demos.sound import SoundError, from_array, read
from tests.seeded import seeded_waveform

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.float32)


def write_by_ffmpeg(path: Path, codec: str, container: str, samples: np.ndarray = TONE) -> Path:
    """A file as a browser or a phone writes it."""
    with av.open(str(path), "w", format=container) as file:
        stream = cast(av.AudioStream, file.add_stream(codec, rate=48_000 if codec == "libopus" else RATE))
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        fit = av.AudioResampler(stream.format.name, "mono", stream.rate, stream.codec_context.frame_size)
        for part in [*fit.resample(frame), *fit.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    """The same file as an interrupted upload leaves it."""
    content = path.read_bytes()
    shorter = path.with_name("cut_" + path.name)
    shorter.write_bytes(content[: int(len(content) * share)])
    return shorter


def refusal(path: Path) -> str:
    """The sentence with which a file is refused; it holds no line break and no class name."""
    with pytest.raises(SoundError) as caught:
        read(path)
    sentence = str(caught.value)
    assert re.fullmatch(r"[^\n]{20,200}\.", sentence)
    assert "Error" not in sentence
    return sentence


def loudest_frequency(samples: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(samples[:, 0])).argmax() * rate / len(samples))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tone.wav", {}),
        ("tone.flac", {"subtype": "PCM_24"}),
        ("tone.ogg", {}),
        ("tone.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("tone.mp3", {}),
        ("tone.aiff", {}),
    ],
)
def test_common_files_are_heard(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    path = tmp_path / name
    soundfile.write(path, TONE, RATE, **options)
    sound = read(path)
    assert (sound.clip.rate, sound.clip.channels, sound.clip.name) == (RATE, 1, name)
    assert sound.clip.seconds == pytest.approx(2.0, abs=0.1)
    assert loudest_frequency(sound.samples, RATE) == pytest.approx(440, abs=3)


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [
        ("a.m4a", "aac", "ipod"),
        ("a.webm", "libopus", "webm"),
        ("a.aac", "aac", "adts"),
        ("a.mp4", "alac", "mp4"),
    ],
)
def test_what_phones_and_browsers_record_is_heard(
    tmp_path: Path, name: str, codec: str, container: str
) -> None:
    sound = read(write_by_ffmpeg(tmp_path / name, codec, container))
    assert sound.clip.seconds == pytest.approx(2.0, abs=0.15)
    assert loudest_frequency(sound.samples, sound.clip.rate) == pytest.approx(440, abs=3)


def test_a_name_does_not_decide_how_a_file_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "sound.raw", TONE, RATE, format="WAV")
    assert read(tmp_path / "sound.raw").clip.frames == len(TONE)


def test_32_bit_samples_are_rounded_once(tmp_path: Path) -> None:
    wanted = np.array([0, 1, -1, 2**23 - 1, -(2**23)], dtype=np.int64).repeat(RATE)
    soundfile.write(tmp_path / "fine.wav", (wanted << 8).astype(np.int32), RATE, subtype="PCM_32")
    integers = read(tmp_path / "fine.wav").samples[:, 0] * 2**23
    assert np.array_equal(integers, wanted)


def test_arrays_of_every_kind_say_the_same() -> None:
    integers = (TONE * 2**15).astype(np.int16)
    ids = {
        from_array(RATE, integers).clip.id,
        from_array(RATE, integers.astype(np.int32) << 16).clip.id,
        from_array(RATE, integers[:, None].astype(np.float64) / 2**15).clip.id,
    }
    assert len(ids) == 1
    silence = from_array(RATE, np.full(RATE, 128, dtype=np.uint8))
    assert not silence.samples.any()
    with pytest.raises(SoundError, match="Reshape"):
        from_array(RATE, np.zeros((2, RATE, 2), dtype=np.float32))
    with pytest.raises(SoundError, match="Convert"):
        from_array(RATE, np.zeros(RATE, dtype=np.complex64))


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    assert "empty" in refusal(tmp_path / "empty.wav")


@pytest.mark.parametrize("name", ["notes.wav", "notes.m4a", "notes.mp3"])
def test_renamed_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Dear diary, today I heard a dog — or did I?\n" * 50, encoding="utf-8")
    assert "text, not sound" in refusal(tmp_path / name)


def test_other_bytes(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(np.random.default_rng(1).bytes(5_000))
    assert "not a sound" in refusal(tmp_path / "noise.wav")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "no file" in refusal(tmp_path / "nowhere.wav")
    assert "folder" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("t.wav", {}),
        ("t24.wav", {"subtype": "PCM_24"}),
        ("t.flac", {}),
        ("t.aiff", {}),
        ("t.mp3", {}),
        ("t.ogg", {}),
        ("t.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("t.w64", {}),
        ("t.au", {}),
    ],
)
def test_truncated_files(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    noise = seeded_waveform(6.0, RATE, seed=4)
    soundfile.write(tmp_path / name, noise, RATE, **options)
    assert "cut off" in refusal(cut(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("t.m4a", "aac", "ipod"), ("t.webm", "libopus", "webm"), ("t.aac", "aac", "adts")],
)
def test_truncated_phone_recordings(tmp_path: Path, name: str, codec: str, container: str) -> None:
    path = write_by_ffmpeg(tmp_path / name, codec, container, seeded_waveform(6.0, RATE, seed=4))
    assert "cut off" in refusal(cut(path))


def test_a_wav_streamed_without_a_length_is_heard(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "pipe.wav", TONE, RATE)
    content = bytearray((tmp_path / "pipe.wav").read_bytes())
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "pipe.wav").write_bytes(content)
    assert read(tmp_path / "pipe.wav").clip.frames == len(TONE)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    samples = TONE.copy()
    samples[RATE] = value
    soundfile.write(tmp_path / "broken.wav", samples, RATE, subtype="FLOAT")
    assert "1.000 s" in refusal(tmp_path / "broken.wav")


def test_too_short(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "blip.wav", TONE[: RATE // 10 - 1], RATE)
    assert "at least 0.1 s" in refusal(tmp_path / "blip.wav")
    soundfile.write(tmp_path / "short.wav", TONE[: RATE // 10], RATE)
    assert read(tmp_path / "short.wav").clip.seconds == 0.1


def test_ten_hours_are_refused_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "night.wav"
    soundfile.write(path, TONE[:8_000].astype(np.float32), 8_000, subtype="PCM_U8")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    length = 10 * 3_600 * 8_000
    content[at : at + 4] = length.to_bytes(4, "little")
    content[4:8] = (length + 36).to_bytes(4, "little")
    path.write_bytes(content)
    sparse_end = min(decode.MAX_BYTES, at + 4 + length)
    with path.open("r+b") as file:
        file.truncate(sparse_end)
    sentence = refusal(path)
    assert "minutes" in sentence
    assert "10 minutes" in sentence


def test_decoding_stops_where_the_limit_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AAC frames carry no total, so only the decoding itself can notice that there is too much."""
    path = write_by_ffmpeg(tmp_path / "long.aac", "aac", "adts", np.tile(TONE, 10))
    monkeypatch.setattr(decode, "MAX_SECONDS", 3.0)
    taken: list[int] = []
    add = decode.Quantiser.add

    def counting(self: decode.Quantiser, block: np.ndarray) -> None:
        add(self, block)
        taken.append(len(block))

    monkeypatch.setattr(decode.Quantiser, "add", counting)
    assert "longer than" in refusal(path)
    assert sum(taken) <= 3 * RATE


def test_a_small_file_that_unpacks_to_too_many_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MAX_VALUES", 100_000)
    soundfile.write(tmp_path / "wide.flac", np.zeros((20_000, 8)), RATE)
    assert "in all channels" in refusal(tmp_path / "wide.flac")


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(decode.MAX_BYTES + 1)
    assert "at most 120 MB" in refusal(path)


def test_too_many_channels(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nine.wav", np.zeros((RATE, 9)), RATE)
    assert "9 channels" in refusal(tmp_path / "nine.wav")
    soundfile.write(tmp_path / "eight.wav", np.zeros((RATE, 8)), RATE)
    assert read(tmp_path / "eight.wav").clip.channels == 8


@pytest.mark.parametrize("rate", [4_000, 7_999, 192_001, 384_000])
def test_rates_outside_the_limits(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "rate.wav", np.zeros(rate), rate)
    assert f"{rate:,} samples per second" in refusal(tmp_path / "rate.wav")


@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_rates_at_the_limits(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "rate.wav", np.zeros(rate), rate)
    assert read(tmp_path / "rate.wav").clip.rate == rate


def test_a_film_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for _ in range(5):
            file.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24"))
            )
        file.mux(stream.encode(None))
    assert "audio track" in refusal(path)


def test_a_playlist_cannot_make_the_decoder_read_another_file(tmp_path: Path) -> None:
    secret = write_by_ffmpeg(tmp_path / "secret.aac", "aac", "adts")
    playlists = {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
    }
    for name, content in playlists.items():
        (tmp_path / name).write_text(content)
        assert "text, not sound" in refusal(tmp_path / name)
