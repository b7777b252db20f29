"""In which setting an answer was given: what two answers that are compared differ in."""

from __future__ import annotations

from dataclasses import dataclass

from store.records import Observation
from store.votes import Standing


@dataclass(frozen=True)
class Setting:
    """A model and how it was set."""

    model: str
    lora_scaling: float | None  # None: the model has none
    beams: int
    over_silence: bool

    @property
    def words(self) -> str:
        """Such as “mini-salmonn · LoRA 2 · greedy · over silence”."""
        lora = [] if self.lora_scaling is None else [f"LoRA {self.lora_scaling:g}"]
        decoding = "greedy" if self.beams == 1 else f"{self.beams} beams"
        silence = ["over silence"] if self.over_silence else []
        return " · ".join([self.model, *lora, decoding, *silence])


def setting_of(said: Observation | Standing) -> Setting:
    """The setting of an answer, or of a line of the table of votes."""
    if isinstance(said, Standing):
        return Setting(said.model, said.lora_scaling, said.beams, said.over_silence)
    beams, silent = said.settings.get("beams", 1), said.settings.get("over_silence", False)
    return Setting(said.model_id, said.lora_scaling, int(beams), bool(silent))
