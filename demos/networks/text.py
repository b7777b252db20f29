"""Sizes of the text models that the systems take from transformers: GPT-2, CLIP's text tower and BERT."""

from dataclasses import dataclass

from transformers import BertConfig, CLIPTextConfig, GPT2Config


@dataclass(frozen=True)
class Gpt2Sizes:
    """Sizes of a GPT-2; the defaults are those of the published 124 M model."""

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    dropout: float = 0.1  # in training only

    def config(self) -> GPT2Config:
        """The configuration that transformers builds the model from. Special ids play no part in it."""
        return GPT2Config(
            vocab_size=self.vocab_size,
            n_positions=self.n_positions,
            n_embd=self.n_embd,
            n_layer=self.n_layer,
            n_head=self.n_head,
            embd_pdrop=self.dropout,
            attn_pdrop=self.dropout,
            resid_pdrop=self.dropout,
            bos_token_id=None,
            eos_token_id=None,
        )


@dataclass(frozen=True)
class ClipTextSizes:
    """Sizes of CLIP's text tower; the defaults are those of `openai/clip-vit-base-patch16`."""

    vocab_size: int = 49408
    hidden_size: int = 512
    intermediate_size: int = 2048
    num_hidden_layers: int = 12
    num_attention_heads: int = 8
    max_position_embeddings: int = 77
    projection_dim: int = 512
    pad_token_id: int = 49407

    def config(self) -> CLIPTextConfig:
        """The configuration that transformers builds the tower from.

        The end token id 2 stands for the published pooling rule: the first position of the largest id.
        """
        return CLIPTextConfig(
            vocab_size=self.vocab_size,
            hidden_size=self.hidden_size,
            intermediate_size=self.intermediate_size,
            num_hidden_layers=self.num_hidden_layers,
            num_attention_heads=self.num_attention_heads,
            max_position_embeddings=self.max_position_embeddings,
            projection_dim=self.projection_dim,
            hidden_act="quick_gelu",
            pad_token_id=self.pad_token_id,
            bos_token_id=None,
            eos_token_id=2,
        )


@dataclass(frozen=True)
class BertSizes:
    """Sizes of a BERT; the defaults are those of `bert-base-uncased`."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512

    def config(self) -> BertConfig:
        """The configuration that transformers builds the model from."""
        return BertConfig(
            vocab_size=self.vocab_size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.num_hidden_layers,
            num_attention_heads=self.num_attention_heads,
            intermediate_size=self.intermediate_size,
            max_position_embeddings=self.max_position_embeddings,
        )
