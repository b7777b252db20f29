"""Tests in a process of their own, with a disk that is full or folders that may not be written.

The limits hold for root as well, and go away with the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.store.savers import start

_SKIPPED = 77  # exit status of a process that may not do what its test needs
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_REC, _MS_PRIVATE = 1 << 14, 1 << 18
_CAPABILITIES = 0x20080522  # version of the structures that capset takes


def in_its_own_process(work: Callable[..., None], *arguments: object) -> None:
    """Run `work`, a function of a module, in a process of its own; what fails there fails here."""
    process = start(work, *arguments)
    process.join()
    if process.exitcode == _SKIPPED:
        pytest.skip("no file system may be mounted here")
    assert process.exitcode == 0, "see the captured output for what failed in the process"


def give_up_rights() -> None:
    """From now on this process may write only where the mode of a folder says so, also when it is root's."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
        nothing = (ctypes.c_uint32 * 6)()
        _call("capset", header, nothing)


@contextlib.contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """No file may be made or removed in `folder`; `give_up_rights` first."""
    mode = folder.stat().st_mode
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(mode)


@contextlib.contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """No file may be written beyond `size` bytes: a disk that is full, for files that are longer."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def mount_small_disk(folder: Path, size: int) -> None:
    """Make `folder` a disk of `size` bytes, seen by this process alone; ends it when that is not allowed."""
    user, group = os.geteuid(), os.getegid()
    try:
        if user == 0:
            _call("unshare", _CLONE_NEWNS)
        else:
            _call("unshare", _CLONE_NEWNS | _CLONE_NEWUSER)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        _call("mount", None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None)
        _call("mount", b"none", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(0), f"size={size}".encode())
    except (OSError, AttributeError):
        os._exit(_SKIPPED)


@contextlib.contextmanager
def room_left(folder: Path, size: int) -> Iterator[None]:
    """The disk of `folder` has `size` bytes left, and again what it had before."""
    filler = folder / "filler"
    disk = os.statvfs(folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - size)
    try:
        yield
    finally:
        filler.unlink()


def _call(function: str, *arguments: object) -> None:
    """Call a function of the C library; raises OSError when it fails, AttributeError when there is none."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
