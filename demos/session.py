"""What the server keeps for one visitor, from the first sound until the page is closed; nothing on the disk.

Listening keeps nothing: sound, observations, temporary files, views and encodings go when another sound
comes, when the page is closed, or when nobody asked for them for an hour.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from pathlib import Path

from demos.conversation import FollowUp
from demos.engine import Engine
from demos.sound import Sound
from store.records import Observation

IDLE_SECONDS = 3600.0
Part = tuple[float, float | None]  # start and stop in seconds; None is the end of the sound
WHOLE: Part = (0.0, None)
MOST_OBSERVATIONS = 500  # of one sound; the oldest go first
MOST_CALLS = 64  # of tools whose sound and answer are kept; more than the 40 that gradio lets run at once
_CALL = "call of a tool "


class Session:
    """One visitor's sound, what was said of it, and how to stop what is still being said.

    May be called from many threads. After `close` it keeps nothing more. `name` is the id that the server
    gave the page, and secret.
    """

    def __init__(self, sessions: Sessions, name: str) -> None:
        self.name = name
        self._sessions = sessions
        self._lock = threading.Lock()
        self._changing = threading.Lock()  # held while it is looked whether another sound has come
        self._sound: Sound | None = None
        self._observations: OrderedDict[str, Observation] = OrderedDict()
        self._latest: dict[str, Observation] = {}
        self._running: dict[str, threading.Event] = {}
        self._parts: dict[str, Part] = {}
        self._begun: dict[str, int] = {}  # the number of the ask that each panel began last
        self._called_off: dict[str, int] = {}  # up to which number each panel's asks were cancelled
        self._follow_ups: dict[str, FollowUp] = {}
        self._files: set[Path] = set()
        self._aside: dict[str, object] = {}
        self._closed = False

    @property
    def sound(self) -> Sound | None:
        """The sound that the visitor brought last."""
        return self._sound

    @property
    def is_call(self) -> bool:
        """Whether it is of one call of a tool, by a caller who has no session."""
        return self.name.startswith(_CALL)

    @property
    def closed(self) -> bool:
        """Whether the visitor has gone."""
        return self._closed

    def hold(self, sound: Sound) -> None:
        """Take another sound; what was said and kept of the one before goes."""
        self._drop(sound)

    def hold_once(self, sound: Sound) -> Sound:
        """Take a sound, unless the same one is here already with what was said of it; returns that one."""
        with self._changing:
            held = self._sound
            if held is not None and held.clip.id == sound.clip.id:
                return held
            self.hold(sound)
        return sound

    def begin(self, panel: str, ask: int = 0) -> threading.Event:
        """The event that cancels a panel's next answer; its answer under way is cancelled now.

        `ask` is the number that the page gave the question, counted from 1, or 0 for one without. What was
        cancelled while it waited is given an event that is set already.
        """
        event = threading.Event()
        with self._lock:
            before = self._running.get(panel)
            self._running[panel] = event
            self._begun[panel] = max(ask, self._begun.get(panel, 0))
            if self._closed or 0 < ask <= self._called_off.get(panel, 0):
                event.set()
        if before is not None:
            before.set()
        return event

    def choose_part(self, panel: str, part: Part) -> None:
        """The part of the sound that a panel is asked about from now on."""
        with self._lock:
            self._parts[panel] = part

    def part(self, panel: str) -> Part:
        """The part of the sound that a panel was asked about last."""
        with self._lock:
            return self._parts.get(panel, WHOLE)

    def follow(self, panel: str, question: FollowUp | None) -> None:
        """The question of a conversation that a panel is asked from now on; None ends the conversation."""
        with self._lock:
            if question is None:
                self._follow_ups.pop(panel, None)
            else:
                self._follow_ups[panel] = question

    def follow_up(self, panel: str) -> FollowUp | None:
        """The question of a conversation that a panel was asked last, None where none was before it."""
        with self._lock:
            return self._follow_ups.get(panel)

    def is_current(self, panel: str, event: threading.Event) -> bool:
        """Whether no later answer of that panel has begun since `begin` gave this event."""
        with self._lock:
            return self._running.get(panel) is event

    def cancel(self, panel: str, ask: int = 0) -> bool:
        """Stop what is being said in a panel, and what was asked up to number `ask` and still waits.

        Returns whether that one had begun.
        """
        with self._lock:
            event = self._running.get(panel)
            self._called_off[panel] = max(ask, self._called_off.get(panel, 0))
            begun = ask <= self._begun.get(panel, 0)
        if event is not None:
            event.set()
        return begun

    def keep(self, observation: Observation, panel: str = "") -> None:
        """Remember an observation of the present sound, and in which panel it stands.

        One of another sound is passed over.
        """
        with self._lock:
            if self._sound is None or observation.view.clip_id != self._sound.clip.id:
                return
            self._observations[observation.id] = observation
            if panel:
                self._latest[panel] = observation
            while len(self._observations) > MOST_OBSERVATIONS:
                self._observations.popitem(last=False)

    def observation(self, observation_id: str) -> Observation | None:
        """The observation with this id, if it is of the present sound."""
        with self._lock:
            return self._observations.get(observation_id)

    def latest(self, panel: str) -> Observation | None:
        """What a panel said last of the present sound."""
        with self._lock:
            return self._latest.get(panel)

    def observations(self) -> list[Observation]:
        """All that was said of the present sound, the oldest first."""
        with self._lock:
            return list(self._observations.values())

    def put_aside(self, name: str, thing: object, sound: Sound) -> bool:
        """Keep one more thing of a sound under a name; False, and nothing is kept, when it has gone."""
        with self._lock:
            if self._sound is not sound:
                return False
            self._aside[name] = thing
            return True

    def aside(self, name: str) -> object | None:
        """What was put aside under this name for the present sound."""
        with self._lock:
            return self._aside.get(name)

    def take_away(self, name: str) -> None:
        """Let go of what was put aside under this name."""
        with self._lock:
            self._aside.pop(name, None)

    def keep_file(self, path: Path) -> None:
        """Delete this temporary file with the present sound."""
        with self._lock:
            if not self._closed:
                self._files.add(path)
                return
        path.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop everything and keep nothing."""
        with self._lock:
            self._closed = True
        self._drop()

    def _drop(self, sound: Sound | None = None) -> None:
        """Stop the systems, let go of observations, files, views and encodings, and take another sound."""
        with self._lock:
            events, self._running = list(self._running.values()), {}
            files, self._files = self._files, set()
            before, self._sound = self._sound, None if self._closed else sound
            self._observations.clear()
            self._latest.clear()
            self._parts.clear()
            self._follow_ups.clear()
            self._aside.clear()
        for event in events:
            event.set()
        for path in files:
            path.unlink(missing_ok=True)
        if before is not None:
            self._sessions.forget(before)


