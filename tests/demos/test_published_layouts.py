"""Published files hold what our readers expect, tensor by tensor, at the published sizes.

Networks are built without memory (on torch's meta device) and are offered every tensor of a published layout:
what is not read must be ignored for a reason that the reader states, and nothing of ours may stay unset.
"""

import json
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from whisper.model import AudioEncoder

from demos.checkpoint_reader import CheckpointError, Report, Rules, fill_from
from demos.clap import checkpoint as clap
from demos.clap.msclap_2022 import Msclap2022, Msclap2022Config
from demos.clap.network import Clap, ClapConfig
from demos.clap.paraclap import Paraclap, ParaclapConfig
from demos.networks.beats import Beats, BeatsConfig
from demos.networks.qformer import QFormerConfig
from demos.pengi import checkpoint as pengi
from demos.pengi.clapcap import Clapcap, ClapcapConfig
from demos.pengi.network import Pengi, PengiConfig
from demos.salmonn import checkpoint as salmonn
from demos.salmonn.config import SalmonnConfig
from demos.salmonn.network import Salmonn
from tests.demos.parity import FIXTURES
from tests.seeded import read_layout

pytestmark = pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")


def without_memory(shape: list[int]) -> Tensor:
    """A tensor of that shape that is one zero in memory."""
    return torch.zeros(()).expand(shape)


def bare_salmonn(size: str) -> nn.Module:
    """The parts that a SALMONN file fills, with the language model of that size around them."""
    published = json.loads((FIXTURES / "salmonn" / "config_full.json").read_text())
    stated = published[f"llama_{size}"]
    llama = {name: value for name, value in stated.items() if name != "source"}
    config = SalmonnConfig(speech_width=1280, beats=BeatsConfig(), qformer=QFormerConfig(), llama=llama)
    network = Salmonn(config, AudioEncoder(80, 1500, 1280, 20, 32), Beats(BeatsConfig()))
    return salmonn.SalmonnAdapter(salmonn.adapter_tensors(network))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Rules]] = {
    "msclap/layout_full_2022": (lambda: Msclap2022(Msclap2022Config()), clap.MSCLAP_2022_RULES),
    "msclap/layout_full_2023": (lambda: Clap(ClapConfig()), clap.RULES),
    "msclap/layout_full_clapcap": (lambda: Clapcap(ClapcapConfig()), pengi.CLAPCAP_RULES),
    "paraclap/layout_full": (lambda: Paraclap(ParaclapConfig()), clap.PARACLAP_RULES),
    "pengi/layout_full_base": (lambda: Pengi(PengiConfig()), pengi.RULES),
    "pengi/layout_full_base_no_text_enc": (lambda: Pengi(PengiConfig(text_encoder=None)), pengi.RULES),
    "salmonn/layout_full_beats": (lambda: Beats(BeatsConfig()), salmonn.BEATS_RULES),
    "salmonn/layout_full_7b": (lambda: bare_salmonn("7b"), salmonn.ADAPTER_RULES),
    "salmonn/layout_full_13b": (lambda: bare_salmonn("13b"), salmonn.ADAPTER_RULES),
}
IGNORED = {
    "msclap/layout_full_2022": {
        "caption_encoder.base.embeddings.position_ids",
        "caption_encoder.base.pooler.dense.weight",
        "caption_encoder.base.pooler.dense.bias",
    },
    "paraclap/layout_full": {
        "audio_branch.base.masked_spec_embed",
        "text_branch.base.pooler.dense.weight",
        "text_branch.base.pooler.dense.bias",
    },
}


def offered(name: str, drop: str = "") -> Report:
    """What our reader makes of a layout, but for one tensor."""
    build, rules = NETWORKS[name]
    with torch.device("meta"):
        network = build()
    layout = read_layout(FIXTURES / f"{name}.json")
    found = {tensor: without_memory(shape) for tensor, shape in layout.items() if tensor != drop}
    return fill_from(network, found, rules, name)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_of_a_published_file_is_accounted_for(name: str) -> None:
    layout = read_layout(FIXTURES / f"{name}.json")
    report = offered(name)
    assert {*report.consumed, *report.ignored} == layout.keys()
    assert not report.computed, "the published file holds even what could be computed"
    assert all(len(reason) > 20 for reason in report.ignored.values())
    if name in IGNORED:
        assert report.ignored.keys() == IGNORED[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_tensor_that_a_file_lacks_is_missed(name: str) -> None:
    """The last weight of the layout, so that no part of a network can be left at random."""
    layout = read_layout(FIXTURES / f"{name}.json")
    last = [tensor for tensor in layout if tensor.endswith("weight") and tensor not in IGNORED.get(name, ())][
        -1
    ]
    with pytest.raises(CheckpointError, match=f"missing: {re.escape(last)}"):
        offered(name, drop=last)
