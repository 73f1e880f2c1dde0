//! Frames to bytes and back.
//!
//! A painter's frames go one by one through [`encode_plate`]: each is [converted](Picture), [looked at](Inspector), piped to
//! an [`Encoder`] that runs in a [jail], and the stream is put into an MP4 file. [`probe`] reads such a file,
//! [`Ffmpeg::decode`] checks it frame by frame.
//!
//! No encoder or decoder runs in this process. The same frames give the same bytes wherever the encoder has the same id.

mod adapt;
mod cancel;
mod decoder;
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

pub use adapt::Adapter;
pub use cancel::Cancel;
pub use decoder::{Ffmpeg, Take};
pub use encoder::{Encoder, Frames, X264};
pub use error::{BoxError, FilmError};
pub use h264::{Sample, Stream, StreamError};
pub use inspect::{Expectation, Inspector};
pub use mp4::{ContainerError, mux, probe};
pub use overlay::Draw;
pub use picture::Picture;
pub use plate::{Paint, Plate, encode_plate};
