"""The page is served before the mcp package is imported, which only the first call of a tool needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

PATH = "/gradio_api/mcp"  # where gradio has it; its page of the API and the Hub look for it there


class LateTools:
    """The place where tools are called; what answers there is made when it is asked for first.

    `make` returns gradio's MCP server. It is called once, in a thread, after the page is served.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None
        self._tasks: TaskGroup | None = None
        self._lock = anyio.Lock()

    @property
    def route(self) -> Mount:
        """The route to give the web server."""
        return Mount(PATH, app=self)

    @asynccontextmanager
    async def lifespan(self, _app: Any) -> AsyncIterator[None]:
        """What the web server has to run in: the calls end with it."""
        async with anyio.create_task_group() as self._tasks:
            yield
            self._tasks.cancel_scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under PATH."""
        async with self._lock:
            if self._made is None:
                made = await anyio.to_thread.run_sync(self._make)
                assert self._tasks is not None
                await self._tasks.start(_keep_running, made)
                self._made = made.application
        await self._made(scope, receive, send)


def settings(page: Any) -> dict[str, Any]:
    """How to launch a page (gradio's Blocks) so that it has tools, and tells of them under “Use via API”."""

    def make() -> Any:
        from demos.tools.tools_component import Tools

        return Tools(page)

    tools = LateTools(make)
    page.mcp_server = True
    # mcp_server=True would make gradio's own here and now, before the page is served
    return {"mcp_server": False, "app_kwargs": {"routes": [tools.route], "lifespan": tools.lifespan}}


async def _keep_running(server: Any, *, task_status: TaskStatus[None]) -> None:
    async with server.manager.run():
        task_status.started()
        await anyio.sleep_forever()
