// node render.mjs bundle FOLDER          packs the motifs for the browser, once
// node render.mjs paint FOLDER MOTIF FRAMES [STILL.jpg]
//     paints the first frames with one browser tab, as JPEG in memory: Remotion's default, and the browser hands out no raw frames
import { writeFileSync } from "node:fs";
import { bundle } from "@remotion/bundler";
import { renderFrames, selectComposition } from "@remotion/renderer";

const [verb, folder, motif, frames, still] = process.argv.slice(2);

const paint = async () => {
  const browser = {
    browserExecutable: process.env.FESTOON_BENCH_CHROMIUM || "/usr/bin/chromium",
    chromeMode: "chrome-for-testing",
    serveUrl: folder,
    logLevel: "error",
  };
  const composition = await selectComposition({ ...browser, id: motif });
  let [bytes, last] = [0, null];
  await renderFrames({
    ...browser,
    composition,
    inputProps: {},
    concurrency: 1,
    imageFormat: "jpeg",
    jpegQuality: 80,
    muted: true,
    outputDir: null,
    frameRange: [0, Number(frames) - 1],
    onStart: () => {},
    onFrameUpdate: () => {},
    onFrameBuffer: (buffer) => {
      bytes += buffer.length;
      last = buffer;
    },
  });
  if (still) writeFileSync(still, last);
  console.log(JSON.stringify({ bytes }));
};

if (verb === "bundle") {
  await bundle({ entryPoint: new URL("./src/index.jsx", import.meta.url).pathname, outDir: folder });
} else {
  await paint();
}
