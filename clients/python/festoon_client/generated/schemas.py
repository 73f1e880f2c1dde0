# Generated from docs/openapi.json by `make clients`. Do not edit.

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict


class Canvas(TypedDict):
    fps: int
    frames: int
    height: int
    width: int


class CdnAnswer(TypedDict):
    cdn: str
    done: bool
    problem: NotRequired[str]


class Check(TypedDict):
    detail: str
    passed: bool


class Choice(TypedDict):
    id: str
    prompt: str | None


Digest: TypeAlias = str
"""
A blake3 hash: 64 lower-case hexadecimal digits.
"""


Extension: TypeAlias = Literal["avif", "jpg", "m3u8", "m4s", "mp4", "vtt", "webm", "webp"]
"""
Which forms: the first of its profiles unless `profile` says otherwise.
"""


class Reason(TypedDict):
    code: str
    detail: str


class KeptImage(TypedDict):
    bytes: int
    height: int
    image: Digest
    url: str
    width: int


Lane: TypeAlias = Literal["paid", "free", "prerender"]
"""
How urgent; all but `free` need the installation's token.
"""


class Media(TypedDict):
    """
    What a video file holds.
    """

    codec: str
    fps: int
    frames: int
    height: int
    width: int


Moment: TypeAlias = int
"""
Milliseconds since 1970-01-01T00:00:00Z.
"""


class NextTake(TypedDict):
    ready: bool
    """
    Whether it is painted.
    """
    variation: int


class OfCampaign(TypedDict):
    campaign: str


class OfTemplate(TypedDict):
    template: str


Opinion: TypeAlias = Literal["liked", "another", "motion", "faces", "colours", "text", "off-topic"]
"""
What somebody says of a take.
"""


class Parameter(TypedDict):
    """
    What may be chosen. Which of the bounds are there depends on `kind`.
    """

    choices: NotRequired[list[Choice]]
    default: str | None
    in_prompt: NotRequired[bool]
    """
    Whether the painter is told it.
    """
    kind: Literal["choice", "text", "colour", "number", "image", "boolean"]
    lines: NotRequired[int]
    max: NotRequired[float]
    max_graphemes: NotRequired[int]
    """
    Characters as a reader counts them.
    """
    min: NotRequired[float]
    name: str
    pattern: NotRequired[str | None]
    """
    What the whole text matches.
    """
    step: NotRequired[float]
    touches: Literal["plate", "overlay", "sound"]
    """
    What a change moves: footage that has to be painted, or what is composed at once.
    """


class ParameterWords(TypedDict):
    choices: dict[str, str]
    """
    What each choice is called.
    """
    default: str | None
    """
    What is drawn when nothing is typed.
    """
    hint: str | None
    label: str


class Problem(TypedDict):
    """
    An error (RFC 9457). Codes are stable; more may come.
    """

    code: str
    """
    For programs to tell problems apart.
    """
    detail: str
    """
    What was wrong this time.
    """
    hint: NotRequired[str]
    """
    What would be right.
    """
    retry_after: NotRequired[int]
    """
    Seconds until it is worth trying again.
    """
    status: int
    title: str
    """
    The code in a few words.
    """
    type: str


Profile: TypeAlias = Literal[
    "mp4",
    "download",
    "480p",
    "webm",
    "hls",
    "hls-full",
    "hls-480p",
    "hls-sound",
    "poster-jpg",
    "storyboard",
    "poster-webp",
    "preview",
    "poster-avif",
    "captions",
    "storyboard-track",
]
"""
The form of a clip.
"""


class Progress(TypedDict):
    done: int
    """
    Steps of this stage that are done.
    """
    of: int
    """
    Steps of this stage.
    """
    permille: int
    """
    Share of the whole.
    """
    stage: Literal["load", "text", "denoise", "decode", "paint", "encode", "hand-in"]


class Purged(TypedDict):
    bytes: int
    entries: int


class RatioOffer(TypedDict):
    height: int
    ratio: str
    width: int


class Reached(TypedDict):
    edge: str
    reached: bool


class Readiness(TypedDict):
    checks: dict[str, Check]
    ready: bool


class ReviewRequest(TypedDict):
    judgement: Literal["approve", "reject", "repaint"]
    note: NotRequired[str]
    """
    Why; shown to those who decide.
    """
    plates: list[Digest]


class StandIn(TypedDict):
    """
    A clip that is ready and can stand in.
    """

    clip_url: str
    differs: str
    """
    In what: `variation`, `parameters`, `locale`.
    """


class Take(TypedDict):
    said: dict[str, int]
    """
    How often each opinion was said.
    """
    score: int
    """
    Thousandths: how likely somebody is to like it.
    """
    variation: int


class Ticket(TypedDict):
    """
    A promise that a plate is painted.
    """

    ahead: NotRequired[int]
    """
    How many are painted before it.
    """
    attempts: int
    """
    How often a renderer took it.
    """
    blob: NotRequired[Digest]
    blob_url: NotRequired[str]
    events_url: str
    id: str
    """
    Names the job, and the order of whoever got the ticket.
    """
    lane: Lane
    left_millis: NotRequired[int]
    """
    Milliseconds until it is painted, as far as can be told.
    """
    ordered_at: Moment
    plate: Digest
    progress: NotRequired[Progress]
    reason: NotRequired[str]
    """
    Why it was given up.
    """
    status: Literal["queued", "painting", "done", "failed", "cancelled"]
    url: str


