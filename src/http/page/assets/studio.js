// A template's page. Without this script the form is a plain GET and every file a plain link.
"use strict";

const studio = document.getElementById("studio");
const words = JSON.parse(studio.dataset.words);
const { template, locale, lang } = studio.dataset;
const element = (id) => document.getElementById(id);
const form = element("pick"), player = element("player"), status = element("status");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

// Time to wait after the last change before anything is asked for: what is drawn is cheap, a plate is not.
const PAUSE = { drawn: 120, painted: 450 };

let clip = element("clip");
let shown = { url: clip.getAttribute("src"), key: studio.dataset.key, variation: Number(form.elements.variation.value) };
let before = null; // the take that was shown before, to go back to
let turn = 0, timer = 0, asking = null, order = null, events = null;
const seen = new Set([shown.variation]);

/* What is chosen. */
const OTHER = new Set(["locale", "lang", "region", "ratio", "variation"]);
function chosen() {
  const parameters = {};
  for (const [name, value] of new FormData(form)) {
    if (!OTHER.has(name) && typeof value === "string" && value !== "") parameters[name] = value;
  }
  const pick = { template, locale, parameters, variation: Number(form.elements.variation.value) };
  if (form.elements.ratio) pick.ratio = form.elements.ratio.value;
  return pick;
}
function address() {
  const pairs = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && value !== "" && !(name === "variation" && value === "0")) pairs.append(name, value);
  }
  return `${location.pathname}?${pairs}`;
}

/* What is said. */
function say(text, kind = "") {
  status.textContent = text;
  status.dataset.kind = kind;
}
function right() {
  for (const wrong of form.querySelectorAll("[data-wrong]")) wrong.hidden = true;
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}
// A problem stands at the field that it is about: one that says which, else the first text, for what concerns drawing.
const OF_TEXTS = ["text-too-long", "too-many-lines", "forbidden-character", "piled-up-character", "pattern-mismatch", "text-does-not-fit", "missing-glyph", "invisible-text", "out-of-bounds"];
function wrong(problem) {
  const named = /^`(\w+)`/.exec(problem.detail ?? "")?.[1];
  const layer = /`(\w+)`/.exec(problem.detail ?? "")?.[1];
  const names = [named, OF_TEXTS.includes(problem.code) ? layer : null];
  const texts = OF_TEXTS.includes(problem.code) ? form.querySelector("[data-kind=text]") : null;
  const field = names.map((name) => name && form.querySelector(`[data-field="${name}"]`)).find(Boolean) ?? texts;
  const title = words[problem.code] ?? problem.title ?? words.failed;
  const place = field?.querySelector("[data-wrong]");
  if (!place) return say(`${title} ${problem.code in words ? "" : (problem.detail ?? "")}`, "problem");
  const detail = document.createElement("span");
  Object.assign(detail, { lang: "en", dir: "ltr", textContent: problem.detail ? `(${problem.detail})` : "" });
  place.replaceChildren(`${title} `, detail);
  place.hidden = false;
  field.querySelector("input, textarea")?.setAttribute("aria-invalid", "true");
  say("");
}

/* What plays. The next clip loads behind the one that is shown and takes its place with its first picture. */
function play(url, mine) {
  if (url === shown.url && !clip.hidden) return Promise.resolve();
  player.dataset.busy = "";
  return new Promise((resolve, reject) => {
    const next = document.createElement("video");
    Object.assign(next, { muted: clip.muted, loop: true, playsInline: true, controls: true, preload: "auto", className: "coming" });
    for (const name of ["width", "height", "aria-label"]) next.setAttribute(name, clip.getAttribute(name));
    const drop = () => {
      next.removeAttribute("src");
      next.load();
      next.remove();
    };
    next.addEventListener("loadeddata", () => {
      if (mine !== turn) return drop(), resolve();
      const focused = document.activeElement === clip;
      clip.pause();
      clip.removeAttribute("src");
      clip.load();
      next.id = "clip";
      next.className = "";
      clip.replaceWith(next);
      clip = next;
      element("blank").hidden = true;
      delete player.dataset.busy;
      if (focused) clip.focus();
      if (!calm.matches) clip.play().catch(() => {});
      shown.url = url;
      resolve();
    }, { once: true });
    next.addEventListener("error", () => {
      drop();
      if (mine !== turn) return resolve();
      delete player.dataset.busy;
      // A player does not tell what was answered.
      fetch(url).then(async (answer) => reject(answer.ok ? { code: "unavailable" } : await answer.json()), () => reject({ code: "offline" }));
    }, { once: true });
    next.src = url;
    clip.before(next);
  });
}
function honest(differs) {
  const badge = element("honest");
  badge.hidden = !differs;
  if (differs) badge.textContent = words[`nearest_${differs.split(",")[0]}`] ?? words.nearest;
}

