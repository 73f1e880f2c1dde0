"""What people want of the interface: a clip, once it is there, and its bytes, verified.

Every operation is a method of `Festoon` as well (see `generated/operations.py`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, Unpack

import httpx
from httpx_sse import connect_sse

from .generated.operations import Operations, Parts
from .generated.schemas import PickRequest, Profile, PromisedClip, ReadyClip, Template, Ticket

#: Seconds that an answer may take; between events of a ticket the server sends a sign of life every 15 seconds.
PATIENCE_SECONDS = 60.0
#: Seconds before a ticket whose events broke off is followed again, and how often in a row.
RECONNECT_SECONDS = 2.0
RECONNECTS = 5


class Problem(Exception):
    """What the server says is wrong. `code` is stable, `detail` and `hint` are for people."""

    def __init__(self, response: httpx.Response) -> None:
        told: dict[str, object] = {}
        if response.headers.get("content-type", "").startswith("application/problem+json"):
            told = response.json()
        self.status = response.status_code
        self.code = str(told.get("code", "unknown"))
        self.detail = str(told.get("detail", f"{response.request.url} was answered {response.status_code}"))
        self.hint = told.get("hint")
        super().__init__(f"{self.code}: {self.detail}")


class Ended(Exception):
    """A ticket that ended without a clip: it failed, or was cancelled."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        super().__init__(f"the ticket {ticket['id']} is {ticket['status']}: {ticket.get('reason', 'nobody wants it any more')}")


class WrongBytes(Exception):
    """Bytes that are not those that the server named."""


class Festoon(Operations):
    """A festoon installation. `token` is the installation's own, for what operators do."""

    def __init__(self, base_url: str, *, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=PATIENCE_SECONDS, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def send(self, method: str, path: str, **parts: Unpack[Parts]) -> httpx.Response:
        query = {name: str(value) for name, value in parts.get("query", {}).items() if value is not None}
        headers = {name: value for name, value in parts.get("headers", {}).items() if value is not None}
        body, content = parts.get("json"), parts.get("content")
        return _checked(self._http.request(method, path, params=query, headers=headers, json=body, content=content))

    def templates(self, locale: str | None = None) -> list[Template]:
        """What can be picked, with words in the nearest locale."""
        return self.list_templates(locale=locale)["templates"]

    def follow(self, ticket: Ticket) -> Iterator[Ticket]:
        """A ticket each time that something happens, until it ends. A connection that breaks off is made again."""
        broken = 0
        while True:
            try:
                with connect_sse(self._http, "GET", ticket["events_url"]) as source:
                    _checked(source.response)
                    for event in source.iter_sse():
                        if not event.data:  # how long to wait before asking again
                            continue
                        broken = 0
                        now: Ticket = json.loads(event.data)
                        yield now
                        if now["status"] in ("done", "failed", "cancelled"):
                            return
            except httpx.TransportError:
                if broken >= RECONNECTS:
                    raise
            broken += 1
            if broken > RECONNECTS:
                raise httpx.ReadError(f"the events of the ticket {ticket['id']} end early again and again")
            time.sleep(RECONNECT_SECONDS)

    def clip(self, request: PickRequest, *, on_progress: Callable[[Ticket], object] = lambda _: None) -> ReadyClip:
        """A clip, once it is there: at once, or when it is painted.

        Raises `Problem` for what cannot be picked and `Ended` if painting it was given up.
        """
        while True:
            answer: ReadyClip | PromisedClip = self.pick_clip(request)
            if answer["status"] == "ready":
                return answer
            last: Ticket = answer
            for last in self.follow(answer):
                on_progress(last)
            if last["status"] != "done":
                raise Ended(last)

    def download(self, clip: ReadyClip, *, extension: str = "mp4", profile: Profile | None = "download") -> bytes:
        """The bytes of a clip in a form, held against the digest that the server names."""
        url = httpx.URL(clip["clip_url"])
        url = url.copy_with(path=url.path.rsplit(".", 1)[0] + f".{extension}")
        if profile:
            url = url.copy_merge_params({"profile": profile})
        response = _checked(self._http.get(url))
        if response.status_code != 200:
            raise Problem(response)
        # What is composed while it is sent has its digest from the second time on.
        named = response.headers.get("repr-digest") or self._http.head(url).headers.get("repr-digest", "")
        digest = base64.b64encode(hashlib.sha256(response.content).digest()).decode()
        if named != f"sha-256=:{digest}:":
            raise WrongBytes(f"{url} says {named or 'no digest'}, the bytes are sha-256=:{digest}:")
        return response.content


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        response.read()
        raise Problem(response)
    return response
