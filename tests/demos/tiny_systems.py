"""Small CLAPs and Pengis for tests: the goldens' sizes, and a tokenizer of single bytes laid out like
GPT-2's.
"""

from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from demos.clap.msclap_2022 import Msclap2022Config
from demos.clap.network import ClapConfig
from demos.clap.paraclap import ParaclapConfig, Wav2Vec2Sizes
from demos.networks.cnn14 import Cnn14Config
from demos.networks.htsat import HtsatConfig
from demos.networks.text import BertSizes, ClipTextSizes, Gpt2Sizes
from demos.pengi.clapcap import ClapcapConfig
from demos.pengi.network import PengiConfig
from demos.tokenizer import load_tokenizer

HTSAT = HtsatConfig(embed_dim=16, depths=(2, 2, 2, 2), num_heads=(2, 2, 4, 4), num_classes=8)
CLAP = ClapConfig(
    htsat=HTSAT,
    text=Gpt2Sizes(vocab_size=1000, n_positions=128, n_embd=64, n_layer=2, n_head=4),
    embedding_size=64,
)
BERT = BertSizes(
    vocab_size=1000,
    hidden_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=96,
    max_position_embeddings=64,
)
MSCLAP_2022 = Msclap2022Config(cnn14=Cnn14Config(num_classes=8), text=BERT, embedding_size=64)
PARACLAP = ParaclapConfig(
    speech=Wav2Vec2Sizes(
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        conv_dim=32,
        position_kernel=16,
        position_groups=4,
    ),
    text=BERT,
    text_length=64,
    embedding_size=40,
)
PENGI_BASE = PengiConfig(
    htsat=HTSAT,
    decoder=Gpt2Sizes(vocab_size=1000, n_positions=128, n_embd=64, n_layer=3, n_head=4),
    text_encoder=ClipTextSizes(
        vocab_size=1000,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=16,
        projection_dim=32,
        pad_token_id=999,
    ),
    prompt_length=8,
    content_length=8,
    prefix_length=6,
    mapper_layers=2,
    embedding_size=64,
)
PENGI_NO_TEXT_ENCODER = replace(PENGI_BASE, text_encoder=None, decoder=replace(PENGI_BASE.decoder, n_layer=6))
CLAPCAP = ClapcapConfig(
    htsat=HTSAT,
    decoder=CLAP.text,
    content_length=8,
    prefix_length=6,
    mapper_layers=2,
    embedding_size=64,
)

# A Htsat of three stages at 16 kHz, as the mini suite has, still smaller.
SMALL_HTSAT = HtsatConfig(
    sample_rate=16000,
    clip_seconds=2,
    hop_size=160,
    mel_sample_rate=16000,
    mel_fmax=7800,
    patch_size=8,
    patch_stride=8,
    embed_dim=8,
    depths=(2, 2, 2),
    num_heads=(2, 2, 2),
    num_classes=5,
)

END, START = "<|endoftext|>", "<|startoftext|>"
BYTES = 256
BYTE_VOCABULARY = BYTES + 2  # END is 256, START 257


def byte_tokenizer(folder: Path, clip: bool = False) -> PreTrainedTokenizerFast:
    """A tokenizer loaded from a folder: one token per byte, “!” is id 0; as CLIP's, texts have start and
    end.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END, START])
    if clip:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{START} $A {END}", special_tokens=[(START, BYTES + 1), (END, BYTES)]
        )
    tokenizer.save(str(folder / "tokenizer.json"))
    return load_tokenizer(folder)


def word_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """A tokenizer of words loaded from a folder, laid out like BERT's: padding is id 0, texts have start and
    end.
    """
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "voice", "happy", "sad", "dog", "barks", "rain"]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return load_tokenizer(folder)
