import { useMemo } from "react";
import { AbsoluteFill, random } from "remotion";
import { Layer, between, fraction, sine, spot } from "./Layer.jsx";

const COLOURS = ["255,180,84", "255,111,97", "255,224,163", "111,183,255"];
// As many lights at the same distances as our bokeh has: count, radius, brightness, softness of the rim.
const BANDS = [
  [110, 7.4, 0.85, 0.16],
  [62, 16.5, 0.62, 0.1],
  [30, 32, 0.3, 0.14],
  [8, 87, 0.09, 0.4],
];

const lights = BANDS.flatMap(([count, radius, bright, rim], band) =>
  Array.from({ length: count }, (_, index) => {
    const chance = (name) => random(`bokeh-${band}-${index}-${name}`);
    const across = chance("x") * 2 - 1;
    const string = index % 2 === 0 ? between(0.78, 0.35, across * across) : between(-1.02, -0.3, across ** 4);
    return {
      band, colour: Math.floor(chance("colour") * COLOURS.length), rim,
      radius: radius * between(0.82, 1.2, chance("size")),
      bright: bright * between(0.28, 1, chance("light") ** 2),
      x: (across * 0.5 + 0.5) * 1280, y: (between(chance("y") * 2 - 1, string + 0.3 * (chance("off") - 0.5), band < 2 ? 0.85 : 0.3) * 0.5 + 0.5) * 720,
      drift: 46 * (chance("drift") - 0.5), start: chance("start"), rate: between(0.12, 0.45, chance("rate")), phase: chance("phase"),
    };
  }),
);

export const Bokeh = () => {
  const sprites = useMemo(() => BANDS.map(([, , , rim]) => COLOURS.map((colour) => ({
    disc: spot(192, [[0, `rgba(${colour},0.72)`], [1 - rim, `rgba(${colour},1)`], [1, `rgba(${colour},0)`]]),
    halo: spot(192, [[0, `rgba(${colour},0.16)`], [0.5, `rgba(${colour},0.04)`], [1, `rgba(${colour},0)`]]),
  }))), []);
  const draw = useMemo(() => (context, { seconds }) => {
    context.globalCompositeOperation = "lighter";
    for (const light of lights) {
      const age = fraction(seconds / 10 + light.start);
      const fade = Math.min(1, age / 0.22, (1 - age) / 0.22);
      const x = light.x + light.drift * (age - 0.5);
      const y = light.y - 20 * (age - 0.5);
      const { disc, halo } = sprites[light.band][light.colour];
      const r = light.radius;
      context.globalAlpha = light.bright * fade * (0.78 + 0.22 * sine(seconds * light.rate + light.phase));
      context.drawImage(disc, x - r, y - r, 2 * r, 2 * r);
      context.drawImage(halo, x - 2.2 * r, y - 2.2 * r, 4.4 * r, 4.4 * r);
    }
    context.globalAlpha = 1;
    context.globalCompositeOperation = "source-over";
  }, [sprites]);
  return (
    <AbsoluteFill style={{ background: "linear-gradient(#0a0d1c, #1c1f3d 55%, #3a2744)" }}>
      <Layer draw={draw} />
      <AbsoluteFill style={{ background: "radial-gradient(ellipse at center, transparent 55%, rgba(0,0,0,0.35))" }} />
    </AbsoluteFill>
  );
};
