// A canvas that is drawn anew for each frame, as Remotion's documentation does it.
import { useLayoutEffect, useRef } from "react";
import { useCurrentFrame, useVideoConfig } from "remotion";

export const Layer = ({ draw }) => {
  const canvas = useRef(null);
  const frame = useCurrentFrame();
  const { width, height, fps } = useVideoConfig();
  useLayoutEffect(() => {
    const context = canvas.current.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, { seconds: frame / fps, width, height });
  }, [draw, frame, fps, width, height]);
  return <canvas ref={canvas} width={width} height={height} style={{ position: "absolute", inset: 0 }} />;
};

/** A round spot of light, painted once and drawn often. `stops` are colours by distance from the middle. */
export const spot = (side, stops) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const fill = context.createRadialGradient(side / 2, side / 2, 0, side / 2, side / 2, side / 2);
  for (const [place, colour] of stops) fill.addColorStop(place, colour);
  context.fillStyle = fill;
  context.fillRect(0, 0, side, side);
  return canvas;
};

export const between = (a, b, t) => a + (b - a) * t;
export const fraction = (x) => x - Math.floor(x);
export const sine = (turns) => Math.sin(turns * 2 * Math.PI);
