"""Files of the Hugging Face Hub: which there are, and how they come into the cache of huggingface_hub.

The library finds and names the files, and what it put into its cache is used. The bytes are brought by
`demos.published.download`, because the library begins a file anew whenever its download was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from demos.published.download import Download, FetchError, refusal, unreachable
from demos.published.model import HubFiles
from demos.published.places import Places, chosen

ANSWER_SECONDS = 10.0  # for a question to the Hub


@dataclass(frozen=True, eq=False)
class HubFile:
    """One file of a repository, and how to bring it."""

    name: str
    download: Download


@dataclass(frozen=True, eq=False)
class Found:
    """The commit of a repository that a source's revision is now, and those of its files to be brought."""

    source: HubFiles
    commit: str
    files: tuple[HubFile, ...]


def find(source: HubFiles, where: Places) -> Found:
    """What of a source is not in the cache, in the order in which it names it.

    Raises FetchError when the Hub cannot be asked, has not what the source names, or has other files than
    those whose hashes are published.
    """
    from huggingface_hub import (
        HfApi,
        get_hf_file_metadata,
        get_token,
        hf_hub_url,
        try_to_load_from_cache,
    )
    from huggingface_hub.utils import build_hf_headers

    host = urlsplit(where.endpoint).netloc
    if where.offline:
        raise FetchError(
            f"{source.repo} is not here, and HF_HUB_OFFLINE forbids to ask {host} for it: unset it."
        )
    token = get_token()
    with _hub_errors(source, where):
        about = HfApi(endpoint=where.endpoint, token=token).model_info(
            source.repo, revision=source.revision, timeout=ANSWER_SECONDS
        )
    commit = about.sha or source.revision
    names, lacking = chosen(source, [sibling.rfilename for sibling in about.siblings or ()])
    if lacking:
        raise FetchError(
            f"{source.repo} at {host} has no file {' or '.join(lacking[0].split('|'))} any more."
        )

    found = []
    for name in names:
        if isinstance(try_to_load_from_cache(source.repo, name, cache_dir=where.hub, revision=commit), str):
            continue
        url = hf_hub_url(source.repo, name, revision=commit, endpoint=where.endpoint)
        with _hub_errors(source, where, name):
            metadata = get_hf_file_metadata(url, token=token, timeout=ANSWER_SECONDS, endpoint=where.endpoint)
        digest = metadata.etag or ""
        published = source.digests.get(name)
        if published and digest != published:
            raise FetchError(
                f"{name} in {source.repo} is another file than the one that was published: it is not fetched "
                f"(SHA-256 {digest[:12]}…, published {published[:12]}…)."
            )
        blob = where.repository(source) / "blobs" / digest
        found.append(
            HubFile(
                name,
                Download(
                    url=url,
                    target=blob,
                    part=blob.with_name(f"{digest}.incomplete"),
                    lock=where.hub / ".locks" / where.repository(source).name / f"{digest}.lock",
                    digest=digest,
                    size=metadata.size,
                    headers=build_hf_headers(token=token),
                    page=_page(source, where),
                ),
            )
        )
    return Found(source, commit, tuple(found))


def enter(found: Found, where: Places) -> None:
    """Give brought files their names in the cache, and note, as the library does, which commit it was."""
    from huggingface_hub import hf_hub_download

    source = found.source
    for file in found.files:
        with _hub_errors(source, where, file.name):
            hf_hub_download(
                source.repo, file.name, revision=found.commit, cache_dir=where.hub, endpoint=where.endpoint
            )
    if source.revision != found.commit:
        reference = where.repository(source) / "refs" / source.revision
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(found.commit, encoding="utf-8")


@contextmanager
def _hub_errors(source: HubFiles, where: Places, name: str = "") -> Iterator[None]:
    """Say what the Hub refuses."""
    import httpx2
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RevisionNotFoundError,
    )

    host = urlsplit(where.endpoint).netloc
    asked = f"{name} of {source.repo}" if name else source.repo
    try:
        yield
    except GatedRepoError as error:
        raise FetchError(refusal(asked, host, 403, _page(source, where))) from error
    except RevisionNotFoundError as error:
        raise FetchError(f"{source.repo} at {host} has no revision {source.revision} any more.") from error
    except HfHubHTTPError as error:
        page = _page(source, where) if error.response.status_code == 403 else ""
        raise FetchError(refusal(asked, host, error.response.status_code, page)) from error
    except (httpx2.TransportError, LocalEntryNotFoundError) as error:
        raise FetchError(unreachable(host)) from error


def _page(source: HubFiles, where: Places) -> str:
    return f"{where.endpoint}/{source.repo}"
