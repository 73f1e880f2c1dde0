// node render.mjs bundle PUBLIC BUNDLE        packs the component and the plate for the browser, once
// node render.mjs clip BUNDLE TITLE PRESET CRF OUT.mp4
import { bundle } from "@remotion/bundler";
import { renderMedia, selectComposition } from "@remotion/renderer";

const [verb, folder, ...rest] = process.argv.slice(2);

if (verb === "bundle") {
  await bundle({ entryPoint: new URL("./src/index.jsx", import.meta.url).pathname, publicDir: folder, outDir: rest[0] });
} else {
  const [title, preset, crf, out] = rest;
  const browser = {
    browserExecutable: process.env.FESTOON_BENCH_CHROMIUM || "/usr/bin/chromium",
    chromeMode: "chrome-for-testing",
    serveUrl: folder,
    inputProps: { title },
    logLevel: "error",
  };
  const composition = await selectComposition({ ...browser, id: "clip" });
  await renderMedia({
    ...browser, composition, codec: "h264", x264Preset: preset, crf: Number(crf), muted: true, outputLocation: out, overwrite: true,
  });
}
