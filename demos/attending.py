"""The pass by which an encoder's attention is measured: apart from hearing, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable

from demos.catalog import Model
from demos.layers.profile import AttentionProfile, attention_profile
from demos.loading import Networks
from demos.sound import Samples


def attend(
    networks: Networks, part: str, model: Model, samples: Samples, check: Callable[[], None]
) -> AttentionProfile:
    """The attention entropy of an encoder's layers over a sound [samples] at the model's rate.

    `check` is called between steps, and what it raises ends the work.
    """
    if part == "htsat":
        return _by_htsat(networks, model, samples, check)
    seconds = len(samples) / model.rate
    if part == "beats":
        return _by_beats(networks, model, samples, seconds)
    if part == "transformers":
        return _by_transformers(networks, model, samples, seconds)
    return _by_whisper(networks, model, samples, seconds)


def _by_whisper(networks: Networks, model: Model, samples: Samples, seconds: float) -> AttentionProfile:
    from demos.layers.attention import whisper_entropies
    from demos.whisper.encoding import SECONDS_PER_FRAME, encoder_hidden

    encoder = networks.whisper_encoder(model)
    heard = encoder_hidden(encoder, samples.copy(), collect=True)
    found = whisper_entropies(encoder, heard.layers)
    return attention_profile([found], [0.0], found[0].values.shape[1] * SECONDS_PER_FRAME, seconds)


def _by_beats(networks: Networks, model: Model, samples: Samples, seconds: float) -> AttentionProfile:
    import numpy as np
    import torch

    from demos.layers.attention import beats_entropies
    from demos.networks.kaldi_fbank import HOP_SAMPLES
    from demos.salmonn.answering import heard_window

    beats = networks.beats(model)
    padded = torch.from_numpy(np.asarray(heard_window(samples), dtype=np.float64))[None]
    with torch.no_grad():
        _, _, states = beats.hidden_states(padded.to(networks.placement.device))
    found = beats_entropies(beats, states)
    moments = found[0].values.shape[1]
    window = moments * beats.config.input_patch_size * HOP_SAMPLES / model.rate
    return attention_profile([found], [0.0], window, min(seconds, window))


def _by_transformers(networks: Networks, model: Model, samples: Samples, seconds: float) -> AttentionProfile:
    from demos.layers.attention import speech_entropies

    encoder = networks.speech_encoder(model)
    found = speech_entropies(encoder, samples)
    window = found[0].values.shape[1] * encoder.stride / model.rate
    return attention_profile([found], [0.0], window, min(seconds, window))


def _by_htsat(
    networks: Networks, model: Model, samples: Samples, check: Callable[[], None]
) -> AttentionProfile:
    import torch

    from demos.layers.attention import htsat_entropies
    from demos.windows import BATCH, cut, windows

    htsat = networks.htsat(model)
    length, rate = htsat.config.clip_samples, htsat.config.sample_rate
    batches = []
    with torch.no_grad():
        for batch in torch.from_numpy(cut(samples, length)).split(BATCH):
            check()
            output = htsat(batch.to(networks.placement.device), collect=True)
            batches.append(htsat_entropies(htsat, output))
    starts = [window.start / rate for window in windows(len(samples), length)]
    return attention_profile(batches, starts, length / rate, len(samples) / rate)
