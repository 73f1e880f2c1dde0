//! Where the segments of a clip lie: whole blobs where it is its plate's, which everybody shares, and parts of the clip's own
//! file where something is drawn.

use std::ops::Range;

use bytes::Bytes;
use festoon_film::{ContainerError, FilmError, Fragments, SoundFile, probe_fragments};
use festoon_spec::{BlobHash, ClipSpec, FrameRange, Media, Part, Profile, SoundCodec};

use super::{Edge, EdgeError, How, Shown, clip::has_small_form};
use crate::{
    cache::Entry,
    compositor::{Clip, CompositorError, FormOrder, Source},
};

/// Bytes of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The blob.
    pub blob: BlobHash,
    /// Which part of it; none is all of it.
    pub range: Option<Range<u64>>,
    /// How many bytes they are.
    pub bytes: u64,
}

/// A clip in segments, at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InSegments {
    /// What is in it.
    pub media: Media,
    /// What is in front of the segments.
    pub init: Piece,
    /// The segments, in order.
    pub segments: Vec<(FrameRange, Piece)>,
}

impl Piece {
    fn whole(part: &Part) -> Self {
        Self { blob: part.blob, range: None, bytes: part.bytes }
    }

    fn part(blob: BlobHash, range: &Range<usize>) -> Self {
        let range = range.start as u64..range.end as u64;
        Self { blob, bytes: range.end - range.start, range: Some(range) }
    }
}

/// The sound of a clip in segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundInSegments {
    /// How it is encoded.
    pub codec: SoundCodec,
    /// What is in front of the segments.
    pub init: Piece,
    /// The segments in order, each with the samples that sound in it.
    pub segments: Vec<(Range<u64>, Piece)>,
}

/// A fragmented file that is kept.
struct File {
    entry: Entry,
    bytes: Bytes,
    parts: Fragments,
}

impl Edge {
    /// The plate at full size: the cuts of its clips, and the segments that all of them share.
    ///
    /// # Errors
    /// [`CompositorError::NoSegments`].
    pub fn plate_in_segments(&self, shown: &Shown) -> Result<InSegments, EdgeError> {
        let plate = &shown.entry;
        let segmented = plate.segmented.as_ref().ok_or(CompositorError::NoSegments { plate: plate.key })?;
        let stored = segmented.segments.iter().map(|segment| (segment.frames, Piece::whole(&segment.part)));
        Ok(InSegments { media: plate.media.clone(), init: Piece::whole(&segmented.init), segments: stored.collect() })
    }

    /// The clip at full size, composed if it is not kept.
    ///
    /// # Errors
    /// As [`Edge::clip`].
    pub async fn in_segments(&self, shown: &Shown, how: &How) -> Result<InSegments, EdgeError> {
        let InSegments { media, init, mut segments } = self.plate_in_segments(shown)?;
        if !shown.resolved.is_untouched() {
            let Some(compositor) = &self.inner.compositor else { return Err(EdgeError::NoCompositor) };
            self.admit_making(how, shown, &shown.resolved.film).await?;
            let entry = match compositor.clip(self.film(shown, how).await?).await? {
                Clip::Kept(entry) => *entry,
                Clip::Playing(playing) => playing.kept().await.map_err(CompositorError::from)?,
            };
            let clip = self.file(shown, entry).await?;
            for (found, (frames, place)) in segments.iter_mut().zip(&clip.parts.fragments) {
                // What is drawn on is another file than the plate's.
                if found.0 != *frames || found.1.blob != BlobHash::of(&clip.bytes[place.clone()]) {
                    *found = (*frames, Piece::part(clip.entry.blob, place));
                }
            }
        }
        Ok(InSegments { media, init, segments })
    }

    /// The clip in its small form, made if it is not kept; none if it is as small already.
    ///
    /// # Errors
    /// As [`Edge::clip`].
    pub async fn in_small_segments(&self, shown: &Shown, how: &How) -> Result<Option<InSegments>, EdgeError> {
        if !has_small_form(&shown.entry) {
            return Ok(None);
        }
        self.admit_making(how, shown, &shown.resolved.form(Profile::Small, None)).await?;
        let plate = Source::Plate(shown.entry.clone().into());
        let spec = ClipSpec::of_plate(shown.entry.key, Profile::Small, None, self.deriver()?);
        let plate = self.small(shown, FormOrder { spec, source: plate, bed: None, lane: how.lane }).await?;
        let media = plate.entry.media.clone();
        let init = Piece::part(plate.entry.blob, &plate.parts.init);
        let stored = plate.parts.fragments.iter().map(|(frames, place)| (*frames, Piece::part(plate.entry.blob, place)));
        let mut segments: Vec<_> = stored.collect();
        if !shown.resolved.is_untouched() {
            let spec = ClipSpec { sound: None, ..shown.resolved.form(Profile::Small, None) };
            let source = Source::Clip(self.film(shown, how).await?.into());
            let clip = self.small(shown, FormOrder { spec, source, bed: None, lane: how.lane }).await?;
            let pairs = segments.iter_mut().zip(&plate.parts.fragments).zip(&clip.parts.fragments);
            for ((found, (_, stored)), (frames, place)) in pairs {
                if plate.bytes[stored.clone()] != clip.bytes[place.clone()] {
                    *found = (*frames, Piece::part(clip.entry.blob, place));
                }
            }
        }
        Ok(Some(InSegments { media, init, segments }))
    }

    /// The sound beside both, the same for all clips of its length, encoded if it is not kept; none if the clip is silent.
    ///
    /// # Errors
    /// As [`Edge::clip`].
    pub async fn sound_in_segments(&self, shown: &Shown) -> Result<Option<SoundInSegments>, EdgeError> {
        let Some((spec, bed)) = shown.resolved.film.sound.as_ref().zip(shown.resolved.bed.as_ref()) else { return Ok(None) };
        let Some(compositor) = &self.inner.compositor else { return Err(EdgeError::NoCompositor) };
        let (entry, SoundFile { soundtrack, init, fragments }) = compositor.sound(spec, bed).await?;
        let piece = |place: &Range<usize>| Piece::part(entry.blob, place);
        let segments = fragments.iter().map(|(samples, place)| (samples.clone(), piece(place))).collect();
        Ok(Some(SoundInSegments { codec: soundtrack.codec(), init: piece(&init), segments }))
    }

    async fn small(&self, shown: &Shown, order: FormOrder) -> Result<File, EdgeError> {
        let Some(compositor) = &self.inner.compositor else { return Err(EdgeError::NoCompositor) };
        let entry = compositor.form(order).await?;
        self.file(shown, entry).await
    }

    async fn file(&self, shown: &Shown, entry: Entry) -> Result<File, EdgeError> {
        let lost = CompositorError::Lost { plate: shown.entry.key, blob: entry.blob };
        let bytes = self.inner.cache.load(&entry.blob).await?.ok_or(lost)?;
        let parts = probe_fragments(&bytes);
        let parts = parts.map_err(|error: ContainerError| CompositorError::Film(FilmError::from(error)))?;
        Ok(File { entry, bytes, parts })
    }
}
