"""The published checkpoints, as data. In each slot the one that `suite auto` prefers comes first.

Names of files, sizes and hashes come from the projects' own code and papers and from pages of their
repositories. What is not there is left out, and said in
`not_known`. Parameters are counted on the published layouts, or on the classes of openai-whisper and
transformers at their published sizes; tied matrices count once. Nothing here was opened by us.
"""

from __future__ import annotations

from demos.published.model import HandFile, HubFiles, Part, PublishedModel, Source, WebFile
from demos.published.whisper_files import WHISPER_SIZES, whisper_file, whisper_parts

MIT, APACHE = "MIT", "Apache-2.0"
NOT_KNOWN = "not known to us"
READ_THE_CARD = "Read the model card before you use or pass on the weights."
NO_COMMIT = "The commit of the repository: the files of the day on which they are fetched are kept."
NO_WEB_HASH = "The hash of the file: whether it came whole is known by its length alone."
FILES_UNSEEN = "Its files were never opened by us."
TOKENIZER_UNSEEN = "Its tokenizer was never seen by us."
A_FEW_MEGABYTES = 0  # a tokenizer, whose size we do not know and need not
DEFAULT_SIZES = "Its sizes: counted on the default configuration of the class in transformers."

_TRANSFORMERS_WEIGHTS = "model*.safetensors|pytorch_model*.bin"
_INDEX = "*.index.json|"  # only where the weights are in several files
_TEXT_FILES = (
    "tokenizer.json|vocab.json",
    "tokenizer_config.json|",
    "special_tokens_map.json|",
    "merges.txt|",
)

BEATS_FILE = HandFile(
    "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt",
    "the addresses of its authors (github.com/microsoft/unilm, folder beats) have died repeatedly; "
    "community copies are on the Hub. cpt1 has the same shapes and is another model",
    362_000_000,
)
BEATS_PART = Part("beats-iter3-plus", 90_311_792)  # without the head
HTSAT_PART = Part("msclap-2023-htsat", 31_751_256)

_MSCLAP_2023 = HubFiles("microsoft/msclap", ("CLAP_weights_2023.pth",), about_bytes=652_000_000)
_GPT2_TOKENIZER = HubFiles(
    "openai-community/gpt2", ("tokenizer.json", "vocab.json", "merges.txt"), about_bytes=A_FEW_MEGABYTES
)
_BERT_TOKENIZER = HubFiles(
    "google-bert/bert-base-uncased", ("tokenizer.json", "vocab.txt"), about_bytes=A_FEW_MEGABYTES
)
_CLIP_TOKENIZER = HubFiles(
    "openai/clip-vit-base-patch16",
    ("tokenizer.json", "vocab.json", "merges.txt"),
    about_bytes=A_FEW_MEGABYTES,
)


def _vicuna(repo: str, bytes_: int) -> HubFiles:
    files = (
        "config.json",
        _TRANSFORMERS_WEIGHTS,
        _INDEX,
        "tokenizer.model",
        "tokenizer_config.json|",
        "special_tokens_map.json|",
    )
    return HubFiles(repo, files, about_bytes=bytes_)


def _salmonn(
    size: str, checkpoint: HubFiles, vicuna: HubFiles, parts: tuple[Part, Part], cache: int, terms: str
) -> PublishedModel:
    return PublishedModel(
        id=f"salmonn-{size.lower()}",
        system="salmonn",
        title=f"SALMONN {size}",
        sources=(checkpoint, vicuna, whisper_file("large-v2"), BEATS_FILE),
        parts=(*parts, whisper_parts("large-v2")[0], BEATS_PART),
        code_licence=APACHE,
        weights_licence=f"{APACHE}; BEATs and Whisper MIT; {terms.split(':')[0]}",
        terms=terms.partition(": ")[2],
        trained_on=(
            "Speech recognition and translation, audio captions, music and question answering "
            "(Tang et al., ICLR 2024), over a frozen Vicuna, Whisper large-v2 and BEATs"
        ),
        not_known=(FILES_UNSEEN, "The tokenizer of Vicuna was never seen by us.", NO_COMMIT),
        working_bytes=cache,
    )


