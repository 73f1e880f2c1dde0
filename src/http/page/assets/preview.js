// The page of `festoon preview`. It is asked for again whenever something is typed or saved, and its new parts are put in place.
"use strict";

const element = (id) => document.getElementById(id);
const status = element("status");
// Typing pauses at least this long before the picture follows, in milliseconds.
const PAUSE = 80;
let turn = 0, timer = 0, order = null, events = null;

function say(text, kind = "") {
  status.textContent = text;
  status.dataset.kind = kind;
}

/* What is chosen. */
function address() {
  const pairs = new URLSearchParams();
  for (const [name, value] of new FormData(element("pick"))) if (typeof value === "string" && value !== "") pairs.append(name, value);
  return `/preview?${pairs}`;
}

/* The new page in the place of the old one. */
function prepare() {
  element("submit")?.setAttribute("hidden", "");
  element("paint")?.removeAttribute("hidden");
}
async function drawn(seen) {
  const picture = seen.querySelector("img");
  if (!picture) return true;
  try {
    await picture.decode();
    return true;
  } catch {
    const answer = await fetch(picture.src);
    if (answer.ok) return true;
    const problem = await answer.json();
    say(`${problem.title}: ${problem.detail ?? ""}`, "problem");
    return false;
  }
}
async function refresh() {
  clearTimeout(timer);
  const mine = ++turn, at = address();
  try {
    const answer = await fetch(at);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== turn) return;
    const [seen, findings, form] = ["seen", "findings", "pick"].map((id) => document.adoptNode(page.getElementById(id)));
    element("findings").replaceWith(findings);
    if (form.dataset.revision !== element("pick").dataset.revision) {
      const focused = document.activeElement?.id;
      element("pick").replaceWith(form);
      if (focused) element(focused)?.focus();
    } else mark(form);
    history.replaceState(null, "", at);
    if ((await drawn(seen)) && mine === turn) element("seen").replaceWith(seen);
    prepare();
  } catch {
    if (mine === turn) say("The preview does not answer. Is `festoon preview` still running?", "problem");
  }
}
/** Marks what is wrong in the fields that somebody types in. */
function mark(form) {
  for (const field of element("pick").querySelectorAll("[name]")) {
    const wrong = form.querySelector(`[id="${field.id}"][aria-invalid]`);
    if (!field.id) continue;
    field.toggleAttribute("aria-invalid", false);
    field.parentElement.querySelector(".wrong")?.remove();
    if (!wrong) continue;
    field.setAttribute("aria-invalid", "true");
    field.after(wrong.parentElement.querySelector(".wrong") ?? "");
  }
}

/* What is typed. */
document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.form?.id !== "pick") return;
  const output = element("pick").querySelector(`output[for="${field.id}"]`);
  if (output) output.value = field.value;
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE);
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});

/* What is saved. */
const saved = new EventSource("/preview/events");
saved.addEventListener("findings", (event) => {
  const { reading, proved } = JSON.parse(event.data);
  const known = element("findings").dataset;
  if (status.dataset.kind === "problem") say("");
  if (known.reading !== String(reading) || known.proved !== String(proved)) refresh();
});
saved.addEventListener("error", () => say("The preview does not answer; trying again.", "problem"));

/* What is painted. */
function unfollow() {
  events?.close();
  events = order = null;
  element("working").hidden = true;
}
function where({ status, progress, ahead }) {
  const steps = progress?.of > 1 ? `, ${progress.done} of ${progress.of}` : "";
  element("where").textContent = status === "painting" ? `Being painted${steps}` : ahead ? `Waits behind ${ahead}` : "Waits for a renderer";
  element("progress").value = progress?.permille ?? 0;
}
async function paint(pick) {
  const response = await fetch("/v1/picks", { method: "POST", headers: { "Content-Type": "application/json" }, body: pick });
  const ticket = await response.json();
  if (!response.ok) return say(`${ticket.title}: ${ticket.detail ?? ""}`, "problem");
  if (ticket.status === "ready") return refresh();
  unfollow();
  order = ticket.url;
  say("");
  element("working").hidden = false;
  where(ticket);
  events = new EventSource(ticket.events_url);
  const end = (text, kind) => (event) => {
    unfollow();
    say(`${text} ${JSON.parse(event.data).reason ?? ""}`.trim(), kind);
    refresh();
  };
  events.addEventListener("progress", (event) => where(JSON.parse(event.data)));
  events.addEventListener("done", end("Painted.", ""));
  events.addEventListener("failed", end("It could not be painted:", "problem"));
  events.addEventListener("cancelled", end("Taken back.", ""));
}
document.addEventListener("click", (event) => {
  if (event.target.id === "paint") paint(event.target.dataset.order);
  if (event.target.id === "cancel" && order) fetch(order, { method: "DELETE" });
});
prepare();
