/**
 * Has a name written into a clip and saves it: node dist/examples/title.js URL FILE [TITLE].
 *
 * Lists the templates, picks the first that takes a title, waits until its plate is painted, and downloads the MP4.
 */
import { writeFile } from "node:fs/promises";
import process from "node:process";

import { Festoon } from "../src/index.js";

const [url, file, title = "Aiko"] = process.argv.slice(2);
if (!url || !file) throw new Error("say where festoon answers and which file to write");
const festoon = new Festoon({ baseUrl: url });

const templates = await festoon.templates("en");
console.log(`${templates.length} templates: ${templates.map(({ id }) => id).join(", ")}`);
const template = templates.find(({ parameters }) => parameters.some(({ name }) => name === "title"));
if (!template) throw new Error("no template takes a title");

const clip = await festoon.clip(
  { template: template.id, locale: "en", parameters: { title } },
  { onProgress: ({ status, progress }) => console.error(progress ? `${status}: ${Math.round(progress.permille / 10)} %` : status) },
);
const bytes = await festoon.download(clip);
await writeFile(file, bytes);
console.log(`${file}: ${template.id} with “${title}”, ${bytes.length} bytes, as the server named them`);