class Topic(TypedDict):
    """
    Every take of it was painted from the same words.
    """

    liked: int
    locale: str
    prompt: Digest
    said_at: Moment
    takes: list[Take]
    template: str
    told: str
    """
    What the painter was told.
    """
    turned_down: int


SeenItem: TypeAlias = int


class WarmRequest(TypedDict):
    campaigns: list[str]


class Warmth(TypedDict):
    """
    How much of what somebody needs is there.
    """

    bytes: int
    there: int
    wanted: int


class WithDigest(TypedDict):
    digest: Digest


class WithTag(TypedDict):
    tag: str
    """
    As `Surrogate-Key` and `Cache-Tag` name it.
    """


class Words(TypedDict):
    """
    The words of a template in one locale.
    """

    description: str
    parameters: dict[str, ParameterWords]
    title: str


class Decision(TypedDict):
    at: Moment
    by: str
    in_its_place: Digest | None
    """
    The plate that stands in the place of one that is repainted.
    """
    note: str
    plate: Digest
    ruling: Literal["approved", "rejected", "repainted"]
    template: str


class FlaggedPlate(TypedDict):
    made_at: Moment
    plate: Digest
    reasons: list[Reason]
    template: str
    wanted_by: list[str]
    """
    Campaigns and pre-render rules that need it.
    """


class Opinions(TypedDict):
    topics: list[Topic]


class Pick(TypedDict):
    """
    A pick in canonical form.
    """

    at: NotRequired[float]
    locale: str
    parameters: dict[str, str]
    profile: Profile
    ratio: NotRequired[str]
    template: str
    variation: int


class PickRequest(TypedDict):
    """
    What is asked for.
    """

    at: NotRequired[float]
    """
    Which second a poster shows.
    """
    lane: NotRequired[Lane]
    locale: str
    """
    A BCP-47 tag.
    """
    parameters: NotRequired[dict[str, str]]
    """
    Values by the names of the parameters; what is left out has its default.
    """
    profile: NotRequired[Profile]
    ratio: NotRequired[str]
    """
    The template's first if left out.
    """
    template: str
    variation: NotRequired[int]
    """
    Which take.
    """


class PromisedClip(Ticket):
    """
    A ticket, and what it is for.
    """

    clip: Digest
    clip_url: str
    """
    Where the clip will be.
    """
    nearest: NotRequired[StandIn]
    pick: Pick


class Purge(TypedDict):
    cdns: list[CdnAnswer]
    edges: list[Reached]
    here: Purged
    takedown: NotRequired[str]
    """
    By which it is lifted.
    """


class ReadyClip(TypedDict):
    """
    A clip that is there, or is composed when it is fetched.
    """

    blob: NotRequired[Digest]
    blob_url: NotRequired[str]
    """
    Its bytes by their hash, once they are made.
    """
    bytes: NotRequired[int]
    clip: Digest
    clip_url: str
    """
    Where the clip is.
    """
    media: Media
    overlay: str
    """
    What draws on the plate: `festoon`, or `none`.
    """
    pick: Pick
    plate: Digest
    sound: NotRequired[Literal["aac", "opus", "none", "missing"]]
    status: Literal["ready"]


class Reviews(TypedDict):
    count: int
    """
    How many wait.
    """
    decided: list[Decision]
    waiting: list[FlaggedPlate]


class SaidOpinion(TypedDict):
    opinion: Opinion
    pick: PickRequest


Selector: TypeAlias = OfTemplate | OfCampaign | WithTag | WithDigest
"""
What goes: one of these.
"""


class Takedown(TypedDict):
    at: Moment
    id: str
    reason: str
    what: list[Selector]


class Takedowns(TypedDict):
    takedowns: list[Takedown]


class Template(TypedDict):
    canvas: Canvas
    default_locale: str
    id: str
    locale: str
    """
    The locale of `words`.
    """
    locales: list[str]
    model: str | None
    """
    The checkpoint, if a model paints it.
    """
    model_kind: Literal["production", "demonstration"] | None
    """
    What the checkpoint is for.
    """
    painter: str
    """
    What makes the frames, with its version: `motion/…` is procedural, `wan/…` a model.
    """
    parameters: list[Parameter]
    ratios: list[RatioOffer]
    """
    The first one is taken unless a pick says otherwise.
    """
    words: Words


class Templates(TypedDict):
    templates: list[Template]


class TurnedDown(TypedDict):
    pick: PickRequest
    seen: NotRequired[list[SeenItem]]
    """
    Takes that are not to be offered again.
    """


class WarmEdge(TypedDict):
    answers: bool
    """
    Whether it asked for news in the last minute.
    """
    edge: str
    warm: dict[str, Warmth]


class WarmReport(TypedDict):
    edges: list[WarmEdge]
    here: dict[str, Warmth]
    """
    By who needs it: `campaign:<id>`, `<template>/<rule>`, `warm:<campaign>`.
    """


class Decided(TypedDict):
    decided: list[Decision]


class PurgeRequest(TypedDict):
    reason: NotRequired[str]
    """
    A takedown needs one.
    """
    what: list[Selector]