/* Asking. */
function later(pause) {
  clearTimeout(timer);
  timer = setTimeout(ask, pause);
}
async function ask() {
  clearTimeout(timer);
  asking?.abort();
  asking = new AbortController();
  const mine = ++turn, pick = chosen();
  right();
  try {
    const response = await fetch("/v1/picks", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(pick),
      signal: asking.signal,
    });
    const answer = await response.json();
    if (mine !== turn) return response.status === 202 && leave(answer.url);
    if (!response.ok) {
      unfollow(true);
      return wrong(answer);
    }
    shown.key = answer.clip;
    shown.variation = pick.variation;
    seen.add(pick.variation);
    history.replaceState(null, "", address());
    files(answer.clip_url);
    if (answer.status === "ready") {
      unfollow(true);
      honest(null);
      await play(answer.clip_url, mine);
      if (mine === turn) say(words.ready);
      return;
    }
    follow(answer, mine);
    honest(answer.nearest?.differs ?? null);
    if (answer.nearest) await play(answer.nearest.clip_url, mine);
  } catch (problem) {
    if (mine !== turn || problem.name === "AbortError") return;
    if (problem.code) wrong(problem);
    else say(words.offline, "problem");
  }
}

/* Waiting for a plate. */
const leave = (url) => fetch(url, { method: "DELETE", keepalive: true }).catch(() => {});
function unfollow(left) {
  events?.close();
  events = null;
  if (order && left) leave(order);
  order = null;
  element("working").hidden = true;
}
const units = new Map(["second", "minute"].map((unit) => [unit, new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 })]));
function time(millis) {
  const seconds = Math.max(1, Math.round(millis / 1000));
  return seconds < 90 ? units.get("second").format(seconds) : units.get("minute").format(Math.round(seconds / 60));
}
function where(ticket) {
  const parts = [];
  const { progress } = ticket;
  if (ticket.status === "painting") {
    parts.push(words.painting);
    if (progress?.of > 1) parts.push(fill(words.step, { done: progress.done, of: progress.of }));
  } else parts.push(ticket.ahead ? fill(words.queued_behind, { ahead: ticket.ahead }) : words.queued);
  if (ticket.left_millis !== undefined) parts.push(fill(words.left, { time: time(ticket.left_millis) }));
  element("where").textContent = parts.join(" · ");
  element("progress").value = progress?.permille ?? 0;
}
function follow(ticket, mine) {
  // The same plate under another title: the order stands.
  if (order !== ticket.url) unfollow(true);
  order = ticket.url;
  element("working").hidden = false;
  where(ticket);
  say(words.being_painted);
  events?.close();
  events = new EventSource(ticket.events_url);
  const end = (act) => (event) => {
    const page = JSON.parse(event.data);
    if (mine !== turn) return;
    unfollow(false);
    act(page);
  };
  events.addEventListener("progress", (event) => where(JSON.parse(event.data)));
  events.addEventListener("done", end(async () => {
    try {
      await play(ticket.clip_url, mine);
      honest(null);
      say(words.arrived);
      strip();
    } catch (problem) {
      wrong(problem);
    }
  }));
  events.addEventListener("failed", end((page) => say(`${words.failed} ${page.reason ?? ""}`, "problem")));
  events.addEventListener("cancelled", end(() => say(words.cancelled)));
}
element("cancel").addEventListener("click", () => {
  unfollow(true);
  say(words.cancelled);
});
addEventListener("pagehide", () => unfollow(true));