class Sessions:
    """All visitors of one engine, by the id that the server gives each page."""

    def __init__(self, engine: Engine, idle_seconds: float = IDLE_SECONDS) -> None:
        self._engine = engine
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._asked: dict[str, float] = {}  # when each was last asked for, by the monotonic clock

    def of(self, session_id: str | None) -> Session:
        """The session of a page, made when it is asked for first; those that are idle are closed then."""
        name = session_id or ""
        with self._lock:
            new = name not in self._sessions
            if new:
                self._sessions[name] = Session(self, name)
            self._asked[name] = time.monotonic()
            session = self._sessions[name]
        if new:
            self.close_idle()
        return session

    def of_call(self, observation_id: str = "") -> Session:
        """The session of a tool's call: the one that keeps this observation, else a new one of its own.

        Who calls tools has no session with the server, and all come through one client of its own. What one
        was answered is found again by the id of the observation, which nobody else was told.
        """
        with self._lock:
            calls = [name for name in self._asked if name.startswith(_CALL)]
            for name in calls:
                session = self._sessions[name]
                if session.observation(observation_id) is not None:
                    self._asked[name] = time.monotonic()
                    return session
            calls.sort(key=lambda name: self._asked[name])
        for name in calls[: max(0, len(calls) + 1 - MOST_CALLS)]:
            self.close(name)
        return self.of(f"{_CALL}{secrets.token_hex(16)}")

    def close(self, session_id: str | None) -> None:
        """Close a page's session and delete all that was kept for it."""
        name = session_id or ""
        with self._lock:
            session = self._sessions.pop(name, None)
            self._asked.pop(name, None)
        if session is not None:
            session.close()

    def close_idle(self) -> None:
        """Close the sessions that nobody asked for within the idle time, even if their page is still open."""
        oldest = time.monotonic() - self._idle_seconds
        with self._lock:
            idle = [name for name, asked in self._asked.items() if asked < oldest]
        for name in idle:
            self.close(name)

    def forget(self, sound: Sound) -> None:
        """Drop a sound's views and encodings, unless another session holds the same sound."""
        clip_id = sound.clip.id
        with self._lock:
            sessions = list(self._sessions.values())
        held = (session.sound for session in sessions)
        if not any(other is not None and other.clip.id == clip_id for other in held):
            self._engine.forget(clip_id)

    def __len__(self) -> int:
        return len(self._sessions)
