"""What fits into a memory: parts are counted once, nothing overflows, and refusals carry numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from demos.published.memory import Device, Placed, best_suite, occupied, plan
from demos.published.model import Part, Precision, PublishedModel
from demos.published.models import PUBLISHED
from store.records import SYSTEMS

BY_ID = {model.id: model for model in PUBLISHED}
GB = 1_000_000_000
GPU: tuple[Precision, ...] = ("float16", "int8", "int4")

models = st.lists(st.sampled_from(PUBLISHED), unique=True, max_size=6)
devices = st.builds(
    Device,
    st.just("cuda:0"),
    st.integers(0, 60 * GB),
    st.sampled_from((GPU, ("float16",), ("float32", "float16"), ("float32",))),
)


def gpu(gigabytes: float, precisions: tuple[Precision, ...] = ("float16",)) -> Device:
    return Device("this GPU", round(gigabytes * GB), precisions)


def test_one_whisper_serves_transcript_answer_and_layers() -> None:
    wanted = [
        BY_ID["salmonn-7b"],
        BY_ID["whisper-large-v2"],
        BY_ID["whisper-large-v2-encoder"],
        BY_ID["beats"],
    ]
    made = plan(wanted, gpu(24))
    assert made.shared["whisper-large-v2-encoder"] == (
        "salmonn-7b",
        "whisper-large-v2",
        "whisper-large-v2-encoder",
    )
    assert made.shared["beats-iter3-plus"] == ("salmonn-7b", "beats")
    decoder = BY_ID["whisper-large-v2"].parts[1]
    assert made.bytes == BY_ID["salmonn-7b"].memory("float16") + decoder.bytes("float16")


def test_a_coarser_type_is_taken_where_it_is_allowed_and_shares_what_stays_in_32_bits() -> None:
    wanted = [BY_ID["whisper-large-v2"], BY_ID["salmonn-13b"]]
    made = plan(wanted, gpu(23, GPU))
    assert [(one.model.id, one.precision) for one in made.placed] == [
        ("whisper-large-v2", "float16"),
        ("salmonn-13b", "int8"),
    ]
    assert "whisper-large-v2-encoder" in made.shared


def test_a_refusal_says_what_is_needed_what_is_there_and_what_would_fit() -> None:
    made = plan([BY_ID["salmonn-13b"]], gpu(19))
    assert made.refused == {
        "salmonn-13b": "SALMONN 13B needs 31.2 GB in float16; this GPU has 19.0 GB: 8-bit needs 18.5 GB."
    }
    both = plan([BY_ID["salmonn-13b"], BY_ID["salmonn-7b"]], gpu(19))
    assert both.refused["salmonn-13b"].endswith(": 8-bit needs 18.5 GB, or take SALMONN 7B (17.8 GB).")
    assert [one.model.id for one in both.placed] == ["salmonn-7b"]
    beside = plan([BY_ID["whisper-large-v3"], BY_ID["salmonn-7b"]], gpu(10))
    assert "this GPU has 10.0 GB, 6.2 GB of them taken by Whisper large-v3" in beside.refused["salmonn-7b"]
    unknown = plan([BY_ID["clap-htsat-fused"]], gpu(80))
    assert "is not known to us" in unknown.refused["clap-htsat-fused"]


def test_what_was_used_least_lately_leaves_and_no_more_than_must() -> None:
    resident = [Placed(BY_ID[id_], "float16") for id_ in ("whisper-large-v3", "whisper-medium", "pengi-base")]
    made = plan([BY_ID["salmonn-7b"]], gpu(23), resident)
    assert [one.model.id for one in made.evicted] == ["whisper-large-v3"]
    assert plan([BY_ID["salmonn-7b"]], gpu(30), resident).evicted == ()
    kept = plan([BY_ID["pengi-base"]], gpu(12), resident)
    assert kept.placed == (resident[2],)
    assert kept.evicted == ()


@given(models, devices, st.lists(st.sampled_from(PUBLISHED), unique=True, max_size=3))
def test_a_plan_never_overflows_and_answers_for_every_model(
    wanted: list[PublishedModel], device: Device, before: list[PublishedModel]
) -> None:
    resident = [Placed(model, device.precisions[0]) for model in before]
    if occupied(resident) > device.bytes:
        resident = []
    made = plan(wanted, device, resident)
    assert made.bytes <= device.bytes
    assert sorted([*(one.model.id for one in made.placed), *made.refused]) == sorted(m.id for m in wanted)
    assert not {one.model.id for one in made.evicted} & {model.id for model in wanted}
    assert occupied(made.placed) <= sum(one.model.memory(one.precision) for one in made.placed)
    assert all(str(reason).endswith(".") for reason in made.refused.values())


@given(st.sampled_from(PUBLISHED), st.integers(0, 60 * GB), st.integers(0, 60 * GB))
def test_what_fits_into_less_fits_into_more(model: PublishedModel, one: int, other: int) -> None:
    small, large = sorted((one, other))
    fits_small = plan([model], Device("small", small, GPU)).placed
    fits_large = plan([model], Device("large", large, GPU)).placed
    assert not fits_small or fits_large
    if fits_small:
        assert GPU.index(fits_large[0].precision) <= GPU.index(fits_small[0].precision)


@given(models, devices)
def test_the_best_suite_fits_and_gives_each_slot_a_reason(here: list[PublishedModel], device: Device) -> None:
    chosen = best_suite(here, device)
    assert tuple(chosen) == SYSTEMS
    placed = [one.placed for one in chosen.values() if one.placed]
    assert occupied(placed) <= device.bytes
    for system, choice in chosen.items():
        assert choice.reason
        if choice.placed:
            assert choice.placed.model.system == system
            assert choice.placed.model in here
        else:
            assert choice.reason.startswith("mini: ")


def test_the_best_suite_prefers_the_first_that_fits_and_says_why_not_the_others() -> None:
    chosen = best_suite(PUBLISHED, gpu(27))
    assert chosen["salmonn"].placed == Placed(BY_ID["salmonn-7b"], "float16")
    assert "SALMONN 7B: it is here, and fits in float16 with 17.8 GB more." in chosen["salmonn"].reason
    assert "SALMONN 13B needs 31.2 GB in float16; this GPU has 27.0 GB" in chosen["salmonn"].reason
    assert chosen["whisper"].placed == Placed(BY_ID["whisper-large-v3"], "float16")
    nothing = best_suite([], gpu(27))
    assert nothing["clap"].reason == "mini: no published model for clap has been fetched."


def test_a_part_is_as_large_as_its_numbers() -> None:
    part = Part("ears", 1_000, quantisable=800)
    sizes: dict[Precision, int] = {"float32": 4_000, "float16": 2_000, "int8": 1_200, "int4": 850}
    assert {precision: part.bytes(precision) for precision in sizes} == sizes
    whole = Part("eyes", 1_000)
    assert {whole.bytes(precision) for precision in sizes} == {4_000}, "it is read in float32 alone"
