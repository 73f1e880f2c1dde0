//! What an overlay says, as text.

use std::collections::BTreeMap;

use super::webvtt::Track;
use crate::overlay::{Content, Overlay, Window};

/// The texts of an overlay as WebVTT, for clips of this rate: one cue per window, a line of a text on a line.
pub fn captions(overlay: &Overlay, fps: u32) -> String {
    let mut windows: BTreeMap<(u32, u32), Vec<String>> = BTreeMap::new();
    for layer in &overlay.layers {
        if let Content::Text(text) = &layer.content {
            let Window { from, until } = layer.window;
            windows.entry((from, until)).or_default().extend(text.words.lines().map(escaped));
        }
    }
    let mut track = Track::new(fps);
    for ((from, until), lines) in windows {
        track.cue(from, until, lines);
    }
    track.whole()
}

/// Without what would be taken for markup; `-->` is gone with it.
fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use festoon_spec::{Colour, Milli};

    use super::*;
    use crate::overlay::{Anchor, Bar, FaceRole, Horizontal, Layer, Place, SafeArea, Side, Text, Vertical, Voice, Weight};

    fn layer(content: Content, from: u32, until: u32) -> Layer {
        Layer {
            name: "layer".into(),
            content,
            place: Place {
                anchor: Anchor { vertical: Vertical::Middle, horizontal: Horizontal::Centre },
                offset: [Milli(0); 2],
                under: None,
                gap: Milli(0),
            },
            opacity: Milli::ONE,
            window: Window { from, until },
            entrance: None,
            exit: None,
        }
    }

    fn text(words: &str) -> Content {
        Content::Text(Box::new(Text {
            words: words.into(),
            face: FaceRole { voice: Voice::Sans, weight: Weight::Regular, brand: None },
            colour: Colour([255; 3]),
            size: [Milli(5000); 2],
            width: Milli(80_000),
            lines: 2,
            align: Horizontal::Start,
            tracking: Milli(0),
            leading: Milli::ONE,
            shadow: None,
            outline: None,
            panel: None,
        }))
    }

    fn of(layers: Vec<Layer>) -> String {
        captions(&Overlay { locale: "ja".parse().unwrap(), safe_area: SafeArea::default(), layers }, 24)
    }

    #[test]
    fn texts_of_one_window_are_one_cue_and_windows_come_in_order() {
        let bar = Content::Bar(Bar { side: Side::Bottom, colour: Colour([0; 3]), thickness: Milli(1000) });
        let told = of(vec![
            layer(text("ご来店を"), 96, 120),
            layer(bar, 0, 120),
            layer(text("明けまして\nおめでとう"), 12, 48),
            layer(text("2027"), 12, 48),
        ]);
        let cues = "00:00:00.500 --> 00:00:02.000\n明けまして\nおめでとう\n2027\n\n00:00:04.000 --> 00:00:05.000\nご来店を\n";
        assert_eq!(told, format!("WEBVTT\n\n{cues}"));
    }

    #[test]
    fn no_text_ends_a_cue_or_becomes_markup() {
        let told = of(vec![layer(text("a\n\n00:01 --> 00:02\n<b>Q&A</b>"), 0, 24)]);
        assert_eq!(told, "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na\n00:01 --&gt; 00:02\n&lt;b&gt;Q&amp;A&lt;/b&gt;\n");
        assert_eq!(of(Vec::new()), "WEBVTT\n");
    }
}
