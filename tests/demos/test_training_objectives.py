"""What stages learn from and where they begin: known answers on small inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from demos.mini.train.beginnings import expect_rarely, principal_filters
from demos.mini.train.clap_examples import PLACES, event_places
from demos.mini.train.objectives import share_changed, which_class
from demos.mini.train.widening import some_of
from demos.mini.world.taxonomy import NAMES


def test_which_class_asks_only_where_something_sounds_and_shares_what_sounds_together() -> None:
    logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 0.0], [3.0, 3.0, -40.0]])
    truth = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    expected = (math.log(3) + math.log(2)) / 2  # the first row, wrong as it would be, does not count
    assert float(which_class(logits, truth)) == pytest.approx(expected, abs=1e-5)


def test_sounds_are_left_as_they_are_first_and_changed_later() -> None:
    shares = [share_changed(step, 100, most=0.9) for step in (0, 50, 100, 150, 1000)]
    assert shares == pytest.approx([0, 0, 0.5, 0.9, 0.9])
    rng = np.random.default_rng(0)
    changed, plain = (torch.ones(8, 2, 3), torch.ones(8, 1, 1)), (torch.zeros(8, 2, 3), torch.zeros(8, 1, 1))
    for share in (0.0, 1.0):
        sounds, truths = some_of(rng, share, changed, plain)
        assert sounds.mean() == truths.mean() == share
    sounds, truths = some_of(rng, 0.5, changed, plain)
    assert torch.equal(sounds.mean((1, 2)), truths.mean((1, 2)))
    assert 0 < sounds.mean() < 1


def test_rare_classes_are_expected_to_be_rare() -> None:
    layer = torch.nn.Linear(4, 3)
    expect_rarely(layer.bias, 0.02)
    assert layer.bias.detach().sigmoid().tolist() == pytest.approx([0.02] * 3)


def test_principal_filters_whiten_what_varies_most() -> None:
    torch.manual_seed(0)
    spread = torch.tensor([10.0, 5.0, 3.0, 0.001])
    turned = torch.linalg.qr(torch.randn(4, 4))[0]
    patches = torch.randn(20_000, 4) * spread @ turned.T + 7
    filters = principal_filters(patches, 3)
    heard = (patches - patches.mean(0)) @ filters.T
    torch.testing.assert_close(heard.T @ heard / len(heard), torch.eye(3), atol=0.02, rtol=0)
    faint = principal_filters(patches, 4)[3]
    assert float(((patches - patches.mean(0)) @ faint).std()) < 0.1  # noise is not drawn out


def test_events_have_places_in_the_order_of_their_beginnings() -> None:
    events = [{"name": NAMES[5], "onset": 2.0}, {"name": NAMES[3], "onset": 0.5}]
    assert event_places({"events": events}).tolist() == [3, 5, *[-1] * (PLACES - 2)]
    at_once = [{"name": NAMES[5], "onset": 1.0}, {"name": NAMES[3], "onset": 1.0}]
    assert event_places({"events": at_once}).tolist() == [-1] * PLACES
    assert event_places({"events": []}).tolist() == [-1] * PLACES
