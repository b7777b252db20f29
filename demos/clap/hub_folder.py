"""A CLAP of transformers from a folder as the Hugging Face Hub lays it out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import torch
from transformers import PreTrainedModel
from transformers.feature_extraction_utils import FeatureExtractionMixin

from demos.checkpoint_reader import CheckpointError
from demos.quiet_loading import quietly

Network = TypeVar("Network", bound=PreTrainedModel)
Extractor = TypeVar("Extractor", bound=FeatureExtractionMixin)

_RULES = "preprocessor_config.json"


def read_folder(
    folder: str | Path,
    title: str,
    network: type[Network],
    extractor: type[Extractor],
    parts: Sequence[str],
    holds_more: bool = False,
) -> tuple[Network, Extractor]:
    """A network (evaluation mode, float32, on the CPU) and its feature extractor, by their classes' own rules
    where the folder states none. Nothing is downloaded.

    `parts` are files that must be there; `holds_more` says that the weights may be a part of what the files
    hold. Raises CheckpointError if a file is missing or cannot be read, or if weights are missing or do not
    fit.
    """
    folder = Path(folder)
    missing = [name for name in parts if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"The {title} in {folder.name} lacks {', '.join(missing)}. Fetch it again.")
    try:
        with quietly():  # what does not fit is refused below, in a sentence
            model, report = network.from_pretrained(
                folder,
                local_files_only=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
        stated = (folder / _RULES).is_file()
        rules = extractor.from_pretrained(folder, local_files_only=True) if stated else extractor()
    except Exception as error:  # transformers and safetensors raise many kinds for damaged files
        raise CheckpointError(
            f"The {title} in {folder.name} cannot be read: {error}. Fetch it again."
        ) from error
    wrong = [*report["missing_keys"], *map(str, report["mismatched_keys"])]
    if not holds_more:
        wrong += [name for name in report["unexpected_keys"] if not name.endswith("position_ids")]
    if wrong:
        raise CheckpointError(
            f"The weights in {folder.name} do not fit its config.json: {', '.join(sorted(wrong)[:6])}."
        )
    return model.eval().requires_grad_(False), rules