_SALMONN = (
    _salmonn(
        "13B",
        HubFiles(
            "tsinghua-ee/SALMONN",
            ("salmonn_v1.pth",),
            digests={"salmonn_v1.pth": "709c665b25ef05b48985584ec31d6f15018b754abf47b9c33ed9a278285bbae0"},
            about_bytes=400_466_533,
        ),
        _vicuna("lmsys/vicuna-13b-v1.1", 26_000_000_000),
        (
            Part("vicuna-13b-v1.1", 13_015_874_560, quantisable=13_015_874_560 - 2 * 32_001 * 5_120),
            Part("salmonn-13b", 33_332_992),
        ),
        2
        * 2
        * 40
        * 5_120
        * (4 + 1)
        * 512,  # keys and values, 16 bits, 40 layers, 4 beams and 1 of 512 places
        "Vicuna 13B v1.1 research only: It comes from LLaMA 1, for research only and not for commercial use.",
    ),
    _salmonn(
        "7B",
        HubFiles("tsinghua-ee/SALMONN-7B", ("salmonn_7b_v0.pth",), about_bytes=363_000_000),
        _vicuna("lmsys/vicuna-7b-v1.5", 13_500_000_000),
        (
            Part("vicuna-7b-v1.5", 6_738_423_808, quantisable=6_738_423_808 - 2 * 32_001 * 4_096),
            Part("salmonn-7b", 30_186_240),
        ),
        2 * 2 * 32 * 4_096 * (4 + 1) * 512,
        "Vicuna 7B v1.5 Llama 2 Community License: Its acceptable use policy holds for what you do with it.",
    ),
)


def _clap_of_transformers(
    id_: str, repo: str, title: str, trained_on: str, parameters: int | None, *not_known: str
) -> PublishedModel:
    parts = () if parameters is None else (Part(id_, parameters),)
    return PublishedModel(
        id=id_,
        system="clap",
        title=title,
        sources=(
            HubFiles(
                repo,
                ("config.json", "preprocessor_config.json", _TRANSFORMERS_WEIGHTS, *_TEXT_FILES),
                about_bytes=None if parameters is None else 4 * parameters,
            ),
        ),
        parts=parts,
        code_licence=f"{APACHE} (transformers)",
        weights_licence=f"{APACHE}, as its page on the Hub says",
        trained_on=trained_on,
        terms=READ_THE_CARD,
        not_known=(FILES_UNSEEN, TOKENIZER_UNSEEN, NO_COMMIT, *not_known),
    )


