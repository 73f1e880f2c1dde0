import { useMemo } from "react";
import { AbsoluteFill, random } from "remotion";
import { Layer, between, fraction, sine, spot } from "./Layer.jsx";

// As many flakes at the same distances as our snow has: count, radius, speed, brightness, softness.
const BANDS = [
  [420, 1.5, 37, 0.5, 0.4],
  [260, 1.9, 44, 0.7, 0.4],
  [130, 2.5, 58, 0.85, 0.4],
  [46, 6.7, 80, 0.5, 0.6],
  [16, 20, 122, 0.17, 0.8],
];

const flakes = BANDS.flatMap(([count, radius, speed, bright, soft], band) =>
  Array.from({ length: count }, (_, index) => {
    const chance = (name) => random(`snow-${band}-${index}-${name}`);
    return {
      radius: radius * between(0.7, 1.35, chance("size")),
      speed, soft,
      bright: bright * between(0.6, 1, chance("light")),
      x: chance("x"), start: chance("start"),
      sway: between(4, 15, chance("sway")), rate: between(0.15, 0.5, chance("rate")), phase: chance("phase"),
    };
  }),
);

const hills = (base, tall, name) =>
  Array.from({ length: 33 }, (_, step) => `${(step / 32) * 1280},${base + tall * (random(`${name}-${step}`) - 0.5)}`).join(" ");

export const Snow = () => {
  const sprites = useMemo(() => {
    const flake = (soft) => spot(64, [[0, "rgba(255,255,255,1)"], [1 - soft, "rgba(255,255,255,0.9)"], [1, "rgba(255,255,255,0)"]]);
    return { 0.4: flake(0.4), 0.6: flake(0.6), 0.8: flake(0.8) };
  }, []);
  const draw = useMemo(() => (context, { seconds, width, height }) => {
    for (const flake of flakes) {
      const high = height + 2 * flake.radius;
      const y = fraction(flake.start + (seconds * flake.speed) / high) * high - flake.radius;
      const x = flake.x * (width + 160) - 80 + flake.sway * sine(seconds * flake.rate + flake.phase);
      const side = 2 * flake.radius;
      context.globalAlpha = flake.bright;
      context.drawImage(sprites[flake.soft], x - flake.radius, y - flake.radius, side, side);
    }
    context.globalAlpha = 1;
  }, [sprites]);
  return (
    <AbsoluteFill style={{ background: "linear-gradient(#0e1a3a, #34508a 55%, #9db4d8)" }}>
      <svg viewBox="0 0 1280 720" style={{ position: "absolute" }}>
        <circle cx="300" cy="180" r="30" fill="#f4ecd8" />
        <polygon points={`0,720 ${hills(470, 60, "far")} 1280,720`} fill="#51689a" />
        <polygon points={`0,720 ${hills(580, 50, "near")} 1280,720`} fill="#c3d0e6" />
      </svg>
      <Layer draw={draw} />
      <AbsoluteFill style={{ background: "radial-gradient(ellipse at center, transparent 55%, rgba(0,0,0,0.35))" }} />
    </AbsoluteFill>
  );
};
