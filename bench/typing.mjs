// From the last keystroke of a title to the first picture with it, in a browser, on the page of a template that is painted.
//
//     node bench/typing.mjs [--titles N] [--runs N] [--bin FOLDER]
//
// Prints a table and writes target/bench/typing.json. Needs festoon and festoon-renderer built in release, Chromium and what
// scripts/node-packages.sh installs for the browser tests.
//
// whole-file   the same page and server, with players that fetch a clip whole before they show it, as of a service that hands
//              out files. The pause before a keystroke counts as the last one is in both.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const root = resolve(import.meta.dirname, "..");
const { values: given } = parseArgs({
  options: { titles: { type: "string", default: "20" }, runs: { type: "string", default: "3" }, bin: { type: "string", default: join(root, "target/release") } },
});
const [titles, runs] = [given.titles, given.runs].map(Number);
const { chromium } = createRequire(join(root, "third_party/browser-tests/"))("playwright-core");
const PAGE = "/t/new-year?lang=en", CLIP = "/v1/clips/new-year/en.mp4";

function browserProgram() {
  const folders = process.env.PATH.split(delimiter);
  const found = ["chromium", "google-chrome"].flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
  if (!found) throw new Error("there is no `chromium`: apt-get install chromium");
  return found;
}

/** The server with one renderer, and its address. More is composed here than a stranger may cause. */
async function serve(state) {
  const env = { ...process.env, FESTOON__PATHS__STATE: state, FESTOON__SERVER__LISTEN: "127.0.0.1:0", FESTOON__SCHEDULE__ENABLED: "false", FESTOON__STRANGERS__WORK_PER_MINUTE: "100000" };
  const server = spawn(join(given.bin, "festoon"), ["up", "--renderers", "1", "--config", join(root, "config/festoon.toml")], { env, stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface(server.stdout)) {
    const url = line.match(/^festoon answers at (.*)$/)?.[1];
    if (url) return { server, url };
  }
  throw new Error("festoon did not start");
}

/** In the page: tells how long a title takes from its last keystroke to its first picture; `whole` makes the players wait for all bytes. */
function instrument(whole) {
  const source = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "src");
  Object.defineProperty(HTMLMediaElement.prototype, "src", {
    ...source,
    set(url) {
      this.titled = new URL(url, location.href).searchParams.get("title");
      if (!whole) return source.set.call(this, url);
      fetch(url).then((answer) => answer.blob()).then((bytes) => source.set.call(this, URL.createObjectURL(bytes)));
    },
  });
  globalThis.shown = (field, title) =>
    new Promise((done) => {
      let last;
      field.addEventListener("input", () => (last = performance.now()));
      new MutationObserver((_, observer) => {
        const clip = document.getElementById("clip");
        if (clip?.titled !== title) return;
        observer.disconnect();
        clip.requestVideoFrameCallback((now) => done(now - last));
      }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["id"] });
    });
}

async function typing(browser, url, whole, names) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 900 }, bypassCSP: whole });
  await context.addInitScript(instrument, whole);
  const page = await context.newPage();
  await page.goto(url + PAGE);
  const field = page.getByLabel("Title", { exact: true });
  const taken = [];
  for (const name of names) {
    await field.fill("");
    const shown = field.evaluate((field, name) => globalThis.shown(field, name), name);
    await field.pressSequentially(name, { delay: 30 });
    taken.push(await shown);
  }
  await context.close();
  return taken;
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const state = mkdtempSync(join(tmpdir(), "festoon-typing-"));
const { server, url } = await serve(state);
const browser = await chromium.launch({ executablePath: browserProgram(), args: ["--no-sandbox", "--disable-gpu"] });
try {
  while ((await fetch(url + CLIP)).status !== 200) await new Promise((later) => setTimeout(later, 500));
  const all = { ours: [], "whole-file": [] };
  for (let run = 0; run < runs; run++) {
    for (const who of Object.keys(all)) {
      const names = Array.from({ length: titles }, (_, title) => `${who === "ours" ? "Anna" : "Ben"} ${run}.${title}`);
      all[who].push(...(await typing(browser, url, who !== "ours", names)));
    }
  }
  const [ours, peer] = [all.ours, all["whole-file"]].map((taken) => taken.toSorted((a, b) => a - b));
  const cases = [["p50", 0.5], ["p95", 0.95]].map(([name, share]) => {
    const pair = { ours: at(ours, share), peer: at(peer, share) };
    return { name: `whole-file/keystroke-to-picture-${name}`, ratio: pair.peer / pair.ours, unit: "ms", ...pair, runs };
  });
  console.log(`| keystroke to picture | ours, ms | whole file, ms | ratio |\n|---|---|---|---|`);
  for (const { name, ours, peer, ratio } of cases) console.log(`| ${name.split("-").at(-1)} of ${runs * titles} | ${ours.toFixed(0)} | ${peer.toFixed(0)} | ${ratio.toFixed(2)} |`);
  mkdirSync(join(root, "target/bench"), { recursive: true });
  writeFileSync(join(root, "target/bench/typing.json"), JSON.stringify({ cases }, null, 1));
} finally {
  await browser.close();
  server.kill("SIGTERM");
  await new Promise((ended) => server.once("exit", ended));
  rmSync(state, { recursive: true, force: true });
}
