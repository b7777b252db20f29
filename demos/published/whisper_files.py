"""The files of openai-whisper: the hash of each size, and how many numbers its two halves hold.

Hashes are those in the addresses of openai-whisper's own code; parameters are counted on its classes at the
published sizes.
"""

from __future__ import annotations

from demos.published.model import Part, WebFile

_ADDRESS = "https://openaipublic.azureedge.net/main/whisper/models"
_FILES: dict[str, tuple[str, int, int]] = {  # name: SHA-256, parameters of the encoder, of the decoder
    "large-v3": (
        "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb",
        636_968_960,
        906_521_600,
    ),
    "large-v3-turbo": (
        "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a",
        636_968_960,
        171_909_120,
    ),
    "large-v2": (
        "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524",
        636_784_640,
        906_520_320,
    ),
    "large-v1": (
        "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a",
        636_784_640,
        906_520_320,
    ),
    "medium": ("345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1", 307_216_384, 456_641_536),
    "medium.en": (
        "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f",
        307_216_384,
        456_640_512,
    ),
    "small": ("9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794", 88_154_112, 153_580_800),
    "small.en": ("f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872", 88_154_112, 153_580_032),
    "base": ("ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e", 20_590_592, 52_003_328),
    "base.en": ("25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead", 20_590_592, 52_002_816),
    "tiny": ("65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9", 8_208_384, 29_552_256),
    "tiny.en": ("d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03", 8_208_384, 29_551_872),
}

WHISPER_SIZES = tuple(_FILES)


def whisper_file(name: str) -> WebFile:
    """The file of one size, at openai-whisper's own address; its numbers are in 16 bits."""
    sha256, encoder, decoder = _FILES[name]
    return WebFile(f"{_ADDRESS}/{sha256}/{name}.pt", sha256, 2 * (encoder + decoder))


def whisper_parts(name: str) -> tuple[Part, Part]:
    """Encoder and decoder of one size."""
    _, encoder, decoder = _FILES[name]
    return Part(f"whisper-{name}-encoder", encoder), Part(f"whisper-{name}-decoder", decoder)
