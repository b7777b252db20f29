"""SALMONN's network: two encoders, a window-level Q-Former and a LLaMA with LoRA.

Tang et al., "SALMONN: Towards Generic Hearing Abilities for Large Language Models", ICLR 2024, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from demos.networks.beats import Beats
from demos.networks.lora import add_lora, scaled
from demos.networks.qformer import build_qformer, query_windows, windows
from demos.salmonn.config import SalmonnConfig


class Salmonn(nn.Module):
    """Sound and text in, next-token scores out.

    `speech_encoder` (openai-whisper's `AudioEncoder`) and `beats` are taken as they are, so that other
    systems may share them. `llama` is given where its weights are loaded already; otherwise it is made anew.
    """

    def __init__(
        self,
        config: SalmonnConfig,
        speech_encoder: nn.Module,
        beats: Beats,
        llama: LlamaForCausalLM | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.speech_encoder = speech_encoder
        self.beats = beats
        self.ln_speech = nn.LayerNorm(config.speech_width)
        self.ln_audio = nn.LayerNorm(config.beats.encoder_embed_dim)
        queries = torch.randn(1, config.qformer.num_query_token, config.qformer.hidden_size)
        self.speech_query_tokens = nn.Parameter(0.02 * queries)
        self.speech_Qformer = build_qformer(config.qformer)
        self.speech_llama_proj = nn.Linear(config.qformer.hidden_size, config.hidden_size)
        self.llama_model = llama if llama is not None else LlamaForCausalLM(LlamaConfig(**config.llama))
        lora = config.lora
        add_lora(self.llama_model, lora.target_modules, lora.r, lora.lora_alpha, lora.lora_dropout)

    def fuse(self, whisper_hidden: Tensor, beats_tokens: Tensor) -> Tensor:
        """Both encoders side by side: [batch, length of the longer one, sum of the widths].

        `whisper_hidden` is [batch, frames, width], `beats_tokens` [batch, tokens, width]. The two are matched
        by index. The shorter one is extended with zeros after its LayerNorm.
        """
        speech, audio = self.ln_speech(whisper_hidden), self.ln_audio(beats_tokens)
        length = max(speech.shape[1], audio.shape[1])
        speech = functional.pad(speech, (0, 0, 0, length - speech.shape[1]))
        audio = functional.pad(audio, (0, 0, 0, length - audio.shape[1]))
        return torch.cat([speech, audio], dim=-1)

    def query(self, fused: Tensor) -> Tensor:
        """What the Q-Former finds in each window of the fused frames: [batch, windows, Q-Former width].

        A sound of 1,500 frames has 88 windows; n frames have (n − 17) // 17 + 1.
        Raises ValueError for fewer frames than one window.
        """
        cut = windows(fused, self.config.window_frames, self.config.window_stride)
        return query_windows(self.speech_Qformer, self.speech_query_tokens, cut)

    def audio_tokens(self, fused: Tensor) -> Tensor:
        """The sound as the language model reads it: [batch, windows, embedding width]."""
        return self.speech_llama_proj(self.query(fused))

    def embed(self, ids: Sequence[int]) -> Tensor:
        """Embeddings [ids, width] of text tokens, on the language model's device and in its dtype."""
        embedding = self.llama_model.get_input_embeddings()
        return embedding(torch.tensor(list(ids), dtype=torch.long, device=embedding.weight.device))

    def prompt(self, audio_tokens: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
        """Embedded prompt [1 + before + windows + after, width] of one clip's audio tokens [windows, width].

        The first position is the beginning-of-sequence token.
        """
        bos = int(self.config.llama["bos_token_id"])
        opening, closing = self.embed([bos, *before]), self.embed(after)
        return torch.cat([opening, audio_tokens.to(opening.dtype), closing])

    def logits(
        self,
        inputs: Tensor,
        cache: DynamicCache | None = None,
        lora_scaling: float | Tensor | None = None,
        last_only: bool = False,
    ) -> Tensor:
        """Next-token scores, float32 [batch, positions, vocabulary].

        `inputs` are embeddings [batch, positions, width] or ids [batch, positions]; with `cache` they go on
        from what it holds. `last_only` scores the last position alone.
        """
        given = "inputs_embeds" if inputs.is_floating_point() else "input_ids"
        with scaled(lora_scaling):
            output = self.llama_model(
                **{given: inputs},
                past_key_values=cache,
                use_cache=cache is not None,
                logits_to_keep=1 if last_only else 0,
            )
        return output.logits.float()

    def loss(
        self,
        audio_tokens: Tensor,
        before: Sequence[int],
        after: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        lora_scaling: float | None = None,
    ) -> Tensor:
        """Mean cross entropy over all target tokens of a batch, a scalar.

        `audio_tokens` is [batch, windows, width]; `before` is the text in front of the sound, the same for
        all; `after` and `targets` hold the ids behind it for each clip (a target ends with end-of-sequence,
        if that is to be learned). Shorter sequences are padded on the right, which no earlier position sees.
        Raises ValueError when the counts do not agree or a target is empty.
        """
        if not len(audio_tokens) == len(after) == len(targets) or not all(targets):
            raise ValueError("Every clip of a batch needs an instruction and a target of at least one token.")
        sequences = []
        for sound, instruction, target in zip(audio_tokens, after, targets, strict=True):
            sequences.append(torch.cat([self.prompt(sound, before, instruction), self.embed(target[:-1])]))
        embeddings = nn.utils.rnn.pad_sequence(sequences, batch_first=True)
        with scaled(lora_scaling):
            hidden = self.llama_model.model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        predicting = [
            states[len(sequence) - len(target) : len(sequence)]
            for states, sequence, target in zip(hidden, sequences, targets, strict=True)
        ]
        scores = self.llama_model.lm_head(torch.cat(predicting)).float()
        wanted = torch.tensor([token for target in targets for token in target], device=scores.device)
        return functional.cross_entropy(scores, wanted)
