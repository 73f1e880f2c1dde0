//! From a spec to the bytes of a plate: paint, look, encode. Knows neither leases nor the server.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use festoon_film::{BoxError, Encoder, FilmError, Held, Plate, encode_plate};
use festoon_spec::{BlobHash, FramesPart, Media, Part, PlateSpec, RenderKey, Segmented, Stage, Verdict};

use crate::{fault::Fault, painter::Painter, progress::Teller};

/// A painted plate.
#[derive(Debug)]
pub struct Made {
    /// The whole file.
    pub mp4: Bytes,
    /// What is in it.
    pub media: Media,
    /// The same in the form that clips are composed from.
    pub segmented: Segmented,
    /// The bytes that it names.
    pub parts: Vec<(BlobHash, Bytes)>,
    /// What the gate says of its frames: passed or flagged.
    pub verdict: Verdict,
    /// Milliseconds per stage.
    pub timings: BTreeMap<String, u64>,
}

/// Paints, inspects and encodes a plate.
///
/// # Errors
/// Whatever keeps the plate from being made; a picture that the gate fails is [`Fault::Rejected`].
pub fn make(
    painter: &mut dyn Painter,
    encoder: &dyn Encoder,
    key: &RenderKey,
    spec: &PlateSpec,
    mut teller: Teller,
) -> Result<Made, Fault> {
    if let Some(mark) = &spec.watermark {
        return Err(Fault::Unpaintable(format!("watermark {mark:?}: this renderer bakes no marks into plates")));
    }
    teller.plan(painter.plan(spec));
    let mut frames = painter.paint(key, spec, &mut teller)?;
    teller.close_stage();

    let (stage, expectation, stop) = (frames.stage(), frames.expectation(), teller.stop().clone());
    let began = Instant::now();
    let mut painting = Duration::ZERO;
    let mut paint = |index: u32, rgb: &mut [u8]| -> Result<(), BoxError> {
        let asked = Instant::now();
        frames.frame(index, rgb)?;
        painting += asked.elapsed();
        Ok(teller.tell_untimed(stage, index + 1, spec.canvas.frames)?)
    };
    let encoded = encode_plate(encoder, &spec.canvas, &spec.windows, expectation, &mut paint, &stop);
    let Plate { mp4, media, verdict, init, segments, mezzanines } = encoded.map_err(fault)?;
    if let Verdict::Failed { reasons } = verdict {
        return Err(Fault::Rejected(reasons));
    }
    // The encoder works beside the painter: what counts for it is the time that the painter waited.
    teller.spent(stage, painting);
    teller.spent(Stage::Encode, began.elapsed().saturating_sub(painting));
    let mut parts = Vec::new();
    let mut named = |bytes: Vec<u8>| {
        let part = Part { blob: BlobHash::of(&bytes), bytes: bytes.len() as u64 };
        parts.push((part.blob, Bytes::from(bytes)));
        part
    };
    let init = named(init);
    let mut held = |all: Vec<Held>| {
        all.into_iter().map(|Held { frames, bytes }| FramesPart { frames, part: named(bytes) }).collect::<Vec<_>>()
    };
    let segmented = Segmented { init, segments: held(segments), mezzanines: held(mezzanines) };
    Ok(Made { mp4: mp4.into(), media, segmented, parts, verdict, timings: teller.into_timings() })
}

/// A painter's fault comes back wrapped, because it passed through the encoder.
fn fault(error: FilmError) -> Fault {
    match error {
        FilmError::Cancelled => Fault::Stopped,
        FilmError::Canvas { .. } | FilmError::Window { .. } => Fault::Unpaintable(error.to_string()),
        FilmError::Frame { source, index } => match source.downcast::<Fault>() {
            Ok(fault) => *fault,
            Err(source) => Fault::Film(FilmError::Frame { source, index }),
        },
        other => Fault::Film(other),
    }
}
