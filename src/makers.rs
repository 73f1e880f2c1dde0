//! What plates and clips are made with on this installation: the checkpoints by their configured names, with what they can
//! give, the encoder's build, what draws overlays, what makes other forms of clips and what makes sound. The first two go into
//! every plate key, the third into the keys of clips with an overlay, the fourth into those of other forms, the last into those of
//! what sounds.

use std::collections::BTreeMap;

use festoon_spec::{Abilities, Checkpoint, EncoderId, ModelDigest, SoundCodec};

/// The makers of plates and clips.
#[derive(Debug, Clone)]
pub struct Makers {
    /// Checkpoints by the name that templates use, for example `tiny` or `wan2.2-t2v-a14b`.
    pub models: BTreeMap<String, Checkpoint>,
    /// The encoder that plates are asked from.
    pub encoder: EncoderId,
    /// The version of what draws overlays, and the digest of the faces that it writes with.
    pub compositor: String,
    /// What makes other forms of clips.
    pub deriver: String,
    /// What makes sound, by its codec; what is missing here cannot be made.
    pub sounds: BTreeMap<SoundCodec, String>,
}

impl Makers {
    /// How sound cannot be encoded here.
    pub fn missing_sounds(&self) -> Vec<SoundCodec> {
        SoundCodec::ALL.into_iter().filter(|codec| !self.sounds.contains_key(codec)).collect()
    }

    /// What the checkpoint with this digest can give, if it is one of them.
    pub fn abilities(&self, digest: &ModelDigest) -> Option<&Abilities> {
        self.models.values().find(|checkpoint| checkpoint.digest == *digest).map(|checkpoint| &checkpoint.abilities)
    }
}
