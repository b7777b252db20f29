"""What a given answer rests on: attention of the language model to the sound, and what silence would change.

One teacher-forced pass over prompt and answer computes everything, layer by layer with the network's own
modules; generation is not watched and keeps no attention. An answer is given by its ids, so that the same
words can be held against another sound or another LoRA scaling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers.masking_utils import create_causal_mask
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb, repeat_kv

from demos.networks.lora import scaled
from demos.salmonn.network import Salmonn

if TYPE_CHECKING:
    from transformers.models.llama.modeling_llama import LlamaDecoderLayer


@dataclass(frozen=True)
class Attended:
    """One pass over an answer.

    `windows` [layers, ids, windows] is the attention, mean over the heads, that the position which says an id
    gives to each audio token; the sum over the windows is its attention mass on the sound, 0..1.
    `log_probabilities` [ids] are natural logarithms. Both float32 on the CPU.
    """

    windows: Tensor
    log_probabilities: Tensor


@torch.no_grad()
def attended(
    network: Salmonn,
    audio_tokens: Tensor,
    before: Sequence[int],
    after: Sequence[int],
    ids: Sequence[int],
    lora_scaling: float | None = None,
) -> Attended:
    """What each id of an answer attends to of a sound, and how probable it is.

    `audio_tokens` [windows, width] stand between the ids `before` and `after`, as in `Salmonn.prompt`.
    Raises ValueError where there is no id.
    """
    sequence = _sequence(network, audio_tokens, before, after, ids)
    llama, model = network.llama_model, network.llama_model.model
    positions = torch.arange(len(sequence), device=sequence.device)[None]
    first = 1 + len(before)
    windows = []
    with scaled(lora_scaling):
        hidden = sequence[None]
        mask = create_causal_mask(
            config=model.config,
            inputs_embeds=hidden,
            attention_mask=None,
            past_key_values=None,
            position_ids=positions,
        )
        turned = model.rotary_emb(hidden, position_ids=positions)
        for layer in model.layers:
            heads = _attention(layer, hidden, turned, len(ids))
            windows.append(heads.mean(0)[:, first : first + len(audio_tokens)].float().cpu())
            hidden = layer(hidden, attention_mask=mask, position_embeddings=turned, position_ids=positions)
        scores = llama.lm_head(model.norm(hidden[0, -len(ids) :])).float()
    return Attended(torch.stack(windows), _said(scores, ids).cpu())


def _sequence(
    network: Salmonn, audio_tokens: Tensor, before: Sequence[int], after: Sequence[int], ids: Sequence[int]
) -> Tensor:
    """Embeddings of the prompt and of all ids but the last, which nothing follows: [positions, width]."""
    if not ids:
        raise ValueError("There is no answer to look into.")
    return torch.cat([network.prompt(audio_tokens, before, after), network.embed(ids[:-1])])


def _said(scores: Tensor, ids: Sequence[int]) -> Tensor:
    """Log-probabilities [ids] of ids under scores [ids, vocabulary]."""
    wanted = torch.tensor(list(ids), device=scores.device)
    return torch.log_softmax(scores, dim=-1).gather(1, wanted[:, None])[:, 0]


def _attention(layer: LlamaDecoderLayer, hidden: Tensor, turned: tuple[Tensor, Tensor], last: int) -> Tensor:
    """Attention weights [heads, last, positions] of the last positions of [1, positions, width]."""
    of = layer.self_attn
    normed = layer.input_layernorm(hidden)
    shape = (*normed.shape[:2], -1, of.head_dim)
    queries = of.q_proj(normed).view(shape).transpose(1, 2)
    keys = of.k_proj(normed).view(shape).transpose(1, 2)
    queries, keys = apply_rotary_pos_emb(queries, keys, *turned)
    keys = repeat_kv(keys, of.num_key_value_groups)[0]
    weights = queries[0, :, -last:] @ keys.transpose(1, 2) * of.scaling
    positions = torch.arange(weights.shape[2], device=weights.device)
    unseen = positions[None] > positions[-last:, None]
    return weights.float().masked_fill(unseen, float("-inf")).softmax(-1)
