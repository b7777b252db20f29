"""Whose session a call of an endpoint belongs to: a page's, a program's, or that of one call of a tool."""

from __future__ import annotations

import gradio as gr

from demos.session import Session, Sessions


def session_of(sessions: Sessions, request: gr.Request, observation_id: str = "") -> Session:
    """The caller's session. A tool's caller has one for each call, found again by an observation's id."""
    if request.headers.get("x-gradio-user") == "mcp":  # by gradio's one client for all callers of tools
        return sessions.of_call(observation_id)
    return sessions.of(request.session_hash)
