import { Composition, registerRoot } from "remotion";
import { Bokeh } from "./Bokeh.jsx";
import { Confetti } from "./Confetti.jsx";
import { Snow } from "./Snow.jsx";

const motifs = { snow: Snow, confetti: Confetti, bokeh: Bokeh };

const Root = () => (
  <>
    {Object.entries(motifs).map(([id, component]) => (
      <Composition key={id} id={id} component={component} durationInFrames={120} fps={24} width={1280} height={720} />
    ))}
  </>
);

registerRoot(Root);
