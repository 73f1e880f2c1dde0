# Generated from docs/openapi.json by `make clients`. Do not edit.
"""Every operation of the interface, as a method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, Unpack, cast
from urllib.parse import quote

import httpx

from . import schemas


class Parts(TypedDict, total=False):
    """What goes with a request beside its address."""

    query: Mapping[str, object]
    headers: Mapping[str, str | None]
    json: object
    content: bytes


class Operations:
    """Sends what its methods say with `send`, which a client provides."""

    def send(self, method: str, path: str, **parts: Unpack[Parts]) -> httpx.Response:
        """Sends a request; raises what the server says is wrong."""
        raise NotImplementedError

    def is_alive(self) -> httpx.Response:
        """The process answers."""
        return self.send("GET", "/healthz")

    def get_metrics(self) -> httpx.Response:
        """Counters, as Prometheus text."""
        return self.send("GET", "/metrics")

    def get_open_api(self) -> httpx.Response:
        """This interface, as OpenAPI 3.1."""
        return self.send("GET", "/openapi.json")

    def is_ready(self) -> schemas.Readiness:
        """It can do its work."""
        return cast(schemas.Readiness, self.send("GET", "/readyz").json())

    def get_blob(
        self, blob: schemas.Digest, ext: schemas.Extension, *, range: str | None = None, if_none_match: str | None = None
    ) -> httpx.Response:
        """Bytes by their hash, for ever.

        Immutable. `Repr-Digest` is the SHA-256 of the whole, also on a part.
        """
        return self.send(
            "GET",
            f"/v1/blobs/{quote(blob, safe='')}.{quote(ext, safe='')}",
            headers={"Range": range, "If-None-Match": if_none_match},
        )

    def another_take(self, key: schemas.Digest, body: schemas.TurnedDown) -> schemas.NextTake:
        """Turns a take down, says which comes next.

        The best liked of the painted takes that were not seen, else the first that was not, to be ordered with `POST /v1/picks`.
        """
        return cast(schemas.NextTake, self.send("POST", f"/v1/clips/{quote(key, safe='')}/another", json=body).json())

    def say_opinion(self, key: schemas.Digest, body: schemas.SaidOpinion) -> None:
        """Says what somebody thinks of a take."""
        self.send("POST", f"/v1/clips/{quote(key, safe='')}/opinion", json=body)

    def get_clip_in_my_locale(
        self, template: str, ext: schemas.Extension, *, accept_language: str | None = None
    ) -> httpx.Response:
        """Redirects to the visitor's locale."""
        return self.send(
            "GET", f"/v1/clips/{quote(template, safe='')}.{quote(ext, safe='')}", headers={"Accept-Language": accept_language}
        )

    def get_clip(
        self,
        template: str,
        locale: str,
        ext: schemas.Extension,
        *,
        parameters: Mapping[str, str] | None = None,
        ratio: str | None = None,
        variation: int | None = None,
        profile: schemas.Profile | None = None,
        at: float | None = None,
        fallback: str | None = None,
        expires: int | None = None,
        kid: str | None = None,
        sig: str | None = None,
        prefer: str | None = None,
        range: str | None = None,
        if_none_match: str | None = None,
    ) -> httpx.Response:
        """A clip, or a ticket for it.

        The bytes of a clip. Each parameter of the template is a pair of the query; order and spelling do not matter. What is drawn is composed while it is sent; the second time it is there. What is not painted yet is promised: 202.
        """
        return self.send(
            "GET",
            f"/v1/clips/{quote(template, safe='')}/{quote(locale, safe='')}.{quote(ext, safe='')}",
            query={
                "ratio": ratio,
                "variation": variation,
                "profile": profile,
                "at": at,
                "fallback": fallback,
                "expires": expires,
                "kid": kid,
                "sig": sig,
                **(parameters or {}),
            },
            headers={"Prefer": prefer, "Range": range, "If-None-Match": if_none_match},
        )

    def bring_image(self, body: bytes) -> schemas.KeptImage:
        """Brings an image that picks may name.

        The body is the file: PNG, JPEG, WebP, or an SVG of plain shapes. What it is, its bytes tell.
        """
        return cast(schemas.KeptImage, self.send("POST", "/v1/images", content=body).json())

    def get_image(self, image: schemas.Digest) -> httpx.Response:
        """An image as it is kept."""
        return self.send("GET", f"/v1/images/{quote(image, safe='')}.png")

    def list_opinions(self) -> schemas.Opinions:
        """Operators: what was said of takes."""
        return cast(schemas.Opinions, self.send("GET", "/v1/opinions").json())

    def pick_clip(
        self, body: schemas.PickRequest, *, idempotency_key: str | None = None
    ) -> schemas.ReadyClip | schemas.PromisedClip:
        """Asks for a clip: ready, or a ticket.

        The same as the clip's address, in JSON. With an `Idempotency-Key` an order that is sent twice counts once.
        """
        return cast(
            schemas.ReadyClip | schemas.PromisedClip,
            self.send("POST", "/v1/picks", json=body, headers={"Idempotency-Key": idempotency_key}).json(),
        )

    def purge(self, body: schemas.PurgeRequest) -> schemas.Purge:
        """Lets go of copies, everywhere.

        Copies go, and what was made of plates: in memory, on disk, at every edge and in CDNs. Plates stay.
        """
        return cast(schemas.Purge, self.send("POST", "/v1/purge", json=body).json())

    def list_reviews(self) -> schemas.Reviews:
        """Operators: plates to look at."""
        return cast(schemas.Reviews, self.send("GET", "/v1/reviews").json())

    def decide(self, body: schemas.ReviewRequest) -> schemas.Decided:
        """Operators: approves, rejects or repaints plates.

        What is approved may be seen. What is rejected is shown to nobody, and copies go everywhere; what is repainted as well, and another take is ordered in its place. All of the plates are decided about, or none.
        """
        return cast(schemas.Decided, self.send("POST", "/v1/reviews", json=body).json())

    def list_takedowns(self) -> schemas.Takedowns:
        """What is taken down."""
        return cast(schemas.Takedowns, self.send("GET", "/v1/takedowns").json())

    def take_down(self, body: schemas.PurgeRequest) -> schemas.Purge:
        """Deletes, and keeps from being made again.

        Plates go too, and what is named is answered 451 until the takedown is lifted.
        """
        return cast(schemas.Purge, self.send("POST", "/v1/takedowns", json=body).json())

    def lift_takedown(self, id: str) -> None:
        """Lifts a takedown."""
        self.send("DELETE", f"/v1/takedowns/{quote(id, safe='')}")

    def list_templates(self, *, locale: str | None = None, accept_language: str | None = None) -> schemas.Templates:
        """What can be picked."""
        return cast(
            schemas.Templates,
            self.send("GET", "/v1/templates", query={"locale": locale}, headers={"Accept-Language": accept_language}).json(),
        )

    def cancel_ticket(self, id: str) -> schemas.Ticket:
        """Takes an order back.

        Painting stops when nobody who ordered it is left. Who joined without ordering has a ticket that only shows.
        """
        return cast(schemas.Ticket, self.send("DELETE", f"/v1/tickets/{quote(id, safe='')}").json())

    def get_ticket(self, id: str) -> schemas.Ticket:
        """How far a ticket is."""
        return cast(schemas.Ticket, self.send("GET", f"/v1/tickets/{quote(id, safe='')}").json())

    def follow_ticket(self, id: str) -> httpx.Response:
        """Progress as it happens (SSE).

        Server-sent events `progress`, and at the end `done`, `failed` or `cancelled`. The data of each is the whole ticket as JSON.
        """
        return self.send("GET", f"/v1/tickets/{quote(id, safe='')}/events")

    def get_warm(self) -> schemas.WarmReport:
        """What is warm where."""
        return cast(schemas.WarmReport, self.send("GET", "/v1/warm").json())

    def warm(self, body: schemas.WarmRequest) -> schemas.WarmReport:
        """Has campaigns warm at every edge before their time."""
        return cast(schemas.WarmReport, self.send("POST", "/v1/warm", json=body).json())

    def cool_down(self, campaign: str) -> None:
        """Lets a campaign go that was warmed before its time."""
        self.send("DELETE", f"/v1/warm/{quote(campaign, safe='')}")
