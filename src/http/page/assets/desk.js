// The operator's pages: numbers as the visitor's language writes them, and what is live kept up to date. Without this script
// the pages are as they were when they were opened.
"use strict";

const language = document.documentElement.lang;
const EVERY = 5000;
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
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
  for (const time of place.querySelectorAll("time[data-day]")) time.textContent = day.format(new Date(time.dateTime));
}
dress(document);

// The page is asked for again while somebody looks at it, and what is live in it takes its place; focus and scrolling stay.
const live = document.getElementById("live");
async function renew() {
  if (document.hidden || live.contains(document.activeElement)) return;
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
