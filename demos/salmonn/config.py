"""What a SALMONN model is made of: sizes, LoRA, windows and the prompt around the sound."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demos.networks.beats import BeatsConfig
from demos.networks.qformer import QFormerConfig

FRAMES_PER_30_SECONDS = 1500
SPEECH_PLACEHOLDER = "<SpeechHere>"
END_OF_TURN = "</s>"  # how the end token is written in a rendered prompt


@dataclass(frozen=True)
class LoraConfig:
    """Rank, strength and place of the adapters; the trained scaling is `lora_alpha / r`."""

    r: int = 8
    lora_alpha: float = 32
    lora_dropout: float = 0.1  # in training only
    target_modules: tuple[str, ...] = ("q_proj", "v_proj")


@dataclass(frozen=True)
class SalmonnConfig:
    """Sizes and prompt of a SALMONN model; the defaults of everything but sizes are the published ones.

    `speech_width` is the width of the Whisper encoder whose hidden states are given to the network.
    `llama` holds the fields of transformers' `LlamaConfig`.
    """

    speech_width: int
    beats: BeatsConfig
    qformer: QFormerConfig
    llama: Mapping[str, Any]
    lora: LoraConfig = field(default_factory=LoraConfig)
    second_per_window: float = 0.333333
    second_stride: float = 0.333333
    prompt_template: str = "USER: {}\nASSISTANT:"
    audio_placeholder: str = f"<Speech>{SPEECH_PLACEHOLDER}</Speech> "

    def __post_init__(self) -> None:
        fused = self.speech_width + self.beats.encoder_embed_dim
        if self.qformer.encoder_width != fused:
            raise ValueError(
                f"The Q-Former attends to {self.qformer.encoder_width} channels, but the two encoders give "
                f"{self.speech_width} + {self.beats.encoder_embed_dim} = {fused}."
            )
        if self.prompt_template.count("{}") != 1 or self.audio_placeholder.count(SPEECH_PLACEHOLDER) != 1:
            raise ValueError(
                f"The prompt template must hold {{}} once and the placeholder {SPEECH_PLACEHOLDER} once."
            )

    @property
    def window_frames(self) -> int:
        """Encoder frames (20 ms each) that one Q-Former window covers: 17 as published."""
        return round(FRAMES_PER_30_SECONDS * self.second_per_window / 30.0)

    @property
    def window_stride(self) -> int:
        """Frames from one window's start to the next."""
        return round(FRAMES_PER_30_SECONDS * self.second_stride / 30.0)

    @property
    def hidden_size(self) -> int:
        """Width of the language model's embeddings."""
        return int(self.llama["hidden_size"])

    @property
    def trained_scaling(self) -> float:
        """The LoRA scaling that the adapters were trained with: 4 as published."""
        return self.lora.lora_alpha / self.lora.r

    def prompt_pieces(self, instruction: str) -> tuple[str, str]:
        """The text before and after the audio tokens for an instruction; braces in it are left alone."""
        opening, closing = self.prompt_template.split("{}")
        before, after = self.audio_placeholder.split(SPEECH_PLACEHOLDER)
        return opening + before, after + instruction + closing

    def conversation_pieces(
        self, instruction: str, turns: Sequence[tuple[str, str]] = ()
    ) -> tuple[str, list[str]]:
        """The text before the audio tokens, and the pieces behind them: after each but the last a turn ends.

        Earlier `turns`, (question, answer), stand as in the conversations that the published language model
        learned from (Vicuna v1.1): the end token after each answer, the next question right behind it. The
        sound stands in the first turn alone.
        """
        opening, closing = self.prompt_template.split("{}")
        questions = [*(question for question, _ in turns), instruction]
        before, first = self.prompt_pieces(questions[0])
        pieces = [first, *(opening + question + closing for question in questions[1:])]
        for number, (_, answer) in enumerate(turns):
            pieces[number] += f" {answer}"
        return before, pieces

    def rendered(self, instruction: str, turns: Sequence[tuple[str, str]] = ()) -> str:
        """The whole prompt as text, the placeholder standing for the sound."""
        before, pieces = self.conversation_pieces(instruction, turns)
        return before + SPEECH_PLACEHOLDER + END_OF_TURN.join(pieces)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SalmonnConfig:
        """The configuration in a dictionary with the parts `whisper`, `beats`, `qformer`, `llama`,
        and optionally `lora`, `window`, `prompt_template` and `audio_placeholder`.

        Raises ValueError when a part is missing or the widths do not fit together.
        """
        if missing := [part for part in ("whisper", "beats", "qformer", "llama") if part not in values]:
            raise ValueError(f"The SALMONN configuration lacks {', '.join(missing)}.")
        whisper = values["whisper"]
        lora = values.get("lora", {})
        window = values.get("window", {})
        optional = {key: values[key] for key in ("prompt_template", "audio_placeholder") if key in values}
        optional |= {key: window[key] for key in ("second_per_window", "second_stride") if key in window}
        return cls(
            speech_width=int(whisper["d_model"] if "d_model" in whisper else whisper["n_audio_state"]),
            beats=BeatsConfig.from_dict(values["beats"]),
            qformer=QFormerConfig.from_dict(values["qformer"]),
            llama=dict(values["llama"]),
            lora=LoraConfig(
                r=int(lora.get("r", LoraConfig.r)),
                lora_alpha=float(lora.get("lora_alpha", LoraConfig.lora_alpha)),
                lora_dropout=float(lora.get("lora_dropout", LoraConfig.lora_dropout)),
                target_modules=tuple(lora.get("target_modules", LoraConfig.target_modules)),
            ),
            **optional,
        )

    @classmethod
    def from_json(cls, path: str | Path) -> SalmonnConfig:
        """As `from_dict`, from a JSON file."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))

    def to_dict(self) -> dict[str, Any]:
        """The form that `from_dict` reads."""
        return {
            "whisper": {"d_model": self.speech_width},
            "beats": self.beats.to_dict(),
            "qformer": vars(self.qformer).copy(),
            "llama": dict(self.llama),
            "lora": {**vars(self.lora), "target_modules": list(self.lora.target_modules)},
            "window": {"second_per_window": self.second_per_window, "second_stride": self.second_stride},
            "prompt_template": self.prompt_template,
            "audio_placeholder": self.audio_placeholder,
        }
