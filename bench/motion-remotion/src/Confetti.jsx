import { useMemo } from "react";
import { AbsoluteFill, random } from "remotion";
import { Layer, between, fraction, sine } from "./Layer.jsx";

const COLOURS = ["#ffd23f", "#ff5d73", "#3bceac", "#ffffff", "#ff9f1c"];
// As many pieces at the same distances as our confetti has: count, half length, speed.
const BANDS = [
  [150, 7, 67],
  [110, 8.7, 75],
  [70, 11.6, 100],
  [20, 17.3, 149],
  [7, 32, 276],
];

const pieces = BANDS.flatMap(([count, half, speed], band) =>
  Array.from({ length: count }, (_, index) => {
    const chance = (name) => random(`confetti-${band}-${index}-${name}`);
    return {
      half: half * between(0.75, 1.2, chance("size")), speed, blurred: band > 2,
      round: chance("shape") > 0.7, slim: chance("slim") > 0.8 ? 0.3 : 0.62,
      colour: COLOURS[Math.floor(chance("colour") * COLOURS.length)],
      x: chance("x"), start: chance("start"), sway: between(10, 26, chance("sway")), rate: between(0.25, 0.6, chance("rate")),
      yaw: between(0.3, 1, chance("yaw")), pitch: between(0.4, 1.5, chance("pitch")), roll: between(-0.25, 0.25, chance("roll")),
      phase: chance("phase"),
    };
  }),
);

const lamps = Array.from({ length: 22 }, (_, index) => ({
  x: random(`lamp-x-${index}`) * 1280, y: random(`lamp-y-${index}`) * 720, radius: between(18, 64, random(`lamp-r-${index}`)),
  colour: COLOURS[index % COLOURS.length],
}));

const paint = (context, piece, { seconds, width, height }) => {
  const high = height + 4 * piece.half;
  const y = fraction(piece.start + (seconds * piece.speed) / high) * high - 2 * piece.half;
  const x = piece.x * (width + 100) - 50 + piece.sway * sine(seconds * piece.rate + piece.phase);
  const yaw = Math.cos(2 * Math.PI * (seconds * piece.yaw + piece.phase));
  const pitch = Math.cos(2 * Math.PI * (seconds * piece.pitch + piece.phase));
  context.save();
  context.translate(x, y);
  context.rotate(2 * Math.PI * (seconds * piece.roll + piece.phase));
  context.scale(yaw, pitch);
  context.fillStyle = piece.colour;
  context.globalAlpha = piece.blurred ? 0.72 : 1;
  context.beginPath();
  if (piece.round) context.ellipse(0, 0, piece.half, piece.half, 0, 0, 2 * Math.PI);
  else context.rect(-piece.half * piece.slim, -piece.half, 2 * piece.half * piece.slim, 2 * piece.half);
  context.fill();
  // Paper flashes when it throws the light at the eye.
  const flash = Math.max(0, Math.abs(yaw * pitch) - 0.93) / 0.07;
  if (flash > 0) {
    context.fillStyle = "#ffffff";
    context.globalAlpha = 0.7 * flash * flash;
    context.fill();
  }
  context.restore();
};

export const Confetti = () => {
  const far = useMemo(() => (context, moment) => {
    for (const piece of pieces) if (!piece.blurred) paint(context, piece, moment);
  }, []);
  const near = useMemo(() => (context, moment) => {
    for (const piece of pieces) if (piece.blurred) paint(context, piece, moment);
  }, []);
  return (
    <AbsoluteFill style={{ background: "linear-gradient(#2236b8, #4a5ce8 55%, #8ea2ff)" }}>
      <svg viewBox="0 0 1280 720" style={{ position: "absolute" }}>
        {lamps.map((lamp, index) => (
          <circle key={index} cx={lamp.x} cy={lamp.y} r={lamp.radius} fill={lamp.colour} opacity="0.1" />
        ))}
      </svg>
      <Layer draw={far} />
      <AbsoluteFill style={{ filter: "blur(3px)" }}>
        <Layer draw={near} />
      </AbsoluteFill>
      <AbsoluteFill style={{ background: "radial-gradient(ellipse at center, transparent 55%, rgba(0,0,0,0.35))" }} />
    </AbsoluteFill>
  );
};
