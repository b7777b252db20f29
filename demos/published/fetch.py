"""Brings the files of a published model to this machine, from wherever they are had."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from demos.published import hub
from demos.published.download import (
    PAUSE,
    Download,
    FetchError,
    Stage,
    Watch,
    bring,
    refusal,
    require_room,
    unreachable,
)
from demos.published.model import HandFile, HubFiles, PublishedModel, WebFile
from demos.published.places import Places, files_here, places, source_here

PACE_SECONDS = 10.0  # over which the speed is taken


@dataclass(frozen=True)
class Progress:
    """How far a download is: bytes here and in all (None: not known yet), and seconds left at this speed."""

    file: str
    stage: Stage
    done: int
    total: int | None
    seconds_left: float | None = None


class Pace:
    """How fast bytes came lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def seconds_left(self, done: int, total: int | None) -> float | None:
        """From how many bytes are here now: seconds until all are; None as long as nobody can say."""
        now = self._clock()
        self._seen.append((now, done))
        while now - self._seen[0][0] > PACE_SECONDS and len(self._seen) > 2:
            self._seen.popleft()
        began, before = self._seen[0]
        if total is None or now <= began or done <= before:
            return None
        return (total - done) * (now - began) / (done - before)


def fetch(
    model: PublishedModel,
    where: Places | None = None,
    report: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    pause: float = PAUSE,
) -> tuple[Path, ...]:
    """Bring the files of a model that are not here; all of them, in the order of its sources.

    What is here is not asked for again, so that this works without a network when everything is. Raises
    FetchError, with one sentence, when a file cannot be brought; what came stays for the next time.
    """
    where = where or places()
    if here := files_here(model, where):
        return here
    repositories, downloads = _find(model, where)
    _require_room(model, downloads)
    _bring_all(downloads, report, cancelled, pause)
    for found in repositories:
        hub.enter(found, where)
    for source in model.sources:
        if isinstance(source, HandFile) and not where.hand_file(source).is_file():
            raise FetchError(
                f"{source.name} is lacking for {model.title}: put it into {where.hand_file(source).parent} "
                f"({source.where}). Everything else is here."
            )
    here = files_here(model, where)
    if here is None:
        raise FetchError(f"The files of {model.title} changed at their source just now: fetch again.")
    return here


def _find(model: PublishedModel, where: Places) -> tuple[list[hub.Found], list[Download]]:
    """What has to be brought: the repositories with what they lack, and all downloads."""
    repositories: list[hub.Found] = []
    downloads: list[Download] = []
    for source in model.sources:
        if source_here(source, where):
            continue
        if isinstance(source, HubFiles):
            repositories.append(hub.find(source, where))
            downloads += [file.download for file in repositories[-1].files]
        elif isinstance(source, WebFile):
            target = where.web_file(source)
            downloads.append(
                Download(
                    url=source.url,
                    target=target,
                    part=target.with_name(f"{target.name}.part"),
                    lock=where.lock(target),
                    digest=source.sha256,
                    size=_size_on_the_web(source),
                )
            )
    return repositories, downloads


def _size_on_the_web(source: WebFile) -> int | None:
    """Bytes of a file, as its server says before it sends it; None when it does not."""
    import httpx

    host = urlsplit(source.url).netloc
    try:
        answer = httpx.head(source.url, follow_redirects=True, headers={"Accept-Encoding": "identity"})
    except httpx.TransportError as error:
        raise FetchError(unreachable(host)) from error
    if answer.status_code in (401, 403, 404, 410):
        raise FetchError(refusal(source.name, host, answer.status_code))
    length = answer.headers.get("Content-Length", "")
    return int(length) if answer.is_success and length.isdigit() else None


def _require_room(model: PublishedModel, downloads: list[Download]) -> None:
    """Look at each disk that gets something, before anything is brought."""
    needed: dict[Path, int] = {}
    for download in downloads:
        folder = download.target.parent
        while not folder.exists():
            folder = folder.parent
        disk = next((one for one in needed if one.stat().st_dev == folder.stat().st_dev), folder)
        needed[disk] = needed.get(disk, 0) + max((download.size or 0) - download.begun, 0)
    for folder, size in needed.items():
        require_room(folder, size, model.title)


def _bring_all(
    downloads: list[Download],
    report: Callable[[Progress], None] | None,
    cancelled: Callable[[], bool] | None,
    pause: float,
) -> None:
    sizes = [download.size for download in downloads]
    total = None if None in sizes else sum(size for size in sizes if size is not None)
    pace = Pace()
    whole = 0
    for download in downloads:
        here = download.begun

        def told(stage: Stage, new: int, download: Download = download, whole: int = whole) -> None:
            nonlocal here
            here += new
            if report:
                done = whole + here
                report(Progress(download.name, stage, done, total, pace.seconds_left(done, total)))

        bring(download, Watch(told, cancelled or (lambda: False)), pause)
        whole += download.target.stat().st_size
