"""Tiny seeded networks in the files in which the published ones come, served by the test hub.

Ids, slots and layouts are those of the published models; only addresses, hashes and sizes are the tiny ones'.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import (
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapTextConfig,
    PeAudioConfig,
    PeAudioFeatureExtractor,
    PeAudioModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from whisper.model import ModelDimensions, Whisper

from demos.published.model import HubFiles, Part, PublishedModel, WebFile
from demos.published.models import PUBLISHED
from tests.hub import TestHub

WORDS = ["<s>", "<pad>", "</s>", "<unk>", "a", "dog", "barks", "rain", "bell"]
BY_ID = {model.id: model for model in PUBLISHED}
_WHISPER = ModelDimensions(  # as many heads as “tiny”, by whose name its alignment heads are found
    n_mels=80,
    n_audio_ctx=1500,
    n_audio_state=24,
    n_audio_head=6,
    n_audio_layer=2,
    n_vocab=51_865,
    n_text_ctx=24,
    n_text_state=24,
    n_text_head=6,
    n_text_layer=4,
)


def tiny_models(hub: TestHub, folder: Path) -> tuple[PublishedModel, ...]:
    """One tiny model for each of three slots, and two for CLAP's, whose files `hub` serves."""
    return (
        tiny_laion(hub, folder / "laion"),
        tiny_pe_audio(hub, folder / "pe"),
        tiny_whisper(hub),
        tiny_wav2vec2(hub, folder / "wav2vec2"),
    )


def tiny_whisper(hub: TestHub) -> PublishedModel:
    """A Whisper in openai-whisper's file."""
    torch.manual_seed(3)
    network = Whisper(_WHISPER)
    nn.init.normal_(network.decoder.positional_embedding)
    halves = {name: value.half() for name, value in network.state_dict().items()}
    written = io.BytesIO()
    torch.save({"dims": asdict(_WHISPER), "model_state_dict": halves}, written)
    content = written.getvalue()
    hub.web["/whisper/tiny.pt"] = content
    source = WebFile(f"{hub.address}/whisper/tiny.pt", hashlib.sha256(content).hexdigest(), len(content))
    return replace(BY_ID["whisper-tiny"], sources=(source,))


def tiny_laion(hub: TestHub, folder: Path) -> PublishedModel:
    """A CLAP of LAION's in a repository of the Hub."""
    write_laion(folder, fused=False)
    return _of_the_hub(hub, "clap-htsat-unfused", folder)


def write_laion(folder: Path, fused: bool) -> Path:
    """The files of a tiny CLAP of LAION's with random weights, its tokenizer laid out like RoBERTa's."""
    torch.manual_seed(0)
    text = ClapTextConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=42,
        projection_dim=24,
    )
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=16,
        hidden_size=128,
        depths=[2, 2, 2, 2],
        num_attention_heads=[2, 2, 4, 4],
        projection_dim=24,
        enable_fusion=fused,
    )
    ClapModel(ClapConfig(text_config=text, audio_config=audio, projection_dim=24)).save_pretrained(folder)
    ClapFeatureExtractor(truncation="fusion" if fused else "rand_trunc").save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def tiny_pe_audio(hub: TestHub, folder: Path) -> PublishedModel:
    """A PE-AV in a repository of the Hub."""
    write_pe_audio(folder)
    return _of_the_hub(hub, "pe-audio", folder)


def write_pe_audio(folder: Path) -> PeAudioModel:
    """The files of a tiny PE-AV with random weights, and the model itself."""
    torch.manual_seed(5)
    text = {
        "model_type": "modernbert",
        "vocab_size": len(WORDS),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "cls_token_id": 0,
        "sep_token_id": 2,
    }
    codec = {
        "downsampling_ratios": [2, 8, 10, 12],
        "encoder_hidden_size": 4,
        "codebook_dim": 8,
        "hidden_size": 64,
    }
    audio = {
        "dac_config": codec,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "head_dim": 16,
    }
    model = PeAudioModel(PeAudioConfig(text_config=text, audio_config=audio)).eval()
    nn.init.constant_(model.text_audio_logit_scale, 10.0)
    model.save_pretrained(folder)
    PeAudioFeatureExtractor().save_pretrained(folder)
    write_tokenizer(folder)
    return model


def tiny_wav2vec2(hub: TestHub, folder: Path) -> PublishedModel:
    """A wav2vec 2.0 in a repository of the Hub."""
    torch.manual_seed(6)
    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    rules = {"sampling_rate": 16_000, "do_normalize": True, "feature_size": 1, "padding_value": 0.0}
    (folder / "preprocessor_config.json").write_text(json.dumps(rules))
    return _of_the_hub(hub, "wav2vec2", folder)


def write_tokenizer(folder: Path) -> None:
    """A tokenizer of whole words that begins and ends a text as RoBERTa's and ModernBERT's do."""
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


def _of_the_hub(hub: TestHub, id_: str, folder: Path) -> PublishedModel:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (source,) = BY_ID[id_].sources
    assert isinstance(source, HubFiles)
    hub.put(source.repo, files)
    size = sum(map(len, files.values()))
    return replace(BY_ID[id_], sources=(replace(source, about_bytes=size),), parts=(Part(id_, size // 4),))
