// The gallery's behaviour. The page works without it: the form is a plain GET, and the clips autoplay.
"use strict";

// Clips that nobody sees, or that a visitor who wants little motion did not start, do not play.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !calm.matches) target.play().catch(() => {});
    else target.pause();
  }
});
for (const video of document.querySelectorAll("video")) {
  if (calm.matches) video.removeAttribute("autoplay");
  watcher.observe(video);
}

const studio = document.getElementById("studio");
if (studio) open(studio);

function open(studio) {
  const words = JSON.parse(studio.dataset.words);
  const element = (id) => document.getElementById(id);
  const form = element("pick"), clip = element("clip"), status = element("status");
  const texts = [...form.querySelectorAll("[data-caption]")];
  const segments = new Intl.Segmenter(studio.dataset.locale);
  let events = null, ticket = null, turn = 0;

  // What is typed is laid over the picture until it is in it.
  const first = () => (texts.length ? texts[0].value : "");
  let inPicture = clip.hidden || !("drawn" in studio.dataset) ? null : first();
  const caption = () => {
    element("caption").textContent = first() === inPicture ? "" : first();
    for (const text of texts) {
      const length = [...segments.segment(text.value)].length;
      const tooLong = length > Number(text.dataset.longest);
      text.setCustomValidity(tooLong ? `${length} > ${text.dataset.longest}` : "");
      text.setAttribute("aria-invalid", String(tooLong));
    }
  };
  form.addEventListener("input", caption);
  caption();

  const say = (text, kind = "") => {
    status.textContent = text;
    status.dataset.kind = kind;
  };
  const working = (permille) => {
    element("working").hidden = permille === null;
    element("progress").value = permille ?? 0;
  };
  const stop = () => {
    turn += 1;
    if (events) events.close();
    events = ticket = null;
    working(null);
  };
  const show = (url, text) => {
    clip.src = url;
    inPicture = "drawn" in studio.dataset ? text : null;
    caption();
    clip.hidden = false;
    element("empty").hidden = true;
    clip.play().catch(() => {});
    watcher.observe(clip);
    const download = element("download");
    download.href = `${url}${url.includes("?") ? "&" : "?"}profile=download`;
    element("links").hidden = false;
    element("another").hidden = false;
    say(words.ready);
  };
  const wrong = (problem) => say([problem.detail || problem.title || words.failed, problem.hint].filter(Boolean).join(" – "), "problem");

  async function ask() {
    stop();
    const mine = turn;
    const text = first();
    const parameters = Object.fromEntries(new FormData(form));
    const variation = Number(parameters.variation || 0);
    for (const name of ["locale", "template", "variation"]) delete parameters[name];
    const pick = { template: studio.dataset.template, locale: studio.dataset.locale, parameters, variation };
    say(words.asking);
    try {
      const response = await fetch("/v1/picks", {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` },
        body: JSON.stringify(pick),
      });
      const answer = await response.json();
      if (mine !== turn) return;
      if (!response.ok) return wrong(answer);
      history.replaceState(null, "", `/?${new URLSearchParams(new FormData(form))}`);
      if (answer.status === "ready") return show(answer.clip_url, text);
      follow(answer, text);
    } catch (error) {
      if (mine === turn) say(`${words.failed} (${error.message})`, "problem");
    }
  }

  function follow(order, text) {
    ticket = order.url;
    working(0);
    say(words.queued);
    events = new EventSource(order.events_url);
    const end = (act) => (event) => {
      const page = JSON.parse(event.data);
      stop();
      act(page);
    };
    events.addEventListener("progress", (event) => {
      const page = JSON.parse(event.data);
      working(page.progress ? page.progress.permille : 0);
      say(page.status === "painting" ? words.painting : words.queued);
    });
    events.addEventListener("done", end(() => show(order.clip_url, text)));
    events.addEventListener("failed", end((page) => say(`${words.failed} ${page.reason ?? ""}`, "problem")));
    events.addEventListener("cancelled", end(() => say(words.cancelled)));
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  element("cancel").addEventListener("click", () => {
    const url = ticket;
    stop();
    say(words.cancelled);
    if (url) fetch(url, { method: "DELETE" });
  });
  element("another").addEventListener("click", () => {
    const take = element("f-variation");
    take.value = Number(take.value) + 1;
    ask();
  });
  if (!element("links").hidden) element("another").hidden = false;
}
