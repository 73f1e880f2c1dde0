// What people do, each as one function. tests/http/browser.rs lays out the server that each of them needs.

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

const THEMES = [{ colorScheme: "light" }, { colorScheme: "dark" }];
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** The first picture of what is played now, when it is on the screen. */
const picture = (page) =>
  page.evaluate(() => new Promise((shown) => document.getElementById("clip").requestVideoFrameCallback(() => shown(document.getElementById("clip").currentSrc))));
const plays = (page, part) => page.waitForFunction((part) => document.getElementById("clip").src.includes(part), part);

export async function no_barriers({ open, accessible, check }) {
  for (const lang of ["en", "zh-Hans", "ja", "ar"]) {
    for (const path of ["/", "/t/greeting", "/t/nowhere", "/?q=zzzz"]) {
      for (const options of [...THEMES, PHONE]) {
        if (lang !== "en" && options !== THEMES[0]) continue;
        const page = await open(`${path}${path.includes("?") ? "&" : "?"}lang=${lang}`, options);
        await accessible(page, `${path} ${lang} ${JSON.stringify(options)}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        check(wide <= 0, `${path} ${lang} is ${wide} pixels too wide for ${JSON.stringify(options)}`);
        await page.close();
      }
    }
  }
}

export async function interface_({ open, accessible, check }) {
  for (const options of [...THEMES, PHONE, { javaScriptEnabled: false }]) {
    const page = await open("/docs?lang=ar", options);
    check((await page.locator("pre.curl").count()) > 30, "each address has a command line");
    if (options.javaScriptEnabled === false) continue;
    await accessible(page, `/docs ${JSON.stringify(options)}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wide <= 0, `/docs is ${wide} pixels too wide for ${JSON.stringify(options)}`);
    const lost = await page.evaluate(() => [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute("href").slice(1)).filter((id) => !document.getElementById(id)));
    check(lost.length === 0, `nothing is called ${lost.join(", ")}`);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy Command line: Asks for a clip" }).click();
    await page.getByText("Copied").waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    check(copied.includes('/v1/picks"') && copied.includes('"template":"new-year"'), copied);
  }
}

export async function gallery({ open, check }) {
  const page = await open("/?lang=en");
  check(page.bytes < 200_000, `the first view has ${page.bytes} bytes`);
  const cards = page.locator(".card:visible");
  check((await cards.count()) === 3, "three templates");
  await page.getByLabel("Search").fill("greet");
  check((await cards.count()) === 1, "one fits");
  check((await page.getByRole("status").innerText()).startsWith("1 of 3"), "and the page says so");
  await page.getByLabel("Search").fill("zzzz");
  check(await page.getByText("No template fits").isVisible(), "none fits");
  await page.getByLabel("Search").fill("");
  // By keyboard alone: from the search on, over the filters, to the first card, which then plays.
  await page.getByLabel("Search").focus();
  for (let steps = 0; steps < 12 && !(await page.evaluate(() => document.activeElement.closest?.(".card"))); steps++) await page.keyboard.press("Tab");
  await page.waitForSelector(".card video.playing");
  await page.keyboard.press("Tab");
  await page.waitForSelector(".card video", { state: "detached" });
  await page.getByLabel("Language of the clip").selectOption("ja");
  await page.waitForURL(/locale=ja/);
  check((await cards.count()) === 2, "two speak Japanese");
}

export async function without_script({ open, check, url }) {
  const page = await open("/?lang=en", { javaScriptEnabled: false });
  await page.getByLabel("Search").fill("greet");
  await page.getByRole("button", { name: "Find" }).click();
  check((await page.locator(".card").count()) === 1, "the search works");
  await page.locator(".card a").click();
  await page.getByLabel("Title").fill("Anna & <Ben>");
  await page.getByRole("button", { name: "Show" }).click();
  const source = await page.locator("#clip").getAttribute("src");
  check(new URL(source, url).searchParams.get("title") === "Anna & <Ben>", source);
  const download = await page.getByRole("link", { name: "Download MP4" }).getAttribute("href");
  const file = await page.request.get(url + download);
  check(file.ok() && file.headers()["content-disposition"].includes("greeting-en.mp4"), "the file is there");
  check((await page.request.get(url + (await page.getByRole("link", { name: "Captions" }).getAttribute("href")))).ok(), "captions");
}

export async function a_title({ open, check }) {
  const page = await open("/t/greeting?lang=en");
  await picture(page);
  const title = page.getByLabel("Title");
  await title.fill("Zoë 👩‍👩‍👧");
  check(await page.getByText("5 of 24").isVisible(), "characters are counted as a reader does");
  await plays(page, "title=Zo");
  check((await picture(page)).includes("title=Zo"), "the picture is the new clip's");
  for (const [id, part] of [["link", "title=Zo"], ["embed", "<video src="], ["curl", "curl -o greeting.mp4"]]) {
    check((await page.locator(`#${id}`).inputValue()).includes(part), id);
  }
  await title.fill("x".repeat(30));
  check(await page.getByText("This text is too long").isVisible(), "too long");
  await title.fill("𒀀");
  await page.getByText("There is no face that can write").waitFor();
  check((await title.getAttribute("aria-invalid")) === "true", "the field is marked");
  await title.fill("");
  await page.waitForFunction(() => !document.querySelector("[aria-invalid]"));
  await page.getByLabel("Language of the clip").selectOption("ja");
  await page.waitForURL(/locale=ja/);
  check((await page.getByLabel("Title").getAttribute("placeholder")) === "こんにちは", "the usual title is Japanese");
  check((await page.locator("html").getAttribute("lang")) === "en", "the page stays English");
}

export async function a_plate_that_is_not_painted({ open, check }) {
  const page = await open("/t/greeting?lang=en&title=Ada");
  await picture(page);
  await page.getByRole("radio", { name: "Rose" }).check();
  await page.getByText("The usual picture, for now").waitFor();
  check(await page.getByRole("progressbar").isVisible(), "the wait is shown");
  check((await page.locator("#where").innerText()).startsWith("Next in line"), "and what stands before it");
  check((await page.locator("#clip").getAttribute("src")).includes("title=Ada"), "what stands in has the right title");
  // The server's side begins to paint when it is told to.
  await fetch(process.env.FESTOON_CUE);
  await page.getByText("This is the right one now").waitFor();
  await plays(page, "palette=rose");
  check(!(await page.getByText("The usual picture, for now").isVisible()), "the badge is gone");
  check(!(await page.getByRole("progressbar").isVisible()), "so is the wait");
}

export async function an_order_taken_back({ open, check, url }) {
  const page = await open("/t/greeting?lang=en");
  await picture(page);
  const answer = page.waitForResponse((response) => response.url().endsWith("/v1/picks"));
  await page.getByRole("radio", { name: "Rose" }).check();
  const ticket = await (await answer).json();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Taken back").waitFor();
  await page.waitForFunction(async (at) => (await (await fetch(at)).json()).status === "cancelled", url + ticket.url);
  check(!(await page.getByRole("progressbar").isVisible()), "nothing is waited for");
}

export async function a_logo({ open, check }) {
  const page = await open("/t/greeting?lang=en");
  await picture(page);
  const logo = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20" fill="#f00"/></svg>';
  await page.locator("input[type=file]").setInputFiles({ name: "logo.svg", mimeType: "image/svg+xml", buffer: Buffer.from(logo) });
  await plays(page, "logo=");
  await page.getByRole("button", { name: "Remove" }).click();
  await page.waitForFunction(() => !document.getElementById("clip").src.includes("logo="));
  await page.locator("input[type=file]").setInputFiles({ name: "logo.svg", mimeType: "image/svg+xml", buffer: Buffer.from("no image") });
  await page.getByText("This file is not an image that can be shown").waitFor();
}

export async function another_one({ open, check }) {
  const page = await open("/t/greeting?lang=en");
  await picture(page);
  await page.getByRole("link", { name: "Another one" }).click();
  await plays(page, "variation=1");
  await page.getByRole("button", { name: "Motion" }).click();
  await page.getByText("Thank you, noted").waitFor();
  // Back and forth, by what is painted.
  await page.getByRole("link", { name: "Take 1" }).click();
  await page.waitForFunction(() => !document.getElementById("clip").src.includes("variation="));
  await page.getByRole("button", { name: "Side by side" }).click();
  const beside = page.getByRole("dialog");
  check((await beside.locator("video").count()) === 2, "two takes");
  await beside.getByRole("button", { name: "Keep take 2" }).click();
  await plays(page, "variation=1");
  await page.waitForFunction(() => document.getElementById("like").getAttribute("aria-pressed") === "true");
  // Both were seen: the next is one to be painted.
  await page.getByRole("link", { name: "Another one" }).click();
  await page.getByText("Another take, for now").waitFor();
  check(await page.getByRole("progressbar").isVisible(), "a third is ordered");
}

export async function sound({ open, check, hls }) {
  const page = await open("/t/card?lang=en");
  await picture(page);
  const clip = () => page.evaluate(() => {
    const { muted, controls, webkitAudioDecodedByteCount } = document.getElementById("clip");
    return { muted, controls, sounds: webkitAudioDecodedByteCount > 0 };
  });
  await page.waitForFunction(() => document.getElementById("clip").webkitAudioDecodedByteCount > 0);
  const first = await clip();
  check(first.muted && first.controls, `nothing is heard before the visitor wants it, who has the means: ${JSON.stringify(first)}`);
  await page.evaluate(() => { document.getElementById("clip").muted = false; });
  await page.getByRole("radio", { name: "High" }).check();
  await plays(page, "sound=high");
  await page.waitForFunction(() => document.getElementById("clip").webkitAudioDecodedByteCount > 0);
  check(!(await clip()).muted, "who has heard one clip hears the next");
  await page.getByRole("radio", { name: "Off" }).check();
  await plays(page, "sound=off");
  await picture(page);
  check(!(await clip()).sounds, "silence was picked");

  // HLS, as a player on any page plays it; through the debugger, which no policy of the page keeps out.
  await page.evaluate(hls);
  for (const [path, sounds] of [["?sound=low", 1], ["?sound=off", 0]]) {
    for (const level of [0, 1]) {
      const told = await page.evaluate(async ([address, level]) => {
        const { Hls } = globalThis;
        const video = Object.assign(document.createElement("video"), { muted: true });
        document.body.append(video);
        const on = (name) => new Promise((done) => video.addEventListener(name, done, { once: true }));
        const player = new Hls({ enableWorker: false });
        const errors = [];
        player.on(Hls.Events.ERROR, (_, { details, reason }) => errors.push(`${details} ${reason ?? ""}`));
        const parsed = new Promise((done) => player.once(Hls.Events.MANIFEST_PARSED, () => done()));
        player.loadSource(address);
        player.attachMedia(video);
        await parsed;
        player.currentLevel = level;
        const ended = on("ended");
        await video.play();
        await ended;
        // Back to each segment.
        for (const second of [0.2, 1.6, 1]) {
          const sought = on("seeked");
          video.currentTime = second;
          await sought;
        }
        const { duration, videoWidth, webkitAudioDecodedByteCount } = video;
        const told = { errors, duration, videoWidth, tracks: player.audioTracks.length, heard: webkitAudioDecodedByteCount > 0 };
        player.destroy();
        video.remove();
        return told;
      }, [`/v1/clips/card/en.m3u8${path}`, level]);
      check(told.errors.length === 0, `${path} ${level}: ${told.errors.join(", ")}`);
      check(Math.abs(told.duration - 2) < 0.03 && told.tracks === sounds && told.heard === (sounds === 1), `${path} ${level}: ${JSON.stringify(told)}`);
      check([512, 480].includes(told.videoWidth), `${told.videoWidth} pixels`);
    }
  }
}

/** As whoever has the token, on a page that asks for it. */
async function sign_in(page) {
  await page.getByLabel("token").fill(process.env.FESTOON_TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
}

export async function an_operator({ open, check, accessible, url }) {
  const page = await open("/operator/campaigns/launch?lang=en");
  await accessible(page, "signing in");
  await page.getByLabel("token").fill("a guess");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("That is not the token").waitFor();
  await page.goto(`${url}/operator/campaigns/launch?lang=en`);
  await sign_in(page);
  await page.getByRole("heading", { name: "Launch" }).waitFor();
  check((await page.locator("td .state.open").count()) === 4, "nothing is painted");
  await accessible(page, "board");
  // What others do is seen without a click.
  const ordered = await page.request.get(`${url}/v1/clips/lantern/en.mp4`);
  check(ordered.status() === 202, "a plate is ordered");
  await page.waitForFunction(() => document.querySelectorAll("td .state.queued").length === 2);
  for (const name of ["Campaigns", "Review", "Takes", "Operations"]) {
    await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await accessible(page, `${name} ${colorScheme}`);
    }
  }
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("token").waitFor();
}

/** What a newcomer meets: the templates that come with festoon, its default model, a renderer process that paints. */
export async function as_it_comes({ open, accessible, check, url }) {
  const page = await open("/?lang=en");
  check((await page.locator(".card:visible").count()) > 10, "the gallery is full");
  await accessible(page, "gallery as it comes");
  await page.getByLabel("Search").fill("festive lights");
  await page.locator(".card:visible a").first().click();
  await page.getByRole("heading", { level: 1, name: "Festive lights" }).waitFor();
  // Nobody has asked for it yet: it is painted now, while the page says how far it is.
  await page.getByRole("progressbar").waitFor();
  await page.getByText("This is the right one now").waitFor();
  await picture(page);
  await accessible(page, "a template as it comes");

  await page.getByLabel("Title").fill("Ada & Ben");
  await plays(page, "title=Ada");
  await picture(page);
  const download = await page.getByRole("link", { name: "Download MP4" }).getAttribute("href");
  const file = await page.request.get(url + download);
  check(file.ok() && (await file.body()).subarray(4, 8).toString() === "ftyp", "the file is an MP4");

  // Another plate, under the same title.
  await page.getByRole("radio", { name: "Blue", exact: true }).check();
  await page.getByText("The usual picture, for now").waitFor();
  await plays(page, "title=Ada");
  await page.getByText("This is the right one now").waitFor();
  await plays(page, "colour=blue");
  await picture(page);

  // Another take of it, by another seed, and both beside each other.
  await page.getByRole("link", { name: "Another one" }).click();
  await page.getByText("Another take, for now").waitFor();
  await page.getByText("This is the right one now").waitFor();
  await plays(page, "variation=1");
  await page.getByRole("button", { name: "Side by side" }).click();
  check((await page.getByRole("dialog").locator("video").count()) === 2, "two takes");
}

/** A campaign of a picture that the default model paints, from its form to a plate that was looked at and painted anew. */
export async function an_owner_as_it_comes({ open, accessible, check }) {
  const page = await open("/operator/campaigns/new?lang=en");
  await sign_in(page);
  const fields = page.locator("form").filter({ has: page.locator("input[name=kind][value=wishes]") });
  await fields.getByLabel("Id", { exact: true }).fill("lights");
  await fields.getByLabel("First day").fill("2027-03-01");
  await fields.getByLabel("Last day").fill("2027-03-31");
  await fields.locator("input[value=festive-lights]").check();
  await fields.locator("input[value=en]").check();
  await fields.getByLabel("Parameters").fill("colour = red\nbackground = dusk");
  await fields.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("heading", { level: 1, name: "lights" }).waitFor();
  await page.getByRole("button", { name: "Plan again" }).click();
  await page.getByText("Plates ordered: 1").waitFor();
  const cells = (state) => page.waitForFunction((state) => document.querySelectorAll(`td .state.${state}`).length === 1, state);
  const choose = async (judgement, note) => {
    await page.locator("td input[type=checkbox]").check();
    await page.getByLabel("Note").fill(note);
    await page.getByRole("button", { name: judgement, exact: true }).click();
  };
  await cells("ready");
  await choose("Approve", "as it was meant");
  await page.getByRole("img", { name: "Approved" }).waitFor();
  await accessible(page, "a board as it comes");
  const clip = async () => page.request.get(new URL("/v1/clips/festive-lights/en.mp4?colour=red&background=dusk", page.url()).href);
  const first = await clip();
  check(first.ok(), `the plate is served: ${first.status()}`);
  await choose("Repaint", "another one, please");
  await page.waitForFunction(() => document.querySelectorAll("td .state.ready").length === 0);
  await cells("ready");
  const second = await clip();
  check(second.ok() && !(await second.body()).equals(await first.body()), "another take stands in its place");
}

export async function a_review({ open, check, accessible, url }) {
  const page = await open("/operator/review?lang=en");
  await sign_in(page);
  const plates = page.locator(".plate");
  await plates.nth(2).waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll(".frames img")].every((image) => (image.loading = "eager", image.complete && image.naturalWidth > 0)));
  for (const [name, options] of [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }]]) {
    await page.emulateMedia(options);
    await accessible(page, `review ${name}`);
  }
  await page.setViewportSize(PHONE.viewport);
  await accessible(page, "review on a phone");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `the review is ${wide} pixels too wide for a phone`);
  await page.setViewportSize({ width: 1280, height: 900 });

  // By keyboard alone: walk to the second and back, write a note, reject the first; the next one has the focus.
  await page.locator("body").press("a");
  check((await plates.count()) === 3, "a key elsewhere decides nothing");
  await plates.first().focus();
  await page.keyboard.press("j");
  check(await plates.nth(1).evaluate((plate) => plate === document.activeElement), "the second plate has the focus");
  await page.keyboard.press("k");
  await page.keyboard.press("n");
  await page.keyboard.type("a jarring note");
  check((await plates.count()) === 3, "what is typed into a note decides nothing");
  await page.keyboard.press("Escape");
  await page.keyboard.press("r");
  await page.getByRole("status").getByText("Rejected.").waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".plate").length === 2);
  check(await plates.first().evaluate((plate) => plate === document.activeElement), "the next plate has the focus");
  await page.keyboard.press("p");
  await page.getByRole("status").getByText("another take is ordered").waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".plate").length === 1);

  // The last one without a script, in the same browser.
  const plain = await open("/operator/review?lang=en", { javaScriptEnabled: false });
  await sign_in(plain);
  check((await plain.locator(".plate").count()) === 1, "one is left");
  await plain.getByLabel("Note").fill("fine");
  await plain.getByRole("button", { name: "Approve" }).click();
  await plain.getByRole("heading", { name: "Nothing to look at" }).waitFor();
  const decided = await plain.locator("tbody tr").allInnerTexts();
  check(decided.length === 3 && decided.some((row) => row.includes("a jarring note")), decided.join(" | "));
  const shown = await plain.request.get(`${url}/v1/clips/lantern/en.mp4?variation=1`);
  check(shown.ok() || shown.status() === 202, `an approved or repainted clip is there or on its way: ${shown.status()}`);
}

