//! Frames to bytes and back.
//!
//! A painter's frames go one by one through [`encode_plate`]: each is [converted](Picture), [looked at](Inspector), piped to
//! an [`Encoder`] that runs in a [jail], and the streams are put into MP4 files: one whole, and segments. [`probe`] reads such a
//! file, [`Ffmpeg::decode`] checks it frame by frame. A [`Composer`] makes a clip of a plate's segments and what a [`Draw`]
//! draws on some of them, and a [`Deriver`] makes other forms of a clip, and from a [`Bed`] the [`Soundtrack`] that lies beside its
//! pictures.
//!
//! Encoders and decoders run in processes of their own, except [openh264](OpenH264), which is there where no program is. The same
//! frames give the same bytes wherever the encoder has the same id.

mod adapt;
mod cancel;
mod compose;
mod cuts;
mod decoder;
mod derive;
mod encoder;
mod error;
mod h264;
mod inspect;
pub mod jail;
mod mp4;
pub mod overlay;
mod picture;
mod plate;
mod program;
mod sound;

pub use adapt::Adapter;
pub use cancel::Cancel;
pub use compose::{Composer, Footage, Pictures, compositor};
pub use cuts::segments;
pub use decoder::{Decoder, Ffmpeg, Take};
pub use derive::{
    Addressed, Derived, Deriver, Rendition, SHORTER_SIDE, SmallPlate, SoundRendition, Storyboard, Variant, captions, jpeg,
    master_playlist, media_playlist, small_canvas, sound_playlist,
};
pub use encoder::{Encoder, Frames, OpenH264, Recipe, X264, find_encoder};
pub use error::{BoxError, FilmError};
pub use h264::{ParameterSets, Sample, Stream, StreamError};
pub use inspect::{BRIGHT_SHARE, Expectation, Inspector, Measured, NOISE_VARIANCE, STILL_DIFFERENCE};
pub use mp4::{
    ContainerError, FragmentedIndex, Fragments, SOUND_RATE, SoundFile, Soundtrack, fragment, fragment_samples, init, mux, probe,
    probe_fragment, probe_fragments, probe_init, progressive, silent, sounding, sounding_init, sounding_samples,
};
pub use overlay::Draw;
pub use picture::Picture;
pub use plate::{Held, Paint, Plate, encode_plate};
pub use sound::{Bed, BedError, LONGEST_BED, MOST_BED_BYTES};