_LAION_DATA = "LAION-Audio-630K and other captioned sounds (Wu et al., ICASSP 2023)"
_NO_SIZE = "Its sizes, so that its memory cannot be planned."
_CLAP = (
    PublishedModel(
        id="msclap-2023",
        system="clap",
        title="CLAP 2023 (Microsoft)",
        sources=(_MSCLAP_2023, _GPT2_TOKENIZER),
        parts=(HTSAT_PART, Part("msclap-2023", 159_865_177 - HTSAT_PART.parameters)),
        code_licence=MIT,
        weights_licence=MIT,
        trained_on="4.6 million pairs of sound and text (Elizalde, Deshmukh, Wang, arXiv 2309.05767)",
        not_known=(FILES_UNSEEN, "The tokenizer of GPT-2 was never seen by us.", NO_COMMIT),
    ),
    PublishedModel(
        id="msclap-2022",
        system="clap",
        title="CLAP 2022 (Microsoft)",
        sources=(
            HubFiles("microsoft/msclap", ("CLAP_weights_2022.pth",), about_bytes=785_000_000),
            _BERT_TOKENIZER,
        ),
        parts=(Part("msclap-2022", 196_320_413),),
        code_licence=MIT,
        weights_licence=MIT,
        trained_on="128,000 pairs of sound and text (Elizalde et al., ICASSP 2023)",
        not_known=(FILES_UNSEEN, "The tokenizer of BERT was never seen by us.", NO_COMMIT),
    ),
    _clap_of_transformers(
        "larger-clap-general",
        "laion/larger_clap_general",
        "CLAP larger, general (LAION)",
        _LAION_DATA,
        None,
        _NO_SIZE,
    ),
    _clap_of_transformers(
        "larger-clap-music-and-speech",
        "laion/larger_clap_music_and_speech",
        "CLAP larger, music and speech (LAION)",
        f"{_LAION_DATA}, with music and speech",
        None,
        _NO_SIZE,
    ),
    _clap_of_transformers(
        "clap-htsat-fused", "laion/clap-htsat-fused", "CLAP HTSAT fused (LAION)", _LAION_DATA, None, _NO_SIZE
    ),
    _clap_of_transformers(
        "clap-htsat-unfused",
        "laion/clap-htsat-unfused",
        "CLAP HTSAT unfused (LAION)",
        _LAION_DATA,
        153_492_890,
        DEFAULT_SIZES,
    ),
    PublishedModel(
        id="pe-audio",
        system="clap",
        title="PE-AV audio, large (Meta)",
        sources=(
            HubFiles(
                "facebook/pe-av-large",
                ("config.json", "preprocessor_config.json|", _TRANSFORMERS_WEIGHTS, _INDEX, *_TEXT_FILES),
            ),
        ),
        parts=(Part("pe-audio", 606_184_898),),
        code_licence=f"{APACHE} (transformers)",
        weights_licence=NOT_KNOWN,
        terms=READ_THE_CARD,
        trained_on=NOT_KNOWN,
        not_known=(FILES_UNSEEN, TOKENIZER_UNSEEN, NO_COMMIT, DEFAULT_SIZES),
    ),
    PublishedModel(
        id="paraclap",
        system="clap",
        title="ParaCLAP",
        sources=(
            HubFiles("KeiKinn/paraclap", ("best.pth.tar",), about_bytes=4 * 276_325_249),
            _BERT_TOKENIZER,
        ),
        parts=(Part("paraclap", 276_325_249),),
        code_licence="none stated",
        weights_licence="CC BY-NC-SA 4.0 of its audio encoder",
        terms="Not for commercial use; what is made of it carries the same licence.",
        trained_on="MSP-Podcast (Jing, Triantafyllopoulos, Schuller, Interspeech 2024)",
        not_known=(FILES_UNSEEN, "The tokenizer of BERT was never seen by us.", NO_COMMIT),
    ),
)

_ZENODO = "https://zenodo.org/records/8387083/files"


def _pengi(id_: str, title: str, name: str, bytes_: int, parameters: int, text: Source) -> PublishedModel:
    return PublishedModel(
        id=id_,
        system="pengi",
        title=title,
        sources=(
            WebFile(f"{_ZENODO}/{name}?download=1", about_bytes=bytes_),
            *{text: None, _GPT2_TOKENIZER: None},
        ),
        parts=(Part(id_, parameters),),
        code_licence=MIT,
        weights_licence=MIT,
        trained_on="3.4 million pairs of sound and text (Deshmukh et al., NeurIPS 2023)",
        not_known=(FILES_UNSEEN, "The tokenizers of CLIP and GPT-2 were never seen by us.", NO_WEB_HASH),
    )


_PENGI = (
    _pengi(
        "pengi-base",
        "Pengi base",
        "base.pth",
        1_308_000_000,
        323_866_456,
        _CLIP_TOKENIZER,
    ),
    _pengi(
        "pengi-base-no-text-enc",
        "Pengi base without text encoder",
        "base_no_text_enc.pth",
        922_000_000,
        227_375_448,
        _GPT2_TOKENIZER,
    ),
    PublishedModel(
        id="clapcap",
        system="pengi",
        title="clapcap (Microsoft)",
        sources=(
            HubFiles("microsoft/msclap", ("clapcap_weights_2023.pth",), about_bytes=922_000_000),
            _GPT2_TOKENIZER,
        ),
        parts=(Part("clapcap", 227_344_728),),
        code_licence=MIT,
        weights_licence=MIT,
        trained_on="Captions of sounds over the frozen CLAP 2023 (msclap 1.3.3)",
        not_known=(FILES_UNSEEN, "The tokenizer of GPT-2 was never seen by us.", NO_COMMIT),
    ),
)

