import { AbsoluteFill, Composition, OffthreadVideo, registerRoot, Sequence, staticFile } from "remotion";

const Words = ({ title }) => (
  <AbsoluteFill style={{ alignItems: "center", justifyContent: "center" }}>
    <div style={{ color: "white", fontFamily: "DejaVu Sans", fontWeight: "bold", fontSize: 64 }}>{title}</div>
  </AbsoluteFill>
);

const Clip = ({ title }) => (
  <AbsoluteFill>
    <OffthreadVideo muted src={staticFile("plate.mp4")} />
    <Sequence from={12} durationInFrames={36}><Words title={title} /></Sequence>
    <Sequence from={96} durationInFrames={24}><Words title={title} /></Sequence>
  </AbsoluteFill>
);

registerRoot(() => (
  <Composition id="clip" component={Clip} durationInFrames={120} fps={24} width={1280} height={720} defaultProps={{ title: "" }} />
));
