"""Keys and values of a beam search, in memory that is taken once and written in place.

What stands before the generated text is the same for all beams of a window and never moves; only what was
generated follows the beams. The library's growing cache copies everything twice for each token instead.
"""

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


class BeamCache(Cache):
    """A cache of `layers` layers with room for `positions` positions."""

    def __init__(self, layers: int, positions: int) -> None:
        self._rooms = [_Room(positions) for _ in range(layers)]
        super().__init__(layers=list(self._rooms))

    def spread(self, rows: Tensor) -> None:
        """Make a copy of row `rows[i]` the new row i; there may be more or fewer of them than before."""
        for room in self._rooms:
            room.reorder_cache(rows)

    def follow(self, rows: Tensor, fixed: int) -> None:
        """The same for what stands behind the first `fixed` positions, which must not differ; as many rows
        as before.
        """
        for room in self._rooms:
            room.follow(rows, fixed)


class _Room(CacheLayerMixin):
    """The keys and values of one layer: [rows, heads, positions, width], filled up to `length`."""

    keys: Tensor
    values: Tensor

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.positions = positions
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys, self.values = (
            states.new_empty((*states.shape[:2], self.positions, states.shape[3]))
            for states in (key_states, value_states)
        )
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self.length = self.length, self.length + key_states.shape[2]
        self.keys[:, :, start : self.length] = key_states
        self.values[:, :, start : self.length] = value_states
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return self.positions

    def follow(self, rows: Tensor, fixed: int) -> None:
        for states in (self.keys, self.values):
            written = states[:, :, fixed : self.length]
            written.copy_(torch.index_select(written, 0, rows))