/* What can be taken along. */
const origin = location.origin;
function with_(url, extension, profile) {
  const at = new URL(url, origin);
  at.pathname = at.pathname.replace(/\.\w+$/, `.${extension}`);
  if (profile) at.searchParams.set("profile", profile);
  return at.pathname + at.search;
}
function files(url) {
  if (!element("link")) return;
  element("share").hidden = false;
  const download = with_(url, "mp4", "download");
  const addresses = { mp4: download, webm: with_(url, "webm"), jpg: with_(url, "jpg"), vtt: with_(url, "vtt") };
  for (const link of document.querySelectorAll("[data-file]")) link.setAttribute("href", addresses[link.dataset.file]);
  element("link").value = origin + address();
  const attribute = (text) => text.replace(/&/g, "&amp;").replace(/"/g, "&quot;");
  element("embed").value = `<video src="${attribute(origin + url)}" width="${studio.dataset.width}" height="${studio.dataset.height}" autoplay muted loop playsinline controls></video>`;
  element("curl").value = `curl -o ${template}.mp4 '${origin}${download.replace(/'/g, "%27")}'`;
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = element(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      say(words.copied);
    } catch {
      say(words.copy_by_hand);
    }
  });
}

/* The form. */
const segments = new Intl.Segmenter(locale);
function count(field) {
  const counter = field.closest("[data-field]").querySelector("[data-most]");
  const length = [...segments.segment(field.value.trim().normalize("NFC"))].length;
  const most = Number(field.dataset.longest);
  counter.textContent = length ? fill(words.of_most, { length, most }) : "";
  counter.toggleAttribute("data-over", length > most);
  return length <= most;
}
for (const field of form.querySelectorAll("[data-longest]")) count(field);
form.addEventListener("input", (event) => {
  const field = event.target;
  if (field.type === "file" || field.name === "locale") return;
  if (field.type === "range") field.parentElement.querySelector("output").value = field.value;
  if (field.type === "color") press(field);
  if (field.dataset.longest && !count(field)) return clearTimeout(timer), wrong({ code: "text-too-long", detail: `\`${field.name}\`` });
  const repaints = Boolean(field.closest("[data-repaints]"));
  if (repaints && form.elements.variation.value !== "0") {
    form.elements.variation.value = "0";
    seen.clear();
  }
  if (field.name === "ratio") turned(field.value);
  later(repaints ? PAUSE.painted : PAUSE.drawn);
});
function turned(ratio) {
  const [across, down] = ratio.split(":").map(Number);
  const side = Math.min(Number(studio.dataset.width), Number(studio.dataset.height));
  const [width, height] = across >= down ? [Math.round((side * across) / down), side] : [side, Math.round((side * down) / across)];
  Object.assign(studio.dataset, { width, height });
  clip.setAttribute("width", width);
  clip.setAttribute("height", height);
}
form.elements.locale.addEventListener("change", () => {
  unfollow(true);
  location.assign(address());
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
function press(field) {
  for (const swatch of field.parentElement.querySelectorAll("[data-colour]")) swatch.setAttribute("aria-pressed", String(swatch.dataset.colour === field.value));
}
for (const swatch of form.querySelectorAll("[data-colour]")) {
  swatch.hidden = false;
  const field = swatch.parentElement.querySelector("input");
  press(field);
  swatch.addEventListener("click", () => {
    field.value = swatch.dataset.colour;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
for (const field of form.querySelectorAll("[data-kind=image]")) {
  const [name, file] = field.querySelectorAll("input");
  const picture = field.querySelector("img"), bring = field.querySelector("[data-bring]"), without = field.querySelector("[data-leave]");
  const set = (image, url) => {
    name.value = image;
    picture.hidden = without.hidden = !image;
    if (url) picture.src = url;
    later(0);
  };
  bring.hidden = false;
  without.hidden = !name.value;
  file.disabled = false;
  bring.addEventListener("click", () => file.click());
  without.addEventListener("click", () => set("", null));
  file.addEventListener("change", async () => {
    const [picked] = file.files;
    file.value = "";
    if (!picked) return;
    say(words.bringing);
    try {
      const response = await fetch("/v1/images", { method: "POST", body: picked });
      const answer = await response.json();
      if (!response.ok) return wrong({ ...answer, detail: `\`${name.name}\`: ${answer.detail}` });
      say("");
      set(answer.image, answer.url);
    } catch {
      say(words.offline, "problem");
    }
  });
}

/* Takes. */
const thumbs = () => [...element("strip").querySelectorAll("[data-take]")];
function choose(variation) {
  if (variation === shown.variation) return;
  before = { ...shown };
  form.elements.variation.value = variation;
  mark();
  ask();
}
function mark() {
  const current = form.elements.variation.value;
  for (const thumb of thumbs()) {
    if (thumb.dataset.take === current) thumb.setAttribute("aria-current", "true");
    else thumb.removeAttribute("aria-current");
  }
  element("compare").hidden = !before;
  element("like").setAttribute("aria-pressed", "false");
}
// A take that has just been painted joins the others.
function strip() {
  const list = element("strip"), current = form.elements.variation.value;
  if (!thumbs().some((thumb) => thumb.dataset.take === current)) {
    const item = document.createElement("li"), link = document.createElement("a"), picture = document.createElement("img");
    link.href = address();
    link.dataset.take = current;
    Object.assign(picture, { alt: "", width: 320, height: 180, src: with_(shown.url, "webp") });
    link.append(picture, fill(words.take, { number: Number(current) + 1 }));
    item.append(link);
    const after = thumbs().find((thumb) => Number(thumb.dataset.take) > Number(current));
    list.insertBefore(item, after?.parentElement ?? null);
  }
  list.hidden = thumbs().length < 2;
  mark();
}
element("strip").addEventListener("click", (event) => {
  const thumb = event.target.closest("[data-take]");
  if (!thumb || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  choose(Number(thumb.dataset.take));
});

// The take that was turned down, for whoever says why.
let turnedDown = null;
async function tell(path, said) {
  const { key, ...pick } = turnedDown ?? { key: shown.key, ...chosen() };
  return fetch(`/v1/clips/${key}/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ pick, ...said }),
  });
}
element("another").addEventListener("click", async (event) => {
  event.preventDefault();
  turnedDown = { key: shown.key, ...chosen() };
  element("like").hidden = false;
  try {
    const response = await tell("another", { seen: [...seen] });
    const answer = await response.json();
    if (!response.ok) return wrong(answer);
    for (const button of element("why").querySelectorAll("button")) button.disabled = false;
    element("why").hidden = false;
    choose(answer.variation);
  } catch {
    say(words.offline, "problem");
  }
});
element("why").addEventListener("click", async (event) => {
  const reason = event.target.dataset.why;
  if (!reason || !turnedDown) return;
  for (const button of element("why").querySelectorAll("button")) button.disabled = true;
  try {
    const response = await tell("opinion", { opinion: reason });
    if (!response.ok) return wrong(await response.json());
    element("why").hidden = true;
    turnedDown = null;
    say(words.thanks);
  } catch {
    say(words.offline, "problem");
  }
});
async function like(pick, key) {
  turnedDown = { key, ...pick };
  try {
    const response = await tell("opinion", { opinion: "liked" });
    if (!response.ok) return wrong(await response.json());
    element("like").setAttribute("aria-pressed", "true");
    say(words.thanks);
  } catch {
    say(words.offline, "problem");
  } finally {
    turnedDown = null;
  }
}
element("like").hidden = !shown.url;
element("like").addEventListener("click", () => like(chosen(), shown.key));

// Two takes, in step.
const beside = element("beside");
element("compare").addEventListener("click", () => {
  const pair = [before, { ...shown }].sort((one, other) => one.variation - other.variation);
  const figures = pair.map((take) => {
    const figure = document.createElement("figure"), video = document.createElement("video"), keep = document.createElement("button");
    Object.assign(video, { src: take.url, muted: true, loop: true, playsInline: true, controls: true });
    Object.assign(keep, { type: "button", className: "small-button", textContent: fill(words.keep_take, { number: take.variation + 1 }) });
    keep.addEventListener("click", () => {
      beside.close();
      const pick = { ...chosen(), variation: take.variation };
      choose(take.variation);
      like(pick, take.key);
    });
    figure.append(video, keep);
    return figure;
  });
  const [one, other] = figures.map((figure) => figure.querySelector("video"));
  one.addEventListener("seeked", () => (other.currentTime = one.currentTime));
  beside.querySelector(".beside").replaceChildren(...figures);
  beside.showModal();
  Promise.all([one, other].map((video) => new Promise((done) => video.addEventListener("canplay", done, { once: true })))).then(() => {
    if (!calm.matches) for (const video of [one, other]) video.play().catch(() => {});
  });
});
beside.querySelector("[data-close]").addEventListener("click", () => beside.close());
beside.addEventListener("close", () => beside.querySelector(".beside").replaceChildren());

/* The beginning. */
// Every change shows at once; Enter still submits.
element("submit").hidden = true;
if (calm.matches) {
  clip.removeAttribute("autoplay");
  clip.pause();
}
// Who opens the page of a clip that is not painted has it painted.
if (studio.dataset.differs || (!shown.url && studio.dataset.clip)) {
  honest(studio.dataset.differs ?? null);
  ask();
}
