//! What plates are made with on this installation: the checkpoints by their configured names and the encoder's build.
//! Both go into every plate key.

use std::collections::BTreeMap;

use festoon_spec::{EncoderId, ModelDigest};

/// The makers of plates.
#[derive(Debug, Clone)]
pub struct Makers {
    /// Checkpoints by the name that templates use, for example `tiny` or `wan2.2-t2v-a14b`.
    pub models: BTreeMap<String, ModelDigest>,
    /// The encoder that plates are asked from.
    pub encoder: EncoderId,
}
