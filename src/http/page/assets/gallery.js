// The gallery's behaviour. Without it the filters are a plain form, and posters are pictures.
"use strict";

const language = document.documentElement.lang;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const thrifty = navigator.connection?.saveData === true;

// Days, as the visitor's language says them.
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "long", timeZone: "UTC" });
for (const time of document.querySelectorAll("time[data-days]")) {
  const days = Number(time.dataset.days);
  time.textContent = days <= 30 ? relative.format(days, "day") : day.format(new Date(time.dateTime));
}
const regions = new Intl.DisplayNames(language, { type: "region" });
for (const option of document.querySelectorAll("[data-regions] option")) option.textContent = regions.of(option.value) ?? option.value;
const languages = new Intl.DisplayNames(language, { type: "language" });
for (const option of document.querySelectorAll("select[name=locale] option")) {
  if (option.value && option.textContent === option.value) option.textContent = languages.of(option.value) ?? option.value;
}

// A poster plays while it is pointed at or focused; where nothing can point, while it is in the middle of the window.
function play(screen) {
  if (calm.matches || thrifty || screen.querySelector("video")) return;
  const video = document.createElement("video");
  Object.assign(video, { muted: true, loop: true, playsInline: true, src: screen.dataset.clip });
  video.setAttribute("aria-hidden", "true");
  video.tabIndex = -1;
  video.addEventListener("playing", () => video.classList.add("playing"), { once: true });
  screen.querySelector("img")?.after(video);
  video.play().catch(() => {});
}
function still(screen) {
  const video = screen.querySelector("video");
  if (!video) return;
  video.removeAttribute("src");
  video.load();
  video.remove();
}
for (const card of document.querySelectorAll(".card")) {
  const screen = card.querySelector("[data-clip]");
  if (!screen) continue;
  const link = card.querySelector("a");
  for (const event of ["pointerenter", "focus"]) link.addEventListener(event, () => play(screen));
  for (const event of ["pointerleave", "blur"]) link.addEventListener(event, () => still(screen));
}
if (matchMedia("(hover: none)").matches) {
  const middle = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) (isIntersecting ? play : still)(target);
  }, { rootMargin: "-35% 0px -35% 0px" });
  for (const screen of document.querySelectorAll(".card [data-clip]")) middle.observe(screen);
}

// What is typed filters at once; what is chosen asks the server.
const form = document.getElementById("filters");
const search = form.elements.q;
const found = document.getElementById("found");
const cards = [...document.querySelectorAll(".card")];
const all = Number(found.textContent.match(/\d+/g)?.at(-1) ?? cards.length);
function sift() {
  const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const card of cards) {
    card.hidden = !terms.every((term) => card.dataset.search.includes(term));
    shown += !card.hidden;
  }
  for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector(".card:not([hidden])");
  document.getElementById("nothing").hidden = shown > 0;
  found.textContent = found.dataset.some.replace("{shown}", shown).replace("{all}", all);
}
// Of a page that was asked for with a search, the server left out what did not match.
if (!search.value) search.addEventListener("input", sift);
for (const select of form.querySelectorAll("select")) {
  select.addEventListener("change", () => {
    for (const field of form.querySelectorAll("select, input")) field.disabled = field.value === "" || (field.name === "region" && field !== select && !new URLSearchParams(location.search).has("region"));
    form.submit();
  });
}
