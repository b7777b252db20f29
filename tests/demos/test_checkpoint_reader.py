"""Weights are read whole or not at all, and what is wrong with a file is said in one sentence."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from demos import clap, pengi
from demos.checkpoint_reader import (
    CheckpointError,
    Rules,
    fill,
    mappable,
    read_entry,
    read_tensors,
    without_computed,
)
from demos.clap.checkpoint import RULES as CLAP_RULES
from demos.clap.network import Clap
from demos.mini.train.weights import save_compressed
from demos.pengi.checkpoint import RULES as PENGI_RULES
from demos.pengi.network import Pengi
from tests.demos.parity import FIXTURES, published_file, seeded_tensors
from tests.demos.tiny_systems import CLAP, PENGI_NO_TEXT_ENCODER
from tests.seeded import read_layout

LM_HEAD = "caption_decoder.gpt.lm_head.weight"
WTE = "caption_decoder.gpt.transformer.wte.weight"
CONSTANTS_OF_HTSAT = 3 + 8 + 3  # front end, relative positions of 8 blocks, masks of 3 shifted ones


@pytest.fixture(scope="module")
def clap_state() -> dict[str, Tensor]:
    return seeded_tensors(read_layout(FIXTURES / "msclap/layout_tiny_2023.json"))


@pytest.fixture(scope="module")
def pengi_state() -> dict[str, Tensor]:
    return seeded_tensors(read_layout(FIXTURES / "pengi/layout_tiny_base_no_text_enc.json"))


def assert_holds(network: torch.nn.Module, state: dict[str, Tensor]) -> None:
    held = network.state_dict()
    assert all(torch.equal(held[name], tensor) for name, tensor in state.items())


def test_every_tensor_is_accounted_for(clap_state: dict[str, Tensor], tmp_path: Path) -> None:
    old = {
        "caption_encoder.base.h.0.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.bool),
        "caption_encoder.base.h.0.attn.masked_bias": torch.tensor(-1e4),
    }
    network = Clap(CLAP)
    report = fill(network, published_file(tmp_path / "old.pth", clap_state | old), CLAP_RULES)
    assert_holds(network, clap_state)
    assert set(report.consumed) == set(clap_state)
    assert set(report.ignored) == set(old)
    assert all("older versions of transformers" in reason for reason in report.ignored.values())
    assert len(report.computed) == CONSTANTS_OF_HTSAT


def test_wrapping_prefix_and_format_do_not_matter(clap_state: dict[str, Tensor], tmp_path: Path) -> None:
    wrapped = published_file(tmp_path / "m.pth", {f"module.{n}": tensor for n, tensor in clap_state.items()})
    torch.save(clap_state, bare := tmp_path / "bare.bin")
    torch.save(clap_state, legacy := tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    save_file(clap_state, safe := tmp_path / "model.safetensors")
    for file in (wrapped, bare, legacy, safe):
        network = Clap(CLAP)
        fill(network, file, CLAP_RULES)
        assert_holds(network, clap_state)


def test_two_systems_can_share_a_file_of_half_precision(
    clap_state: dict[str, Tensor], pengi_state: dict[str, Tensor], tmp_path: Path
) -> None:
    shared = "audio_encoder.base."
    half = {name: tensor.half() for name, tensor in clap_state.items() if name.startswith(shared)}
    save_file(half, htsat := tmp_path / "htsat.safetensors")
    for state, name in ((clap_state, "clap"), (pengi_state, "pengi")):
        rest = {name: tensor for name, tensor in state.items() if not name.startswith(shared)}
        save_file(rest, tmp_path / f"{name}.safetensors")
    networks = (
        clap.checkpoint.load([htsat, tmp_path / "clap.safetensors"], CLAP),
        pengi.checkpoint.load([htsat, tmp_path / "pengi.safetensors"], PENGI_NO_TEXT_ENCODER),
    )
    for network in networks:
        assert_holds(
            network, {name: tensor.to(network.state_dict()[name].dtype) for name, tensor in half.items()}
        )
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    with pytest.raises(
        CheckpointError, match=r"htsat\.safetensors holds tensors that another file holds too"
    ):
        clap.checkpoint.load([tmp_path / "clap.safetensors", htsat, htsat], CLAP)


def test_a_tied_weight_may_be_absent_but_not_another(pengi_state: dict[str, Tensor], tmp_path: Path) -> None:
    network = Pengi(PENGI_NO_TEXT_ENCODER)
    fill(network, published_file(tmp_path / "absent.pth", pengi_state), PENGI_RULES)
    assert network.caption_decoder.gpt.lm_head.weight is network.caption_decoder.gpt.transformer.wte.weight
    assert_holds(network, pengi_state)
    fill(
        network,
        published_file(tmp_path / "equal.pth", pengi_state | {LM_HEAD: pengi_state[WTE]}),
        PENGI_RULES,
    )
    other = published_file(tmp_path / "other.pth", pengi_state | {LM_HEAD: pengi_state[WTE] + 1})
    with pytest.raises(CheckpointError, match=r"lm_head\.weight must equal .*wte\.weight"):
        fill(network, other, PENGI_RULES)


def test_what_does_not_fit_is_named_and_nothing_is_changed(
    clap_state: dict[str, Tensor], tmp_path: Path
) -> None:
    network = Clap(CLAP)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    wrong = dict(clap_state)
    del wrong["logit_scale"]
    wrong["audio_encoder.projection.linear9.weight"] = torch.zeros(2)
    wrong["audio_encoder.base.htsat.norm.bias"] = torch.zeros(7)
    with pytest.raises(CheckpointError) as raised:
        fill(network, published_file(tmp_path / "wrong.pth", wrong), CLAP_RULES)
    assert str(raised.value) == (
        "wrong.pth does not fit this Clap: missing: logit_scale; "
        "not known: audio_encoder.projection.linear9.weight; "
        "wrong shape: audio_encoder.base.htsat.norm.bias has [7], needs [128]. "
        "Check that weights and configuration belong together."
    )
    assert_holds(network, before)


def test_a_file_of_another_model_is_told_briefly(pengi_state: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"and [0-9]+ more") as raised:
        clap.checkpoint.load(published_file(tmp_path / "pengi.pth", pengi_state), CLAP)
    assert len(str(raised.value)) < 1500


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_files_that_are_no_weights_are_refused(clap_state: dict[str, Tensor], tmp_path: Path) -> None:
    good = published_file(tmp_path / "good.pth", clap_state).read_bytes()
    sprung = tmp_path / "sprung"
    torch.save({"model": clap_state, "optimizer": Trap(sprung)}, tmp_path / "trap.pth")
    (tmp_path / "pickle.pth").write_bytes(pickle.dumps(Trap(sprung)))
    (tmp_path / "text.pth").write_text("these are no weights\n" * 100)
    (tmp_path / "text.safetensors").write_text("these are no weights\n" * 100)
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "cut.pth").write_bytes(good[: len(good) // 2])
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"model": {"weight": "heavy"}}, tmp_path / "words.pth")
    torch.save({"module.a": torch.zeros(1), "a": torch.zeros(1)}, tmp_path / "both.pth")
    files = sorted(path.name for path in tmp_path.iterdir() if path.name != "good.pth")
    for name in [*files, "absent.pth"]:
        with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
            read_tensors(tmp_path / name)
    assert not sprung.exists()


def test_what_need_not_be_stored_is_left_out(tmp_path: Path) -> None:
    network = Pengi(PENGI_NO_TEXT_ENCODER)
    kept = without_computed(network.state_dict(), PENGI_RULES)
    assert LM_HEAD not in kept
    assert not any("conv_real" in name or "attn_mask" in name for name in kept)
    save_file(kept, tmp_path / "kept.safetensors")
    again = pengi.checkpoint.load(tmp_path / "kept.safetensors", PENGI_NO_TEXT_ENCODER)
    assert_holds(again, network.state_dict())


def test_rules_cover_whole_names_only(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 2)
    state = {**network.state_dict(), "old.weight.more": torch.zeros(1)}
    with pytest.raises(CheckpointError, match=r"not known: old\.weight\.more"):
        fill(network, published_file(tmp_path / "a.pth", state), Rules(ignored={r"old\.weight": "old"}))


def test_a_compressed_pytorch_file_is_read_as_any_other(tmp_path: Path) -> None:
    rows = torch.zeros(5000, 16).half()
    rows[:3] = torch.randn(3, 16)
    content = {"dims": {"n": 3}, "model_state_dict": {"rows": rows, "bias": torch.randn(7)}}
    torch.save(content, tmp_path / "stored.pt")
    save_compressed(content, tmp_path / "packed.pt")
    assert mappable(tmp_path / "stored.pt")
    assert not mappable(tmp_path / "packed.pt")
    assert (tmp_path / "packed.pt").stat().st_size < 0.2 * (tmp_path / "stored.pt").stat().st_size
    first = (tmp_path / "packed.pt").read_bytes()
    save_compressed(content, tmp_path / "packed.pt")
    assert (tmp_path / "packed.pt").read_bytes() == first
    for file in ("stored.pt", "packed.pt"):
        read = read_entry(tmp_path / file, "model_state_dict")
        assert torch.equal(read["rows"], rows)
        assert torch.equal(read["bias"], content["model_state_dict"]["bias"])