_TRANSCRIPT = tuple(
    PublishedModel(
        id=f"whisper-{name}",
        system="whisper",
        title=f"Whisper {name}",
        sources=(whisper_file(name),),
        parts=whisper_parts(name),
        code_licence=MIT,
        weights_licence=MIT,
        trained_on="Speech with transcripts from the web, 680,000 hours and more (Radford et al., ICML 2023)",
        not_known=(FILES_UNSEEN,),
    )
    for name in WHISPER_SIZES
)


def _encoder(
    id_: str, repo: str, title: str, trained_on: str, parameters: int, licence: str, *not_known: str
) -> PublishedModel:
    return PublishedModel(
        id=id_,
        system="layers",
        title=title,
        sources=(
            HubFiles(
                repo,
                ("config.json", "preprocessor_config.json|", "model.safetensors|pytorch_model.bin"),
                about_bytes=4 * parameters,
            ),
        ),
        parts=(Part(id_, parameters),),
        code_licence=f"{APACHE} (transformers)",
        weights_licence=licence,
        terms=READ_THE_CARD,
        trained_on=trained_on,
        not_known=(FILES_UNSEEN, "The name of the repository is from memory.", NO_COMMIT, *not_known),
    )


_LIBRISPEECH = "LibriSpeech, 960 hours of read English, without transcripts"
_ENCODERS = (
    PublishedModel(
        id="whisper-large-v2-encoder",
        system="layers",
        title="Whisper large-v2 encoder",
        sources=(whisper_file("large-v2"),),
        parts=whisper_parts("large-v2")[:1],
        code_licence=MIT,
        weights_licence=MIT,
        trained_on="Speech with transcripts from the web, 680,000 hours (Radford et al., ICML 2023)",
        not_known=(FILES_UNSEEN,),
    ),
    PublishedModel(
        id="beats",
        system="layers",
        title="BEATs iter3+",
        sources=(BEATS_FILE,),
        parts=(BEATS_PART,),
        code_licence=MIT,
        weights_licence=MIT,
        trained_on="AudioSet-2M (Chen et al., ICML 2023)",
        not_known=(FILES_UNSEEN, "A lasting address and the hash of the file."),
    ),
    PublishedModel(
        id="htsat",
        system="layers",
        title="HTSAT of CLAP 2023",
        sources=(_MSCLAP_2023,),
        parts=(HTSAT_PART,),
        code_licence=MIT,
        weights_licence=MIT,
        trained_on="AudioSet, then the pairs of CLAP 2023",
        not_known=(FILES_UNSEEN, NO_COMMIT),
    ),
    _encoder(
        "wav2vec2",
        "facebook/wav2vec2-base",
        "wav2vec 2.0 base",
        _LIBRISPEECH,
        94_371_712,
        NOT_KNOWN,
        DEFAULT_SIZES,
    ),
    _encoder(
        "hubert",
        "facebook/hubert-base-ls960",
        "HuBERT base",
        _LIBRISPEECH,
        94_371_712,
        NOT_KNOWN,
        DEFAULT_SIZES,
    ),
    _encoder(
        "data2vec",
        "facebook/data2vec-audio-base",
        "data2vec audio base",
        _LIBRISPEECH,
        93_164_288,
        NOT_KNOWN,
        DEFAULT_SIZES,
    ),
    _encoder(
        "wavlm", "microsoft/wavlm-base", "WavLM base", _LIBRISPEECH, 94_381_936, NOT_KNOWN, DEFAULT_SIZES
    ),
    _encoder(
        "wavlm-large",
        "microsoft/wavlm-large",
        "WavLM large",
        "94,000 hours of English speech, without transcripts",
        315_453_120,
        NOT_KNOWN,
        "Its configuration: counted with 24 layers of width 1024.",
    ),
    _encoder(
        "wavlm-sv",
        "microsoft/wavlm-base-sv",
        "WavLM base x-vector",
        f"{_LIBRISPEECH}; speakers of VoxCeleb1",
        100_493_132,
        NOT_KNOWN,
        "Its sizes: counted on the default configuration in transformers, whose head may differ.",
    ),
)

PUBLISHED: tuple[PublishedModel, ...] = (*_CLAP, *_PENGI, *_SALMONN, *_TRANSCRIPT, *_ENCODERS)
