//! Sound under clips: from a [bed](Bed) that a template brings to a [`Soundtrack`] that lies beside the pictures.
//!
//! A bed is read and [laid](laying) under a clip of a certain length here, by a decoder without `unsafe` and by plain arithmetic;
//! the `ffmpeg` program in its [jail](crate::jail) gets samples and gives packets. The same bed, laid the same way, is the same
//! bytes wherever the [build](crate::Deriver::sound_build) is the same.

mod bed;
mod encode;
mod laying;

pub use bed::{Bed, BedError, LONGEST_BED, MOST_BED_BYTES};
