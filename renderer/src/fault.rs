//! Why a plate was not made, and what the queue is told to do about it.

use festoon_film::FilmError;
use festoon_spec::{FailureKind, Needs, Reason};

use crate::models::ModelsError;

/// Why a plate was not made.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The lease's key names another spec.
    #[error("key does not match: the lease says {leased}, the spec's key is {computed}")]
    WrongKey {
        /// The key in the lease.
        leased: festoon_spec::RenderKey,
        /// The key of the spec in the lease.
        computed: festoon_spec::RenderKey,
    },
    /// The plate needs what this renderer does not have.
    #[error("this renderer does not have what the plate needs: {}", missing(.0))]
    Unmet(Box<Needs>),
    /// The plate is larger than the renderer's limits.
    #[error("{what} is {asked}: this renderer's limit is {limit}")]
    TooLarge {
        /// For example `canvas.width`.
        what: String,
        /// What the plate asks for.
        asked: u64,
        /// The configured limit.
        limit: u64,
    },
    /// The spec asks for something that cannot be painted.
    #[error("{0}")]
    Unpaintable(String),
    /// A checkpoint or LoRA file is not there, not whole, or not what it was.
    #[error("{0}")]
    Checkpoint(String),
    /// Memory ran out.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// The accelerator failed; nothing more can be painted in this process.
    #[error("device fault: {0}")]
    Device(String),
    /// The picture failed the gate.
    #[error("the picture was rejected: {}", told(.0))]
    Rejected(Vec<Reason>),
    /// The encoder failed.
    #[error("cannot encode: {0}")]
    Film(#[source] FilmError),
    /// The painter failed in another way.
    #[error("cannot paint: {0}")]
    Painter(String),
    /// The painter panicked. It made this plate fail and no other.
    #[error("the painter panicked: {0}")]
    Panicked(String),
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Fault {
    /// What the queue does with the job, on its n-th attempt (from 1).
    ///
    /// The plate key fixes the noise, so a rejected picture or an unpaintable spec comes out the same each time:
    /// permanent. Memory may have been short once; twice, the plate is too large. A device fault counts as an attempt,
    /// so that a plate that kills devices reaches the dead letter.
    pub fn kind(&self, attempt: u32) -> FailureKind {
        match self {
            Fault::WrongKey { .. } | Fault::Unpaintable(_) | Fault::Rejected(_) => FailureKind::Permanent,
            Fault::OutOfMemory(_) if attempt > 1 => FailureKind::Permanent,
            Fault::Stopped => FailureKind::HandedBack,
            Fault::Unmet(_)
            | Fault::TooLarge { .. }
            | Fault::Checkpoint(_)
            | Fault::OutOfMemory(_)
            | Fault::Device(_)
            | Fault::Film(_)
            | Fault::Painter(_)
            | Fault::Panicked(_) => FailureKind::Transient,
        }
    }
}

impl From<ModelsError> for Fault {
    fn from(error: ModelsError) -> Self {
        Fault::Checkpoint(error.to_string())
    }
}

fn missing(needs: &Needs) -> String {
    let model = needs.model.map_or_else(String::new, |model| format!(", checkpoint {model}"));
    format!("painter {}{model}, encoder {}", needs.painter, needs.encoder)
}

fn told(reasons: &[Reason]) -> String {
    let told: Vec<String> = reasons.iter().map(|reason| format!("{} ({})", reason.code, reason.detail)).collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_runs_out_twice_is_the_plates_fault() {
        let fault = Fault::OutOfMemory("tried to allocate 60 GiB".into());
        assert_eq!((fault.kind(1), fault.kind(2)), (FailureKind::Transient, FailureKind::Permanent));
    }

    #[test]
    fn a_rejected_picture_says_what_was_measured_and_is_not_painted_again() {
        let fault = Fault::Rejected(vec![
            Reason { code: "black".into(), detail: "mean 0.1".into() },
            Reason { code: "frozen".into(), detail: "119 of 119 steps".into() },
        ]);
        assert_eq!(fault.to_string(), "the picture was rejected: black (mean 0.1), frozen (119 of 119 steps)");
        assert_eq!(fault.kind(1), FailureKind::Permanent);
    }
}
