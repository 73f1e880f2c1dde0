// Generated from docs/openapi.json by `make clients`. Do not edit.
export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process answers */
        get: operations["isAlive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Counters, as Prometheus text */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This interface, as OpenAPI 3.1 */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** It can do its work */
        get: operations["isReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/blobs/{blob}.{ext}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Bytes by their hash, for ever
         * @description Immutable. `Repr-Digest` is the SHA-256 of the whole, also on a part.
         */
        get: operations["getBlob"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clips/{key}/another": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Turns a take down, says which comes next
         * @description The best liked of the painted takes that were not seen, else the first that was not, to be ordered with `POST /v1/picks`.
         */
        post: operations["anotherTake"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clips/{key}/opinion": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Says what somebody thinks of a take */
        post: operations["sayOpinion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clips/{template}.{ext}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Redirects to the visitor's locale */
        get: operations["getClipInMyLocale"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/clips/{template}/{locale}.{ext}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A clip, or a ticket for it
         * @description The bytes of a clip. Each parameter of the template is a pair of the query; order and spelling do not matter. What is drawn is composed while it is sent; the second time it is there. What is not painted yet is promised: 202.
         */
        get: operations["getClip"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/images": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Brings an image that picks may name
         * @description The body is the file: PNG, JPEG, WebP, or an SVG of plain shapes. What it is, its bytes tell.
         */
        post: operations["bringImage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/images/{image}.png": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** An image as it is kept */
        get: operations["getImage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/opinions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Operators: what was said of takes */
        get: operations["listOpinions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/picks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Asks for a clip: ready, or a ticket
         * @description The same as the clip's address, in JSON. With an `Idempotency-Key` an order that is sent twice counts once.
         */
        post: operations["pickClip"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/purge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Lets go of copies, everywhere
         * @description Copies go, and what was made of plates: in memory, on disk, at every edge and in CDNs. Plates stay.
         */
        post: operations["purge"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reviews": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Operators: plates to look at */
        get: operations["listReviews"];
        put?: never;
        /**
         * Operators: approves, rejects or repaints plates
         * @description What is approved may be seen. What is rejected is shown to nobody, and copies go everywhere; what is repainted as well, and another take is ordered in its place. All of the plates are decided about, or none.
         */
        post: operations["decide"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/takedowns": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is taken down */
        get: operations["listTakedowns"];
        put?: never;
        /**
         * Deletes, and keeps from being made again
         * @description Plates go too, and what is named is answered 451 until the takedown is lifted.
         */
        post: operations["takeDown"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/takedowns/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Lifts a takedown */
        delete: operations["liftTakedown"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What can be picked */
        get: operations["listTemplates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tickets/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far a ticket is */
        get: operations["getTicket"];
        put?: never;
        post?: never;
        /**
         * Takes an order back
         * @description Painting stops when nobody who ordered it is left. Who joined without ordering has a ticket that only shows.
         */
        delete: operations["cancelTicket"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/tickets/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Progress as it happens (SSE)
         * @description Server-sent events `progress`, and at the end `done`, `failed` or `cancelled`. The data of each is the whole ticket as JSON.
         */
        get: operations["followTicket"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/warm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is warm where */
        get: operations["getWarm"];
        put?: never;
        /** Has campaigns warm at every edge before their time */
        post: operations["warm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/warm/{campaign}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Lets a campaign go that was warmed before its time */
        delete: operations["coolDown"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Canvas: {
            fps: number;
            frames: number;
            height: number;
            width: number;
        };
        CdnAnswer: {
            cdn: string;
            done: boolean;
            problem?: string;
        };
        Check: {
            detail: string;
            passed: boolean;
        };
        Choice: {
            id: string;
            prompt: string | null;
        };
        Decided: {
            decided: components["schemas"]["Decision"][];
        };
        Decision: {
            at: components["schemas"]["Moment"];
            by: string;
            /** @description The plate that stands in the place of one that is repainted. */
            in_its_place: components["schemas"]["Digest"] | null;
            note: string;
            plate: components["schemas"]["Digest"];
            /** @enum {unknown} */
            ruling: "approved" | "rejected" | "repainted";
            template: string;
        };
        /** @description A blake3 hash: 64 lower-case hexadecimal digits. */
        Digest: string;
        /**
         * @description Which forms: the first of its profiles unless `profile` says otherwise.
         * @enum {string}
         */
        Extension: "avif" | "jpg" | "m3u8" | "m4s" | "mp4" | "vtt" | "webm" | "webp";
        FlaggedPlate: {
            made_at: components["schemas"]["Moment"];
            plate: components["schemas"]["Digest"];
            reasons: {
                /** @example noise */
                code: string;
                detail: string;
            }[];
            template: string;
            /** @description Campaigns and pre-render rules that need it. */
            wanted_by: string[];
        };
        KeptImage: {
            bytes: number;
            height: number;
            image: components["schemas"]["Digest"];
            url: string;
            width: number;
        };
        /**
         * @description How urgent; all but `free` need the installation's token.
         * @enum {string}
         */
        Lane: "paid" | "free" | "prerender";
        /** @description What a video file holds. */
        Media: {
            /** @example avc1.64001f */
            codec: string;
            fps: number;
            frames: number;
            height: number;
            width: number;
        };
        /**
         * Format: int64
         * @description Milliseconds since 1970-01-01T00:00:00Z.
         */
        Moment: number;
        NextTake: {
            /** @description Whether it is painted. */
            ready: boolean;
            variation: number;
        };
        OfCampaign: {
            campaign: string;
        };
        OfTemplate: {
            template: string;
        };
        /**
         * @description What somebody says of a take.
         * @enum {string}
         */
        Opinion: "liked" | "another" | "motion" | "faces" | "colours" | "text" | "off-topic";
        Opinions: {
            topics: components["schemas"]["Topic"][];
        };
        /** @description What may be chosen. Which of the bounds are there depends on `kind`. */
        Parameter: {
            choices?: components["schemas"]["Choice"][];
            default: string | null;
            /** @description Whether the painter is told it. */
            in_prompt?: boolean;
            /** @enum {string} */
            kind: "choice" | "text" | "colour" | "number" | "image" | "boolean";
            lines?: number;
            max?: number;
            /** @description Characters as a reader counts them. */
            max_graphemes?: number;
            min?: number;
            name: string;
            /** @description What the whole text matches. */
            pattern?: string | null;
            step?: number;
            /**
             * @description What a change moves: footage that has to be painted, or what is composed at once.
             * @enum {string}
             */
            touches: "plate" | "overlay" | "sound";
        };
        ParameterWords: {
            /** @description What each choice is called. */
            choices: {
                [key: string]: string;
            };
            /** @description What is drawn when nothing is typed. */
            default: string | null;
            hint: string | null;
            label: string;
        };
        /** @description A pick in canonical form. */
        Pick: {
            at?: number;
            locale: string;
            parameters: {
                [key: string]: string;
            };
            profile: components["schemas"]["Profile"];
            ratio?: string;
            template: string;
            variation: number;
        };
        /** @description What is asked for. */
        PickRequest: {
            /** @description Which second a poster shows. */
            at?: number;
            lane?: components["schemas"]["Lane"];
            /** @description A BCP-47 tag. */
            locale: string;
            /** @description Values by the names of the parameters; what is left out has its default. */
            parameters?: {
                [key: string]: string;
            };
            profile?: components["schemas"]["Profile"];
            /** @description The template's first if left out. */
            ratio?: string;
            template: string;
            /** @description Which take. */
            variation?: number;
        };
        /** @description An error (RFC 9457). Codes are stable; more may come. */
        Problem: {
            /** @description For programs to tell problems apart. */
            code: string;
            /** @description What was wrong this time. */
            detail: string;
            /** @description What would be right. */
            hint?: string;
            /** @description Seconds until it is worth trying again. */
            retry_after?: number;
            status: number;
            /** @description The code in a few words. */
            title: string;
            type: string;
        };
        /**
         * @description The form of a clip.
         * @enum {string}
         */
        Profile: "mp4" | "download" | "480p" | "webm" | "hls" | "hls-full" | "hls-480p" | "hls-sound" | "poster-jpg" | "storyboard" | "poster-webp" | "preview" | "poster-avif" | "captions" | "storyboard-track";
        Progress: {
            /** @description Steps of this stage that are done. */
            done: number;
            /** @description Steps of this stage. */
            of: number;
            /** @description Share of the whole. */
            permille: number;
            /** @enum {string} */
            stage: "load" | "text" | "denoise" | "decode" | "paint" | "encode" | "hand-in";
        };
        /** @description A ticket, and what it is for. */
        PromisedClip: components["schemas"]["Ticket"] & {
            clip: components["schemas"]["Digest"];
            /** @description Where the clip will be. */
            clip_url: string;
            nearest?: components["schemas"]["StandIn"];
            pick: components["schemas"]["Pick"];
        };
        Purge: {
            cdns: components["schemas"]["CdnAnswer"][];
            edges: components["schemas"]["Reached"][];
            here: components["schemas"]["Purged"];
            /** @description By which it is lifted. */
            takedown?: string;
        };
        PurgeRequest: {
            /** @description A takedown needs one. */
            reason?: string;
            what: components["schemas"]["Selector"][];
        };
        Purged: {
            bytes: number;
            entries: number;
        };
        RatioOffer: {
            height: number;
            /** @example 16:9 */
            ratio: string;
            width: number;
        };
        Reached: {
            edge: string;
            reached: boolean;
        };
        Readiness: {
            checks: {
                [key: string]: components["schemas"]["Check"];
            };
            ready: boolean;
        };
        /** @description A clip that is there, or is composed when it is fetched. */
        ReadyClip: {
            blob?: components["schemas"]["Digest"];
            /** @description Its bytes by their hash, once they are made. */
            blob_url?: string;
            bytes?: number;
            clip: components["schemas"]["Digest"];
            /** @description Where the clip is. */
            clip_url: string;
            media: components["schemas"]["Media"];
            /** @description What draws on the plate: `festoon`, or `none`. */
            overlay: string;
            pick: components["schemas"]["Pick"];
            plate: components["schemas"]["Digest"];
            /** @enum {string} */
            sound?: "aac" | "opus" | "none" | "missing";
            /** @constant */
            status: "ready";
        };
        ReviewRequest: {
            /** @enum {unknown} */
            judgement: "approve" | "reject" | "repaint";
            /** @description Why; shown to those who decide. */
            note?: string;
            plates: components["schemas"]["Digest"][];
        };
        Reviews: {
            /** @description How many wait. */
            count: number;
            decided: components["schemas"]["Decision"][];
            waiting: components["schemas"]["FlaggedPlate"][];
        };
        SaidOpinion: {
            opinion: components["schemas"]["Opinion"];
            pick: components["schemas"]["PickRequest"];
        };
        /** @description What goes: one of these. */
        Selector: components["schemas"]["OfTemplate"] | components["schemas"]["OfCampaign"] | components["schemas"]["WithTag"] | components["schemas"]["WithDigest"];
        /** @description A clip that is ready and can stand in. */
        StandIn: {
            clip_url: string;
            /** @description In what: `variation`, `parameters`, `locale`. */
            differs: string;
        };
        Take: {
            /** @description How often each opinion was said. */
            said: {
                [key: string]: number;
            };
            /** @description Thousandths: how likely somebody is to like it. */
            score: number;
            variation: number;
        };
        Takedown: {
            at: components["schemas"]["Moment"];
            id: string;
            reason: string;
            what: components["schemas"]["Selector"][];
        };
        Takedowns: {
            takedowns: components["schemas"]["Takedown"][];
        };
        Template: {
            canvas: components["schemas"]["Canvas"];
            default_locale: string;
            id: string;
            /** @description The locale of `words`. */
            locale: string;
            locales: string[];
            /** @description The checkpoint, if a model paints it. */
            model: string | null;
            /**
             * @description What the checkpoint is for.
             * @enum {string|null}
             */
            model_kind: "production" | "demonstration" | null;
            /** @description What makes the frames, with its version: `motion/…` is procedural, `wan/…` a model. */
            painter: string;
            parameters: components["schemas"]["Parameter"][];
            /** @description The first one is taken unless a pick says otherwise. */
            ratios: components["schemas"]["RatioOffer"][];
            words: components["schemas"]["Words"];
        };
        Templates: {
            templates: components["schemas"]["Template"][];
        };
        /** @description A promise that a plate is painted. */
        Ticket: {
            /** @description How many are painted before it. */
            ahead?: number;
            /** @description How often a renderer took it. */
            attempts: number;
            blob?: components["schemas"]["Digest"];
            blob_url?: string;
            events_url: string;
            /** @description Names the job, and the order of whoever got the ticket. */
            id: string;
            lane: components["schemas"]["Lane"];
            /** @description Milliseconds until it is painted, as far as can be told. */
            left_millis?: number;
            ordered_at: components["schemas"]["Moment"];
            plate: components["schemas"]["Digest"];
            progress?: components["schemas"]["Progress"];
            /** @description Why it was given up. */
            reason?: string;
            /** @enum {string} */
            status: "queued" | "painting" | "done" | "failed" | "cancelled";
            url: string;
        };
        /** @description Every take of it was painted from the same words. */
        Topic: {
            liked: number;
            locale: string;
            prompt: components["schemas"]["Digest"];
            said_at: components["schemas"]["Moment"];
            takes: components["schemas"]["Take"][];
            template: string;
            /** @description What the painter was told. */
            told: string;
            turned_down: number;
        };
        TurnedDown: {
            pick: components["schemas"]["PickRequest"];
            /** @description Takes that are not to be offered again. */
            seen?: number[];
        };
        WarmEdge: {
            /** @description Whether it asked for news in the last minute. */
            answers: boolean;
            edge: string;
            warm: {
                [key: string]: components["schemas"]["Warmth"];
            };
        };
        WarmReport: {
            edges: components["schemas"]["WarmEdge"][];
            /** @description By who needs it: `campaign:<id>`, `<template>/<rule>`, `warm:<campaign>`. */
            here: {
                [key: string]: components["schemas"]["Warmth"];
            };
        };
        WarmRequest: {
            campaigns: string[];
        };
        /** @description How much of what somebody needs is there. */
        Warmth: {
            bytes: number;
            there: number;
            wanted: number;
        };
        WithDigest: {
            digest: components["schemas"]["Digest"];
        };
        WithTag: {
            /** @description As `Surrogate-Key` and `Cache-Tag` name it. */
            tag: string;
        };
        /** @description The words of a template in one locale. */
        Words: {
            description: string;
            parameters: {
                [key: string]: components["schemas"]["ParameterWords"];
            };
            title: string;
        };
    };
    responses: {
        /** @description What is wrong. */
        Problem: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: {
        /** @description The blake3 of the bytes. */
        blob: components["schemas"]["Digest"];
        /**
         * @description The form of the clip.
         * @example mp4
         */
        ext: components["schemas"]["Extension"];
        /** @description A render key. */
        key: components["schemas"]["Digest"];
        /** @description Which languages somebody reads. */
        language: string;
        /**
         * @description A BCP-47 tag, in any spelling.
         * @example ja-JP
         */
        locale: string;
        /**
         * @description A template's id.
         * @example new-year
         */
        template: string;
        /**
         * @description A ticket's id.
         * @example 01981f3b2c4d5e6f708192a3b4c5d6e7
         */
        ticket: string;
    };
    requestBodies: never;
    headers: {
        /** @description How long it may be kept. */
        CacheControl: string;
        /** @description Which part. */
        ContentRange: string;
        /** @description `"b3-<blake3 of the bytes>"`, strong. Missing while a clip is sent for the first time. */
        ETag: string;
        /** @description Where to ask. */
        Location: string;
        /** @description What differs from what was asked: `variation`, `parameters`, `locale`. */
        Nearest: string;
        /** @description What drew on the plate: `festoon`, or `none`. */
        Overlay: string;
        /** @description `sha-256=:…:` of the whole (RFC 9530). Missing while a clip is sent for the first time. */
        ReprDigest: string;
        /** @description Seconds until it is worth asking again. */
        RetryAfter: number;
        /** @description What is heard: `aac`, `opus`, `none` or `missing`. */
        Sound: string;
        /** @description The ticket of what was asked, where something else is shown. */
        StandInTicket: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    isAlive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It lives. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Counters. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An OpenAPI 3.1 document. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    ETag: components["headers"]["ETag"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description A part of it. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                    "multipart/byteranges": unknown;
                };
            };
            /** @description It is the one of `If-None-Match`. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            412: components["responses"]["Problem"];
            416: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    isReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It can do its work. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description It cannot; the body says why. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            default: components["responses"]["Problem"];
        };
    };
    getBlob: {
        parameters: {
            query?: never;
            header?: {
                Range?: string;
                "If-None-Match"?: string;
            };
            path: {
                /** @description The blake3 of the bytes. */
                blob: components["parameters"]["blob"];
                /**
                 * @description The form of the clip.
                 * @example mp4
                 */
                ext: components["parameters"]["ext"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bytes. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    ETag: components["headers"]["ETag"];
                    "Repr-Digest": components["headers"]["ReprDigest"];
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.apple.mpegurl": string;
                    "image/avif": string;
                    "image/jpeg": string;
                    "image/webp": string;
                    "text/vtt": string;
                    "video/mp4": string;
                    "video/webm": string;
                };
            };
            /** @description The part that `Range` asks for. */
            206: {
                headers: {
                    "Content-Range": components["headers"]["ContentRange"];
                    "Repr-Digest": components["headers"]["ReprDigest"];
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.apple.mpegurl": string;
                    "image/avif": string;
                    "image/jpeg": string;
                    "image/webp": string;
                    "multipart/byteranges": string;
                    "text/vtt": string;
                    "video/mp4": string;
                    "video/webm": string;
                };
            };
            /** @description The bytes are those of `If-None-Match`. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: components["responses"]["Problem"];
            412: components["responses"]["Problem"];
            416: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    anotherTake: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A render key. */
                key: components["parameters"]["key"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "pick": {
                 *         "locale": "en",
                 *         "template": "new-year"
                 *       },
                 *       "seen": [
                 *         0
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["TurnedDown"];
            };
        };
        responses: {
            /** @description Which take comes next. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NextTake"];
                };
            };
            400: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            408: components["responses"]["Problem"];
            413: components["responses"]["Problem"];
            415: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            429: components["responses"]["Problem"];
            451: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    sayOpinion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A render key. */
                key: components["parameters"]["key"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "opinion": "liked",
                 *       "pick": {
                 *         "locale": "en",
                 *         "template": "new-year"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["SaidOpinion"];
            };
        };
        responses: {
            /** @description Noted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            408: components["responses"]["Problem"];
            413: components["responses"]["Problem"];
            415: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            429: components["responses"]["Problem"];
            451: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    getClipInMyLocale: {
        parameters: {
            query?: never;
            header?: {
                /** @description Which languages somebody reads. */
                "Accept-Language"?: components["parameters"]["language"];
            };
            path: {
                /**
                 * @description A template's id.
                 * @example new-year
                 */
                template: components["parameters"]["template"];
                /**
                 * @description The form of the clip.
                 * @example mp4
                 */
                ext: components["parameters"]["ext"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The same in the best locale. */
            307: {
                headers: {
                    Location: components["headers"]["Location"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    getClip: {
        parameters: {
            query?: {
                /**
                 * @description Values by the names of the template's parameters; what is left out has its default.
                 * @example {
                 *       "title": "Aiko"
                 *     }
                 */
                parameters?: {
                    [key: string]: string;
                };
                /** @description A ratio that the template offers. */
                ratio?: string;
                /** @description Which take. */
                variation?: number;
                /** @description Which form, where the extension has several. */
                profile?: components["schemas"]["Profile"];
                /** @description Which second a poster shows. */
                at?: number;
                /** @description Whether the nearest plate that is ready stands in. */
                fallback?: "nearest" | "none";
                /** @description Of a signed address: until when, in seconds since 1970. */
                expires?: number;
                /** @description Of a signed address: which key. */
                kid?: string;
                /** @description Of a signed address: the HMAC-SHA256. */
                sig?: string;
            };
            header?: {
                /** @description `wait=N` holds the request for up to N seconds. */
                Prefer?: string;
                Range?: string;
                "If-None-Match"?: string;
            };
            path: {
                /**
                 * @description A template's id.
                 * @example new-year
                 */
                template: components["parameters"]["template"];
                /**
                 * @description A BCP-47 tag, in any spelling.
                 * @example ja-JP
                 */
                locale: components["parameters"]["locale"];
                /**
                 * @description The form of the clip.
                 * @example mp4
                 */
                ext: components["parameters"]["ext"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The clip. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    ETag: components["headers"]["ETag"];
                    "Festoon-Nearest": components["headers"]["Nearest"];
                    "Festoon-Overlay": components["headers"]["Overlay"];
                    "Festoon-Sound": components["headers"]["Sound"];
                    "Festoon-Ticket": components["headers"]["StandInTicket"];
                    "Repr-Digest": components["headers"]["ReprDigest"];
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.apple.mpegurl": string;
                    "image/avif": string;
                    "image/jpeg": string;
                    "image/webp": string;
                    "text/vtt": string;
                    "video/mp4": string;
                    "video/webm": string;
                };
            };
            /** @description Not painted yet: ask there. */
            202: {
                headers: {
                    Location: components["headers"]["Location"];
                    "Retry-After": components["headers"]["RetryAfter"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ticket"];
                };
            };
            /** @description The part that `Range` asks for. */
            206: {
                headers: {
                    "Content-Range": components["headers"]["ContentRange"];
                    "Repr-Digest": components["headers"]["ReprDigest"];
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.apple.mpegurl": string;
                    "image/avif": string;
                    "image/jpeg": string;
                    "image/webp": string;
                    "multipart/byteranges": string;
                    "text/vtt": string;
                    "video/mp4": string;
                    "video/webm": string;
                };
            };
            /** @description The same pick, as festoon spells it; kept by caches. */
            301: {
                headers: {
                    "Cache-Control": components["headers"]["CacheControl"];
                    Location: components["headers"]["Location"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The bytes are those of `If-None-Match`. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            412: components["responses"]["Problem"];
            416: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            429: components["responses"]["Problem"];
            451: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    bringImage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description It is kept. */
            201: {
                headers: {
                    Location: components["headers"]["Location"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeptImage"];
                };
            };
            400: components["responses"]["Problem"];
            408: components["responses"]["Problem"];
            413: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            429: components["responses"]["Problem"];
            451: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    getImage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                image: components["schemas"]["Digest"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its pixels. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/png": string;
                };
            };
            /** @description A part of them. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/png": string;
                    "multipart/byteranges": unknown;
                };
            };
            /** @description They are those of `If-None-Match`. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            404: components["responses"]["Problem"];
            412: components["responses"]["Problem"];
            416: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    listOpinions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Per template, locale and prompt, what is turned down most in front. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Opinions"];
                };
            };
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    pickClip: {
        parameters: {
            query?: never;
            header?: {
                /** @description Up to 255 characters, remembered for a day. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "locale": "en",
                 *       "parameters": {
                 *         "title": "Happy New Year, Aiko"
                 *       },
                 *       "template": "new-year"
                 *     }
                 */
                "application/json": components["schemas"]["PickRequest"];
            };
        };
        responses: {
            /** @description The clip can be fetched. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadyClip"];
                };
            };
            /** @description The plate is ordered. */
            202: {
                headers: {
                    Location: components["headers"]["Location"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PromisedClip"];
                };
            };
            400: components["responses"]["Problem"];
            401: components["responses"]["Problem"];
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            408: components["responses"]["Problem"];
            413: components["responses"]["Problem"];
            415: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            429: components["responses"]["Problem"];
            451: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    purge: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "new logo",
                 *       "what": [
                 *         {
                 *           "template": "new-year"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["PurgeRequest"];
            };
        };
        responses: {
            /** @description How far it came. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Purge"];
                };
            };
            400: components["responses"]["Problem"];
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            408: components["responses"]["Problem"];
            413: components["responses"]["Problem"];
            415: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    listReviews: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Plates that the inspection flagged and nobody decided about, those that wait longest in front, and the latest decisions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Reviews"];
                };
            };
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    decide: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "judgement": "repaint",
                 *       "note": "the sky flickers",
                 *       "plates": [
                 *         "0000000000000000000000000000000000000000000000000000000000000000"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["ReviewRequest"];
            };
        };
        responses: {
            /** @description What was decided. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Decided"];
                };
            };
            400: components["responses"]["Problem"];
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            408: components["responses"]["Problem"];
            413: components["responses"]["Problem"];
            415: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    listTakedowns: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Those that stand. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Takedowns"];
                };
            };
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    takeDown: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "a wrong greeting",
                 *       "what": [
                 *         {
                 *           "tag": "locale-ja"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["PurgeRequest"];
            };
        };
        responses: {
            /** @description It stands. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Purge"];
                };
            };
            400: components["responses"]["Problem"];
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            408: components["responses"]["Problem"];
            413: components["responses"]["Problem"];
            415: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    liftTakedown: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is lifted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    listTemplates: {
        parameters: {
            query?: {
                /**
                 * @description Whose words; otherwise `Accept-Language` says it.
                 * @example en
                 */
                locale?: string;
            };
            header?: {
                /** @description Which languages somebody reads. */
                "Accept-Language"?: components["parameters"]["language"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every template, with its parameters and its words in the nearest locale. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Templates"];
                };
            };
            400: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    getTicket: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description A ticket's id.
                 * @example 01981f3b2c4d5e6f708192a3b4c5d6e7
                 */
                id: components["parameters"]["ticket"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How far it is. */
            200: {
                headers: {
                    "Retry-After": components["headers"]["RetryAfter"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ticket"];
                };
            };
            404: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    cancelTicket: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description A ticket's id.
                 * @example 01981f3b2c4d5e6f708192a3b4c5d6e7
                 */
                id: components["parameters"]["ticket"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The order is taken back. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ticket"];
                };
            };
            403: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    followTicket: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description A ticket's id.
                 * @example 01981f3b2c4d5e6f708192a3b4c5d6e7
                 */
                id: components["parameters"]["ticket"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            404: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    getWarm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What is warm, here and at each edge. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WarmReport"];
                };
            };
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    warm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "campaigns": [
                 *         "spring"
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["WarmRequest"];
            };
        };
        responses: {
            /** @description It begins. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WarmReport"];
                };
            };
            400: components["responses"]["Problem"];
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            408: components["responses"]["Problem"];
            413: components["responses"]["Problem"];
            415: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
    coolDown: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @example spring */
                campaign: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is let go. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["Problem"];
            404: components["responses"]["Problem"];
            422: components["responses"]["Problem"];
            503: components["responses"]["Problem"];
            default: components["responses"]["Problem"];
        };
    };
}
