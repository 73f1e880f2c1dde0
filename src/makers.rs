//! What plates are made with on this installation: the checkpoints by their configured names, with what they can give, and
//! the encoder's build. Both go into every plate key.

use std::collections::BTreeMap;

use festoon_spec::{Abilities, Checkpoint, EncoderId, ModelDigest};

/// The makers of plates.
#[derive(Debug, Clone)]
pub struct Makers {
    /// Checkpoints by the name that templates use, for example `tiny` or `wan2.2-t2v-a14b`.
    pub models: BTreeMap<String, Checkpoint>,
    /// The encoder that plates are asked from.
    pub encoder: EncoderId,
}

impl Makers {
    /// What the checkpoint with this digest can give, if it is one of them.
    pub fn abilities(&self, digest: &ModelDigest) -> Option<&Abilities> {
        self.models.values().find(|checkpoint| checkpoint.digest == *digest).map(|checkpoint| &checkpoint.abilities)
    }
}
