"""The shared ears: each encoder hears each view once, whoever asks, and its layers are measured on the way.

Whisper's encoder serves transcript, answer and heatmap; HTSAT serves retrieval, caption and heatmap; BEATs
serves answer and heatmap. What is kept of a pass is the last layer's output and the measures of all layers,
never all hidden states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demos.attending import attend
from demos.cache import OnceCache
from demos.catalog import Model
from demos.layers.profile import AttentionProfile, Profile
from demos.loading import Networks
from demos.sound import Samples, Sound
from demos.views import Views
from store.records import View

if TYPE_CHECKING:
    from torch import Tensor

    from demos.networks.htsat import Htsat, HtsatOutput

CAPACITY = 512 * 2**20  # bytes of outputs and measures that are kept
LATENT_CAPACITY = 16 * 2**20  # bytes of what CLAPs heard by other encoders than ours
ATTENTION_CAPACITY = 16 * 2**20  # bytes of attention entropies
PARTS = ("whisper", "beats", "htsat", "transformers")  # of a model's files that are an encoder
STRETCH_SECONDS = 0.5  # over which an effective rank is taken

Check = Callable[[], None]  # raises when the person cancelled


@dataclass(frozen=True)
class Encoding:
    """What an encoder made of a view.

    `output` is [1, 1500, width] of Whisper's encoder (padded to 30 s), [1, tokens, width] of BEATs,
    [1, steps, width] of the self-supervised ones, and the latent [windows, width] of HTSAT.
    """

    output: Tensor
    profile: Profile

    @property
    def nbytes(self) -> int:
        """Memory of it all."""
        return self.output.numel() * self.output.element_size() + self.profile.nbytes


class Encoders:
    """Encodes views; one instance serves many threads."""

    def __init__(self, networks: Networks, views: Views, capacity: int = CAPACITY) -> None:
        self._networks = networks
        self._views = views
        self._cache: OnceCache[Encoding] = OnceCache(capacity, lambda encoding: encoding.nbytes)
        self._attention: OnceCache[AttentionProfile] = OnceCache(ATTENTION_CAPACITY, lambda one: one.nbytes)
        self._latents: OnceCache[Tensor] = OnceCache(LATENT_CAPACITY, lambda one: one.nbytes)

    def encode(self, part: str, model: Model, sound: Sound, view: View, check: Check) -> Encoding:
        """What `part` (one of PARTS) of a model hears in a view; made once for each file.

        `check` is called between steps, and what it raises ends the work. All but HTSAT take at most 30 s.
        Raises ValueError when the weights do not fit or are missing.
        """

        def make() -> Encoding:
            samples = self._views.samples(sound, view)
            if part == "htsat":
                return _hear_by_htsat(self._networks.htsat(model), samples, self._networks, check)
            if part == "beats":
                return _hear_by_beats(self._networks, model, samples)
            if part == "transformers":
                return _hear_by_transformers(self._networks, model, samples)
            return _hear_by_whisper(self._networks, model, samples)

        waiting = self._networks.placement.turns.lent
        return self._cache.get(view.clip_id, (part, model.files[part], view), make, check, waiting)

    def attend(self, part: str, model: Model, sound: Sound, view: View, check: Check) -> AttentionProfile:
        """How widely the layers of an encoder attend, by a pass of its own; made once, when it is asked for.

        As `encode`.
        """

        def make() -> AttentionProfile:
            return attend(self._networks, part, model, self._views.samples(sound, view), check)

        waiting = self._networks.placement.turns.lent
        return self._attention.get(view.clip_id, (part, model.files[part], view), make, check, waiting)

    def latent(self, model: Model, sound: Sound, view: View, check: Check) -> Tensor:
        """What a CLAP hears in each window of a view, before its projection: [windows, D]; made once.

        By HTSAT where the model has one that others can share, else by the encoder within it. As `encode`.
        """
        if "htsat" in model.files:
            return self.encode("htsat", model, sound, view, check).output

        def make() -> Tensor:
            check()
            return self._networks.retrieval(model).latent(self._views.samples(sound, view))

        waiting = self._networks.placement.turns.lent
        return self._latents.get(view.clip_id, (model.id, view), make, check, waiting)

    def forget(self, clip_id: str) -> None:
        """Drop what was heard of a clip."""
        self._cache.forget(clip_id)
        self._latents.forget(clip_id)
        self._attention.forget(clip_id)


def _hear_by_whisper(networks: Networks, model: Model, samples: Samples) -> Encoding:
    from demos.layers.measures import LayerStates, measure
    from demos.layers.profile import one_window
    from demos.whisper.encoding import SECONDS_PER_FRAME, encoder_hidden

    heard = encoder_hidden(
        networks.whisper_encoder(model), samples.copy(), collect=True
    )  # torch wants it writable
    layers = [LayerStates(_layer_name(depth), states) for depth, states in enumerate(heard.layers)]
    measured = measure(layers, round(STRETCH_SECONDS / SECONDS_PER_FRAME))
    return Encoding(heard.hidden, one_window(measured, SECONDS_PER_FRAME, len(samples) / model.rate))


def _hear_by_beats(networks: Networks, model: Model, samples: Samples) -> Encoding:
    import numpy as np
    import torch

    from demos.layers.measures import LayerStates, measure
    from demos.layers.profile import one_window
    from demos.networks.kaldi_fbank import HOP_SAMPLES
    from demos.salmonn.answering import heard_window

    beats = networks.beats(model)
    # The filter bank is computed in float64, as published.
    padded = torch.from_numpy(np.asarray(heard_window(samples), dtype=np.float64))[None]
    with torch.no_grad():
        tokens, _, states = beats.hidden_states(padded.to(networks.placement.device))
    # 8 frequency patches share a moment: [batch, moments · 8, width] → [batch, moments, 8 · width]
    patches = beats.config.frequency_patches
    layers = [
        LayerStates(_layer_name(depth), layer.unflatten(1, (-1, patches)).flatten(2))
        for depth, layer in enumerate(states)
    ]
    seconds_per_column = beats.config.input_patch_size * HOP_SAMPLES / model.rate
    measured = measure(layers, round(STRETCH_SECONDS / seconds_per_column))
    return Encoding(tokens, one_window(measured, seconds_per_column, len(samples) / model.rate))


def _hear_by_transformers(networks: Networks, model: Model, samples: Samples) -> Encoding:
    from demos.layers.measures import LayerStates, measure
    from demos.layers.profile import one_window

    encoder = networks.speech_encoder(model)
    states = encoder.states(samples)
    layers = [LayerStates(_layer_name(depth), layer) for depth, layer in enumerate(states)]
    seconds_per_column = encoder.stride / model.rate
    measured = measure(layers, round(STRETCH_SECONDS / seconds_per_column))
    return Encoding(states[-1], one_window(measured, seconds_per_column, len(samples) / model.rate))


def _hear_by_htsat(htsat: Htsat, samples: Samples, networks: Networks, check: Check) -> Encoding:
    import torch

    from demos.layers.measures import LayerStates, measure
    from demos.layers.profile import many_windows
    from demos.windows import BATCH, cut, windows

    def layers_of(output: HtsatOutput) -> list[LayerStates]:
        # without the last stage's end, which merges nothing, and the last norm, which is no layer
        last = f"layers.{htsat.config.stages - 1}"
        return [
            LayerStates(_htsat_name(place.name), _over_time(htsat, place.values, place.grid))
            for place in output.hidden
            if place.name not in (last, "norm")
        ]

    length = htsat.config.clip_samples
    latents, measures = [], []
    with torch.no_grad():
        for batch in torch.from_numpy(cut(samples, length)).split(BATCH):
            check()
            output = htsat(batch.to(networks.placement.device), collect=True)
            latents.append(output.latent)
            measures.append(measure(layers_of(output)))
    rate = htsat.config.sample_rate
    starts = [window.start / rate for window in windows(len(samples), length)]
    profile = many_windows(measures, starts, length / rate, len(samples) / rate)
    return Encoding(torch.cat(latents), profile)


def _over_time(htsat: Htsat, values: Tensor, grid: tuple[int, int]) -> Tensor:
    """Tokens in time order with all frequencies of a moment side by side.

    [batch, rows · columns, C] → [batch, chunks · columns, rows of a chunk · C]
    """
    rows, columns = grid
    chunks = htsat.config.chunks
    unfolded = values.unflatten(1, (chunks, rows // chunks, columns))
    return unfolded.transpose(2, 3).flatten(3).flatten(1, 2)


def _layer_name(depth: int) -> str:
    return f"layer {depth}" if depth else "input"


def _htsat_name(name: str) -> str:
    """“layers.1.blocks.0” is shown as “stage 2 block 1”."""
    parts = name.split(".")
    if parts[0] != "layers":
        return "patches"
    stage = int(parts[1]) + 1
    return f"stage {stage} block {int(parts[3]) + 1}" if len(parts) == 4 else f"merged {stage}→{stage + 1}"
