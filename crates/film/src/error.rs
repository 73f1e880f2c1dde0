//! What can go wrong between frames and bytes.

use std::sync::Arc;

use festoon_spec::{Canvas, FrameRange};

use crate::{h264::StreamError, jail::JailError, mp4::ContainerError};

/// Any error, as a painter returns it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a plate was not encoded, read or decoded, or a clip not composed.
#[derive(Debug, thiserror::Error)]
pub enum FilmError {
    /// The encoder or decoder is not installed where it was looked for.
    #[error("{program} is not installed: looked in {looked}")]
    Missing {
        /// Its name.
        program: &'static str,
        /// The variable and the folders that were searched.
        looked: String,
    },
    /// The program was found but does not say its version as expected.
    #[error("`{program} {flag}` does not start with a version, it says: {said}")]
    Version {
        /// Its path.
        program: String,
        /// The flag that asks for the version.
        flag: &'static str,
        /// The first line it printed.
        said: String,
    },
    /// No video has this size, length or rate.
    #[error("cannot make a video of {}x{} pixels, {} frames, {} frames per second: {problem}", canvas.width, canvas.height, canvas.frames, canvas.fps)]
    Canvas {
        /// What was asked for.
        canvas: Canvas,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A plate cannot be cut there.
    #[error("frames {window} are no window for overlays: {problem}")]
    Window {
        /// What was asked for.
        window: FrameRange,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Streams that must take each other's place differ in their parameter sets.
    #[error("the parameter sets of {what} by {build} are not those of the plate")]
    Sets {
        /// Which stream differs.
        what: &'static str,
        /// The encoder's build.
        build: String,
    },
    /// Something is drawn where the plate has nothing to draw on.
    #[error("the overlay draws on the frames {drawn}, which are in no window of the plate")]
    Outside {
        /// The frames.
        drawn: FrameRange,
    },
    /// The painter did not deliver a frame, or whoever takes decoded frames did not want one.
    #[error("frame {index} failed")]
    Frame {
        /// Which one, from 0.
        index: u32,
        /// Why.
        source: BoxError,
    },
    /// What several waited for failed.
    #[error(transparent)]
    Shared(Arc<FilmError>),
    /// Somebody cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The encoder or decoder failed in its jail.
    #[error(transparent)]
    Jail(JailError),
    /// The encoder or decoder that runs in this process failed.
    #[error("openh264 failed: {said}")]
    OpenH264 {
        /// What it said.
        said: String,
    },
    /// The encoder's bytes are not the stream that was asked for.
    #[error("the encoder made a stream that festoon does not take: {0}")]
    Stream(#[from] StreamError),
    /// The bytes are not an MP4 file that festoon takes.
    #[error("not a video file that festoon takes: {0}")]
    Container(#[from] ContainerError),
    /// The program lacks an encoder.
    #[error("ffmpeg {version} has no encoder `{encoder}`")]
    NoEncoder {
        /// By its name.
        encoder: &'static str,
        /// The program's version.
        version: String,
    },
    /// A form of a clip did not become what it should.
    #[error("no {form} was made of the clip")]
    Form {
        /// Which form.
        form: &'static str,
        /// What is wrong with it.
        source: BoxError,
    },
    /// A clip has no smaller form.
    #[error("a clip of {width}x{height} pixels has no smaller form")]
    TooSmall {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The file decodes, but not to what it says.
    #[error("the file says {said} frames, {decoded} were decoded{}", if warnings.is_empty() { String::new() } else { format!(": {warnings}") })]
    Frames {
        /// By its index.
        said: u32,
        /// By the decoder.
        decoded: u32,
        /// The end of what the decoder printed.
        warnings: String,
    },
}

impl FilmError {
    /// What would help, in a line of its own.
    pub fn hint(&self) -> Option<String> {
        match self {
            FilmError::Missing { program, .. } => Some(format!(
                "install it (Debian: apt-get install {program}) or name its path in FESTOON_{}",
                program.to_uppercase()
            )),
            FilmError::NoEncoder { .. } => {
                Some("install another build of ffmpeg (Debian's has it), or ask for another form".into())
            }
            FilmError::Jail(JailError::Folder { under, .. }) => {
                Some(format!("make {} writable, or set TMPDIR to a folder that is", under.display()))
            }
            _ => None,
        }
    }
}

impl From<JailError> for FilmError {
    fn from(error: JailError) -> Self {
        match error {
            JailError::Cancelled { .. } => FilmError::Cancelled,
            other => FilmError::Jail(other),
        }
    }
}
