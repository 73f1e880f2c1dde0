// The operator's pages: numbers as the visitor's language writes them, and what is live kept up to date. Without this script
// the pages are as they were when they were opened.
"use strict";

const language = document.documentElement.lang;
const EVERY = 5000;
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const unit = (unit, digits = 0) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits });
const spans = [["second", 1], ["minute", 60], ["hour", 3600], ["day", 86400]].map(([name, seconds]) => [unit(name, 1), seconds]);
const sizes = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"].map((name, power) => [unit(name, 1), 1000 ** power]);
const written = (scale, value) => {
  const [form, size] = scale.findLast(([, size]) => Math.abs(value) >= size) ?? scale[0];
  return form.format(value / size);
};
function dress(place) {
  for (const span of place.querySelectorAll("[data-seconds]")) span.textContent = written(spans, Number(span.dataset.seconds));
  for (const span of place.querySelectorAll("[data-bytes]")) span.textContent = written(sizes, Number(span.dataset.bytes));
  for (const time of place.querySelectorAll("time[data-moment]")) time.textContent = moment.format(new Date(time.dateTime));
  for (const time of place.querySelectorAll("time[data-day]")) time.textContent = day.format(new Date(time.dateTime));
}
dress(document);

// The page is asked for again while somebody looks at it, and what is live in it takes its place; focus and scrolling stay.
const live = document.getElementById("live");
async function renew() {
  // What somebody has chosen stays.
  if (document.hidden || live.contains(document.activeElement) || live.querySelector(":checked")) return;
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (response.status === 401) return location.reload();
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = page.getElementById("live");
    if (!next) return;
    dress(next);
    const at = live.querySelector(".scroll")?.scrollLeft ?? 0;
    live.replaceChildren(...next.childNodes);
    const scroll = live.querySelector(".scroll");
    if (scroll) scroll.scrollLeft = at;
  } catch {
    // The server is away for a moment: what is shown stays, and it is asked again.
  }
}
if (live) setInterval(renew, EVERY);

// What needs this script shows itself.
for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;
const regions = new Intl.DisplayNames(language, { type: "region" });
for (const span of document.querySelectorAll("[data-region]")) {
  try {
    span.textContent = regions.of(span.dataset.region);
  } catch {
    // A region that this browser does not know keeps its code.
  }
}
document.getElementById("wrong")?.focus();

// A file goes into the field that would be typed into.
for (const input of document.querySelectorAll("input[data-into]")) {
  input.addEventListener("change", async () => {
    const [file] = input.files;
    input.setCustomValidity(file && file.size > Number(input.dataset.most) ? `${written(sizes, file.size)} > ${written(sizes, Number(input.dataset.most))}` : "");
    if (file && input.reportValidity()) document.getElementById(input.dataset.into).value = await file.text();
  });
}

// Cells of a board are chosen by their state.
const judge = document.getElementById("judge");
const cells = () => [...judge.querySelectorAll("input[name=plate]")];
function count() {
  const chosen = document.getElementById("chosen");
  const number = new Set(cells().filter((cell) => cell.checked).map((cell) => cell.value)).size;
  chosen.textContent = number ? chosen.dataset.some.replace("{count}", number) : "";
}
judge?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choose]");
  if (!button) return;
  for (const cell of cells()) cell.checked = button.dataset.choose === cell.dataset.state;
  count();
});
// A plate that several locales share is decided about once: all of its cells go together.
judge?.addEventListener("change", (event) => {
  for (const cell of cells()) if (cell.value === event.target.value) cell.checked = event.target.checked;
  count();
});

// Plates to look at: decided without leaving the page. The keys hold while a plate has the focus, so that nobody decides by typing
// elsewhere.
const plates = document.getElementById("plates");
const said = document.getElementById("said");
const beside = (plate, way) => (way > 0 ? plate.nextElementSibling : plate.previousElementSibling);
async function decide(form, judgement) {
  const plate = form.closest(".plate");
  if (plate.hasAttribute("aria-busy")) return;
  plate.setAttribute("aria-busy", "true");
  try {
    const body = new URLSearchParams(new FormData(form));
    body.set("judgement", judgement);
    const response = await fetch(form.action, { method: "POST", body });
    if (response.status === 401) return location.reload();
    if (!response.ok) throw new Error(response.status);
    said.textContent = said.dataset[judgement];
    const next = beside(plate, 1) ?? beside(plate, -1);
    // What comes behind these, and what was decided.
    if (!next) return setTimeout(() => location.reload(), 600);
    plate.remove();
    next.focus();
  } catch {
    plate.removeAttribute("aria-busy");
    said.textContent = said.dataset.failed;
  }
}
plates?.addEventListener("submit", (event) => {
  event.preventDefault();
  decide(event.target, event.submitter.value);
});
plates?.addEventListener("keydown", (event) => {
  const plate = event.target.closest(".plate");
  if (!plate || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("textarea, video")) {
    if (event.key === "Escape") plate.focus();
    return;
  }
  const form = plate.querySelector("form");
  const acts = {
    j: () => beside(plate, 1)?.focus(),
    k: () => beside(plate, -1)?.focus(),
    a: () => decide(form, "approve"),
    r: () => decide(form, "reject"),
    p: () => decide(form, "repaint"),
    n: () => form.elements.note.focus(),
  };
  const act = acts[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
});
