/** What people want of the interface: a clip, once it is there, and its bytes, verified. `api` has every operation, typed. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./generated/schema.js";

type Schemas = components["schemas"];
export type { components, paths };
export type Pick = Schemas["PickRequest"];
export type Profile = Schemas["Profile"];
export type Promised = Schemas["PromisedClip"];
export type Ready = Schemas["ReadyClip"];
export type Template = Schemas["Template"];
export type Ticket = Schemas["Ticket"];

/** Milliseconds before a ticket whose events broke off is followed again, and how often in a row. */
const RECONNECT_MILLIS = 2000;
const RECONNECTS = 5;

/** What the server says is wrong. `code` is stable, the message is for people. */
export class ProblemError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  constructor(
    readonly status: number,
    problem: Partial<Schemas["Problem"]> | undefined,
  ) {
    const code = problem?.code ?? "unknown";
    super(`${code}: ${problem?.detail ?? `the answer is ${status}`}`);
    this.code = code;
    this.hint = problem?.hint;
  }
}

/** A ticket that ended without a clip: it failed, or was cancelled. */
export class EndedError extends Error {
  constructor(readonly ticket: Ticket) {
    super(`the ticket ${ticket.id} is ${ticket.status}: ${ticket.reason ?? "nobody wants it any more"}`);
  }
}

/** Bytes that are not those that the server named, or a connection that breaks off again and again. */
export class TransferError extends Error {}

export interface Settings {
  /** Where the installation answers. */
  baseUrl: string;
  /** The installation's own token, for what operators do. */
  token?: string;
}

export interface Waiting {
  /** Told a ticket each time that something happens. */
  onProgress?: (ticket: Ticket) => void;
  /** Ends the wait. */
  signal?: AbortSignal;
}

/** A festoon installation. */
export class Festoon {
  /** Every operation of the interface, typed by its OpenAPI document. */
  readonly api: Client<paths>;
  readonly #baseUrl: string;
  readonly #headers: Record<string, string>;

  constructor({ baseUrl, token }: Settings) {
    this.#baseUrl = baseUrl;
    this.#headers = token ? { authorization: `Bearer ${token}` } : {};
    // A template's parameters are pairs of the query themselves.
    const querySerializer = { object: { style: "form", explode: true } } as const;
    this.api = createClient<paths>({ baseUrl, headers: this.#headers, querySerializer });
  }

  /** What can be picked, with words in the nearest locale. */
  async templates(locale?: string): Promise<Template[]> {
    const { data, error, response } = await this.api.GET("/v1/templates", { params: { query: locale ? { locale } : {} } });
    if (!data) throw new ProblemError(response.status, error);
    return data.templates;
  }

  /** Asks for a clip: it is ready, or there is a ticket. */
  async pick(pick: Pick, signal?: AbortSignal): Promise<Ready | Promised> {
    const { data, error, response } = await this.api.POST("/v1/picks", { body: pick, signal: signal ?? null });
    if (!data) throw new ProblemError(response.status, error);
    return data;
  }

  /** A ticket each time that something happens, until it ends. A connection that breaks off is made again. */
  async *follow(ticket: Ticket, signal?: AbortSignal): AsyncGenerator<Ticket> {
    for (let broken = 0; broken <= RECONNECTS; broken++) {
      const response = await this.#get(ticket.events_url, signal);
      try {
        const events = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
        for await (const event of events ?? []) {
          broken = 0;
          const now = JSON.parse(event.data) as Ticket;
          yield now;
          if (["done", "failed", "cancelled"].includes(now.status)) return;
        }
      } catch (error) {
        // What breaks off while it is read is a TypeError; all else is somebody else's.
        if (signal?.aborted || !(error instanceof TypeError)) throw error;
      }
      await new Promise((after) => setTimeout(after, RECONNECT_MILLIS));
      signal?.throwIfAborted();
    }
    throw new TransferError(`the events of the ticket ${ticket.id} end early again and again`);
  }

  /** A clip, once it is there: at once, or when it is painted. */
  async clip(pick: Pick, { onProgress, signal }: Waiting = {}): Promise<Ready> {
    for (;;) {
      const answer = await this.pick(pick, signal);
      if (answer.status === "ready") return answer;
      let last: Ticket = answer;
      for await (last of this.follow(answer, signal)) onProgress?.(last);
      if (last.status !== "done") throw new EndedError(last);
    }
  }

  /** The bytes of a clip in a form, held against the digest that the server names. */
  async download(clip: Ready, { extension = "mp4", profile = "download" }: { extension?: string; profile?: Profile } = {}): Promise<Uint8Array> {
    const url = new URL(clip.clip_url, this.#baseUrl);
    url.pathname = url.pathname.replace(/\.\w+$/, `.${extension}`);
    url.searchParams.set("profile", profile);
    const response = await this.#get(url);
    if (response.status !== 200) throw new ProblemError(response.status, undefined);
    const bytes = new Uint8Array(await response.arrayBuffer());
    // What is composed while it is sent has its digest from the second time on.
    const named = response.headers.get("repr-digest") ?? (await fetch(url, { method: "HEAD", headers: this.#headers })).headers.get("repr-digest");
    const digest = String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
    if (named !== `sha-256=:${btoa(digest)}:`) throw new TransferError(`${url} says ${named ?? "no digest"}, which the bytes are not`);
    return bytes;
  }

  async #get(path: string | URL, signal?: AbortSignal): Promise<Response> {
    const response = await fetch(new URL(path, this.#baseUrl), { headers: this.#headers, signal: signal ?? null });
    if (response.ok) return response;
    const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
    throw new ProblemError(response.status, isProblem ? ((await response.json()) as Schemas["Problem"]) : undefined);
  }
}
