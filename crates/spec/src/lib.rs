//! The contract between festoon's programs.
//!
//! A **pick** resolves to a [`ClipSpec`]; the footage under it is a [`PlateSpec`]. Both have a [`RenderKey`]: a hash over
//! the [canonical form](canonical) of everything that changes pixels, and of nothing else. A renderer leases a [`Job`],
//! paints its plate and hands in an [`Outcome`] that names the bytes by their [`BlobHash`].
//!
//! Everything here is plain data: no clock, no network. The only input and output is reading a checkpoint folder, to name
//! it and to learn what it can give ([`Checkpoint`]), and remembering the names ([`DigestMemory`]).
//!
//! What is published here outlives a release: key contexts wear a version, golden tests hold them still.

mod abilities;
mod canonical;
mod checkpoint;
mod clip;
mod digest;
mod digest_memory;
mod frame_range;
mod gates;
mod image;
mod job;
mod locale;
mod outcome;
mod plate;
mod profile;
mod sound;

pub use abilities::{Abilities, CheckpointKind, FrameCounts, NativeSize, NativeSizeError, PromptAbilities, SamplingAbilities};
pub use canonical::{Canonical, Field, Milli, Value};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use clip::{ClipSpec, OverlaySpec};
pub use digest::{BlobHash, Digest, DigestError, ModelDigest, RenderKey};
pub use digest_memory::DigestMemory;
pub use frame_range::FrameRange;
pub use gates::Gates;
pub use image::ImageSpec;
pub use job::{
    Capabilities, Failure, FailureKind, HandIn, Job, JobId, JobState, Lane, Lease, LeaseRequest, Needs, Progress, Renewal,
    RenewalAnswer, Stage, TenantId, UnixMillis,
};
pub use locale::{Locale, LocaleError};
pub use outcome::{FramesPart, Media, Outcome, Part, Reason, RendererInfo, Segmented, Verdict};
pub use plate::{
    Adapted, Camera, CameraMove, Canvas, Colour, ColourError, EncoderId, Finish, Lora, Motif, MotionLayer, MotionScene, Noise,
    Painter, Palette, PlateSpec, Sampler, Scene, TemplateId, TemplateIdError, UnknownMotif, WanScene,
};
pub use profile::{Profile, Still, UnknownProfile};
pub use sound::{Laying, SoundCodec, SoundSpec};