export async function a_campaign({ open, check, accessible, url }) {
  const page = await open("/operator/campaigns?lang=en");
  await sign_in(page);
  await page.getByRole("link", { name: "New campaign" }).click();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await accessible(page, `new campaign ${colorScheme}`);
  }
  const fields = page.locator("form").filter({ has: page.locator("input[name=kind][value=wishes]") });
  await fields.getByLabel("Id", { exact: true }).fill("spring");
  await fields.getByLabel("First day").fill("2027-03-01");
  await fields.getByLabel("Last day").fill("2027-02-01");
  await fields.getByLabel("lantern").check();
  await fields.getByLabel("Parameters").fill("size = small | large");
  await fields.getByRole("button", { name: "Keep" }).click();
  const alert = page.getByRole("alert");
  await alert.getByText("before it begins").waitFor();
  check(await alert.evaluate((alert) => alert === document.activeElement), "what is wrong has the focus");
  check((await fields.getByLabel("Last day").getAttribute("aria-invalid")) === "true", "its field is marked");
  check(await fields.getByLabel("lantern").isChecked(), "what was filled in is still there");
  await accessible(page, "a campaign with a mistake");
  await fields.getByLabel("Last day").fill("2027-03-31");
  await fields.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("heading", { level: 1, name: "spring" }).waitFor();

  // The board: three locales see two plates; one is flagged, the other is ordered by hand.
  check((await page.locator("td .state.flagged").count()) === 3, "a flagged plate, as three locales see it");
  await page.getByRole("button", { name: "Plan again" }).click();
  await page.getByText("Plates ordered: 1").waitFor();
  check((await page.locator("td .state.queued").count()) === 3, "the other is queued");
  await page.getByRole("button", { name: "Flagged" }).click();
  await page.getByText("1 chosen").waitFor();
  check((await page.locator("td input:checked").count()) === 3, "all of its cells");
  for (const [name, options] of [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }]]) {
    await page.emulateMedia(options);
    await accessible(page, `board ${name}`);
  }
  await page.setViewportSize(PHONE.viewport);
  await accessible(page, "board on a phone");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `the board is ${wide} pixels too wide for a phone`);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByLabel("Note").fill("fine");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.waitForFunction(() => document.querySelectorAll("td .state.ready").length === 3);
  check((await page.getByRole("img", { name: "Approved" }).count()) === 3, "and it is marked as approved");
  await page.getByLabel("Japan").fill("2027-02-20");
  await page.getByRole("button", { name: "Keep" }).click();
  await page.waitForFunction(() => document.querySelector("input[name=live-JP]").value === "2027-02-20");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused").waitFor();
  check((await page.locator("td .state.open").count()) === 3, "what was queued is not any more");

  // A table that was taken along is brought again, as a file.
  const file = await page.request.get(`${url}/operator/campaigns/spring/wishes.csv`);
  await page.goto(`${url}/operator/campaigns/new?lang=en`);
  await page.getByText("Bring a table (CSV)").click();
  const table = page.locator("form").filter({ has: page.locator("input[name=kind][value=table]") });
  await table.getByLabel("Id", { exact: true }).fill("tour");
  await table.getByLabel("Or choose a file").setInputFiles({ name: "wishes.csv", mimeType: "text/csv", buffer: await file.body() });
  await page.waitForFunction(() => document.getElementById("text-table").value.startsWith("template,locale"));
  await table.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("heading", { level: 1, name: "tour" }).waitFor();
}

