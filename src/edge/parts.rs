//! Looking into the files of a plate that was handed in: what they hold must be what the outcome says and what was ordered,
//! and what is composed here later must fit between them.

use std::{collections::HashMap, fs, path::PathBuf};

use festoon_film::{probe, probe_fragment, probe_init};
use festoon_spec::{BlobHash, Canvas, FrameRange, FramesPart, Media, Outcome, Part, PlateSpec, Segmented};

use crate::{compositor::Compositor, store::StoreError};

/// The files of a plate, and what is said of them.
pub(super) struct Parts {
    pub files: HashMap<BlobHash, PathBuf>,
    pub outcome: Outcome,
    pub spec: PlateSpec,
}

/// Why a file is not looked into any further: it is wrong, or it cannot be read.
enum Wrong {
    Said(String),
    Disk(StoreError),
}

impl From<StoreError> for Wrong {
    fn from(error: StoreError) -> Self {
        Self::Disk(error)
    }
}

fn wrong<T>(what: String) -> Result<T, Wrong> {
    Err(Wrong::Said(what))
}

impl Parts {
    /// Reads every file; says what differs, if anything does. Blocks.
    pub fn look_into(&self, compositor: Option<&Compositor>) -> Result<Result<(), String>, StoreError> {
        match self.whole().and_then(|()| self.segmented(compositor)) {
            Ok(()) => Ok(Ok(())),
            Err(Wrong::Said(what)) => Ok(Err(what)),
            Err(Wrong::Disk(error)) => Err(error),
        }
    }

    fn whole(&self) -> Result<(), Wrong> {
        let Outcome { blob, bytes, media, .. } = &self.outcome;
        let found = probe(&self.read("the plate", &Part { blob: *blob, bytes: *bytes })?);
        let found = found.or_else(|error| wrong(format!("the bytes are no plate: {error}")))?;
        if found != *media {
            return wrong(format!("the bytes hold {found:?}, announced was {media:?}"));
        }
        if !is_of(&found, &self.spec.canvas) {
            return wrong(format!("the bytes hold {found:?}, ordered was {:?}", self.spec.canvas));
        }
        Ok(())
    }

    fn segmented(&self, compositor: Option<&Compositor>) -> Result<(), Wrong> {
        let PlateSpec { canvas, windows, .. } = &self.spec;
        let Some(Segmented { init, segments, mezzanines }) = &self.outcome.segmented else {
            return wrong("the plate has no segments".into());
        };
        let index = probe_init(&self.read("the index of the segments", init)?);
        let index = index.or_else(|error| wrong(format!("the index of the segments: {error}")))?;
        if index.media != self.outcome.media {
            return wrong(format!("the segments hold {:?}, the whole file {:?}", index.media, self.outcome.media));
        }
        if let Some(compositor) = compositor {
            let sets = compositor.sets(canvas).or_else(|error| wrong(format!("overlays cannot be encoded: {error}")))?;
            if sets != index.sets {
                return wrong(format!("its parameter sets are not those of overlays by {}", compositor.build()));
            }
        }
        let ordered = festoon_film::segments(canvas, windows).or_else(|error| wrong(error.to_string()))?;
        frames_are("segments", segments, &ordered)?;
        frames_are("mezzanines", mezzanines, windows)?;
        for FramesPart { frames, part } in segments {
            let bytes = self.read("a segment", part)?;
            probe_fragment(&bytes, *frames).or_else(|error| wrong(format!("the segment {frames}: {error}")))?;
        }
        for FramesPart { frames, part } in mezzanines {
            let found = probe(&self.read("a mezzanine", part)?);
            let found = found.or_else(|error| wrong(format!("the mezzanine {frames}: {error}")))?;
            if !is_of(&found, &Canvas { frames: frames.count(), ..*canvas }) {
                return wrong(format!("the mezzanine {frames} holds {found:?}"));
            }
        }
        Ok(())
    }

    fn read(&self, what: &str, part: &Part) -> Result<Vec<u8>, Wrong> {
        let Some(path) = self.files.get(&part.blob) else { return wrong(format!("{what} was not put")) };
        let bytes = fs::read(path).map_err(|error| StoreError::at(path, error))?;
        if bytes.len() as u64 != part.bytes {
            return wrong(format!("{what} has {} bytes, announced were {}", bytes.len(), part.bytes));
        }
        Ok(bytes)
    }
}

fn frames_are(what: &str, found: &[FramesPart], ordered: &[FrameRange]) -> Result<(), Wrong> {
    let found: Vec<FrameRange> = found.iter().map(|part| part.frames).collect();
    if found == ordered {
        return Ok(());
    }
    let listed = |frames: &[FrameRange]| frames.iter().map(FrameRange::to_string).collect::<Vec<_>>().join(", ");
    wrong(format!("the {what} hold the frames {}, ordered were {}", listed(&found), listed(ordered)))
}

fn is_of(media: &Media, canvas: &Canvas) -> bool {
    (media.width, media.height, media.frames, media.fps) == (canvas.width, canvas.height, canvas.frames, canvas.fps)
}
