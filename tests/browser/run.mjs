// Runs one flow of flows.mjs against a server: node run.mjs FLOW URL. Ends with 1 and says why if it fails.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import * as flows from "./flows.mjs";

const require = createRequire(`${process.env.FESTOON_BROWSER_TESTS}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core");
const hls = readFileSync(require.resolve("hls.js/dist/hls.min.js"), "utf8");

const [, , name, url] = process.argv;
const browser = await chromium.launch({ executablePath: process.env.FESTOON_CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });

/** A page that fails the flow by what no visitor should meet: a request elsewhere, a script's error, a broken policy. */
async function open(path, options = {}) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.FESTOON_PATIENCE ?? 30_000));
  page.complaints = [];
  page.bytes = 0;
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(url) && !to.startsWith("data:") && !to.startsWith("blob:")) page.complaints.push(`a request to ${to}`);
  });
  page.on("response", async (response) => {
    const kind = response.request().resourceType();
    if (["document", "stylesheet", "script"].includes(kind)) page.bytes += (await response.body().catch(() => "")).length;
  });
  page.on("pageerror", (error) => page.complaints.push(`a script failed: ${error.message}`));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) page.complaints.push(message.text());
  });
  await page.goto(url + path);
  return page;
}

/** Fails with the barriers that axe-core calls serious or critical. */
async function accessible(page, where) {
  // Through the debugger, which no policy of the page keeps out.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = grave.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  check(grave.length === 0, `${where}: ${told.join("\n")}`);
}

function check(right, message) {
  if (!right) throw new Error(message);
}

try {
  check(flows[name], `there is no flow ${name}`);
  const pages = [];
  await flows[name]({ url, accessible, check, hls, open: async (...where) => (pages.push(await open(...where)), pages.at(-1)) });
  for (const page of pages) check(page.complaints.length === 0, page.complaints.join("\n"));
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
} finally {
  await browser.close();
}