/** An author writes a template: what is saved is shown, drawn at once, and what is wrong with it with line and column. */
export async function a_template_being_written({ open, accessible, check, url }) {
  const folder = process.env.FESTOON_FOLDER;
  const edit = (file, from, to) => {
    const text = readFileSync(`${folder}/${file}`, "utf8");
    check(text.includes(from), `${file} has no ${from}`);
    writeFileSync(`${folder}/${file}`, text.replace(from, to));
  };
  const page = await open("/preview");
  const shown = () => page.locator("#picture").screenshot();
  const address = () => page.locator("#picture").getAttribute("src");
  const changed = (before) => page.waitForFunction((before) => document.getElementById("picture")?.getAttribute("src") !== before, before);
  await page.getByRole("heading", { name: "No mistakes" }).waitFor();
  check(await page.getByText("Drawn on a plain background").isVisible(), "nothing is painted yet");
  await accessible(page, "the preview");

  let [before, at] = [await shown(), await address()];
  edit("words/en.toml", 'default = "Hello"', 'default = "Good morning"');
  await changed(at);
  check(!before.equals(await shown()), "what is saved is in the picture");
  check((await page.getByLabel("Title").getAttribute("placeholder")) === "Good morning", "and in the form");

  [before, at] = [await shown(), await address()];
  edit("template.toml", "\nwidth = ", "\nwidht = ");
  const wrong = page.locator(".mistakes li").first();
  await wrong.waitFor();
  const line = readFileSync(`${folder}/template.toml`, "utf8").split("\n").findIndex((line) => line.startsWith("widht")) + 1;
  const told = await wrong.innerText();
  for (const part of [`template.toml:${line}:1`, "widht", "did you mean `width`?"]) check(told.includes(part), `${part}: ${told}`);
  check((await address()) === at && before.equals(await shown()), "the picture stays as it was");
  await accessible(page, "the preview of a broken template");

  edit("template.toml", "\nwidht = ", "\nwidth = ");
  await page.getByRole("heading", { name: "No mistakes" }).waitFor();
  check((await page.locator(".mistakes").count()) === 0, "it goes away");

  // What only drawing finds comes after the picture.
  edit("words/en.toml", 'default = "Good morning"', 'default = "\u{12000}"');
  await page.getByText("missing-glyph").first().waitFor();
  edit("words/en.toml", 'default = "\u{12000}"', 'default = "Good morning"');
  await page.getByRole("heading", { name: "No mistakes" }).waitFor();

  at = await address();
  await page.getByLabel("Title").fill("Zoë");
  await changed(at);
  check((await address()).includes("title=Zo"), "what is typed is in the picture");

  [before, at] = [await shown(), await address()];
  await page.getByRole("button", { name: "Paint this plate" }).click();
  await page.getByText("Painted.").waitFor({ timeout: 120_000 });
  await page.getByText("Drawn on its own plate").waitFor();
  check(!before.equals(await shown()), "the plate is below the title now");
  const clip = await page.request.get(url + (await page.getByRole("link", { name: "Play the clip" }).getAttribute("href")));
  check(clip.ok() && clip.headers()["content-type"].startsWith("video/mp4"), "the clip is there");
}
