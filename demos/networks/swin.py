"""Hierarchical transformer over shifted windows (Liu et al., Swin Transformer, ICCV 2021).

The parts HTSAT is built from. Hidden states travel as `[B, rows * columns, channels]`, row by row;
every block knows its grid `(rows, columns)`. Tensor names are the published ones.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

Grid = tuple[int, int]

FORBIDDEN = -100.0  # added to the attention score of two tokens that are no neighbours, as published


class DropPath(nn.Module):
    """Skip a residual branch for a random part of the batch, in training only (stochastic depth)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, branch: Tensor) -> Tensor:
        """Keep each row of `[B, ...]` with probability 1 - p, scaled so that the mean stays the same."""
        if not self.training or self.probability == 0.0:
            return branch
        kept = 1.0 - self.probability
        shape = (branch.shape[0],) + (1,) * (branch.dim() - 1)
        return branch * branch.new_empty(shape).bernoulli_(kept) / kept


class PatchEmbedding(nn.Module):
    """Cut an image into patches and map each to a token."""

    def __init__(self, patch_size: int, patch_stride: int, width: int) -> None:
        super().__init__()
        padding = (patch_size - patch_stride) // 2
        self.proj = nn.Conv2d(1, width, patch_size, stride=patch_stride, padding=padding)
        self.norm = nn.LayerNorm(width)

    def forward(self, image: Tensor) -> Tensor:
        """`[B, 1, rows, columns]` to tokens `[B, patches, width]`, row by row."""
        tokens: Tensor = self.norm(self.proj(image).flatten(2).transpose(1, 2))
        return tokens


class WindowAttention(nn.Module):
    """Attention among the tokens of each window, with a learned bias for each relative position."""

    relative_position_index: Tensor

    def __init__(self, width: int, window: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", relative_positions(window))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """Windows `[B, W, L, C]` of L tokens each; `mask` `[W, L, L]` is added to the scores."""
        batch, count, length, _ = windows.shape
        query, key, value, scores = self.scored(windows, mask)
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=scores.to(query.dtype)
        )
        attended = attended.view(batch, count, self.heads, length, -1).transpose(2, 3).flatten(3)
        output: Tensor = self.proj(attended)
        return output

    def scored(self, windows: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Queries, keys, values `[B, W * heads, L, width of a head]`, and what is added to their scores."""
        batch, count, length, width = windows.shape
        qkv = self.qkv(windows).view(batch, count, length, 3, self.heads, width // self.heads)
        # windows join the heads, so one mask serves the whole batch: [3, B, W * heads, L, width of a head]
        query, key, value = qkv.permute(3, 0, 1, 4, 2, 5).flatten(2, 3)
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = bias.view(length, length, self.heads).permute(2, 0, 1)[None]  # [1, heads, L, L]
        scores = bias.expand(count, -1, -1, -1) if mask is None else bias + mask[:, None]
        return query, key, value, scores.flatten(0, 1)[None]


class FeedForward(nn.Module):
    """Two linear maps with an exact GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[..., width]` to `[..., width]`."""
        output: Tensor = self.fc2(functional.gelu(self.fc1(tokens)))
        return output


class SwinBlock(nn.Module):
    """Pre-norm window attention and feed-forward; a shift of half a window joins what windows separate."""

    attn_mask: Tensor | None

    def __init__(
        self, width: int, grid: Grid, heads: int, window: int, shift: int, mlp_ratio: float, drop_path: float
    ) -> None:
        super().__init__()
        self.grid = grid
        self.window = window
        self.shift = shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, window, heads)
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, int(width * mlp_ratio))
        self.register_buffer("attn_mask", shifted_window_mask(grid, window, shift) if shift else None)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, rows * columns, width]` to the same shape and order."""
        tokens = tokens + self.drop_path(self._attend(self.norm1(tokens)))
        result: Tensor = tokens + self.drop_path(self.mlp(self.norm2(tokens)))
        return result

    def _attend(self, tokens: Tensor) -> Tensor:
        image = tokens.unflatten(1, self.grid)
        if self.shift:
            image = image.roll((-self.shift, -self.shift), (1, 2))
        image = join_windows(self.attn(cut_windows(image, self.window), self.attn_mask), self.grid)
        if self.shift:
            image = image.roll((self.shift, self.shift), (1, 2))
        return image.flatten(1, 2)


class PatchMerging(nn.Module):
    """Halve the grid: four neighbours become one token of twice the width."""

    def __init__(self, width: int, grid: Grid) -> None:
        super().__init__()
        self.grid = grid
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[B, rows * columns, width]` to `[B, rows * columns / 4, 2 * width]`."""
        image = tokens.unflatten(1, self.grid)
        even, odd = image[:, 0::2], image[:, 1::2]
        neighbours = torch.cat((even[:, :, 0::2], odd[:, :, 0::2], even[:, :, 1::2], odd[:, :, 1::2]), dim=-1)
        merged: Tensor = self.reduction(self.norm(neighbours.flatten(1, 2)))
        return merged


class SwinStage(nn.Module):
    """Blocks on one grid, every second one shifted, then a merging unless it is the last stage."""

    def __init__(
        self,
        width: int,
        grid: Grid,
        heads: int,
        window: int,
        mlp_ratio: float,
        drop_paths: list[float],
        merge: bool,
    ) -> None:
        super().__init__()
        whole = min(grid) <= window  # one window sees everything, a shift would only cut it
        window = min(grid) if whole else window
        self.blocks = nn.ModuleList(
            SwinBlock(
                width,
                grid,
                heads,
                window,
                0 if whole or depth % 2 == 0 else window // 2,
                mlp_ratio,
                drop_path,
            )
            for depth, drop_path in enumerate(drop_paths)
        )
        self.downsample = PatchMerging(width, grid) if merge else None


def cut_windows(image: Tensor, window: int) -> Tensor:
    """`[B, rows, columns, C]` to `[B, windows, window * window, C]`, row by row."""
    image = image.unflatten(2, (-1, window)).unflatten(1, (-1, window))  # [B, R, w, S, w, C]
    return image.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def join_windows(windows: Tensor, grid: Grid) -> Tensor:
    """The inverse of `cut_windows`: `[B, windows, window * window, C]` to `[B, rows, columns, C]`."""
    window = round(windows.shape[2] ** 0.5)
    cut = (grid[0] // window, grid[1] // window)
    image = windows.unflatten(1, cut).unflatten(3, (window, window))  # [B, R, S, w, w, C]
    return image.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def relative_positions(window: int) -> Tensor:
    """For each pair of tokens in a window, the row of the bias table: `[window², window²]`, int64."""
    coordinates = torch.cartesian_prod(torch.arange(window), torch.arange(window))
    offset = coordinates[:, None] - coordinates[None] + window - 1
    return offset[..., 0] * (2 * window - 1) + offset[..., 1]


def shifted_window_mask(grid: Grid, window: int, shift: int) -> Tensor:
    """Added to the scores of a shifted grid: 0 within a region, -100 across: `[windows, window², window²]`.

    After the shift the last window of each row and column holds strips that are no neighbours in the image.
    """
    regions = torch.zeros(1, *grid, 1)
    strips = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for number, (rows, columns) in enumerate((r, c) for r in strips for c in strips):
        regions[:, rows, columns] = number
    region = cut_windows(regions, window)[0, :, :, 0]
    return (region[:, None] != region[:, :, None]) * FORBIDDEN
