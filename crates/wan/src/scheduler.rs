//! What every sampler does, and which ones there are.

use crate::error::{Result, WanError};
use crate::scheduling_flow_match_euler_discrete::FlowMatchEulerDiscreteScheduler;
use crate::scheduling_unipc_multistep::UniPCMultistepScheduler;
use crate::torch::Tensor;

/// The samplers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sampler {
    /// UniPC with flow sigmas: the checkpoints' own.
    Unipc,
    /// diffusers' flow-matching Euler.
    Euler,
    /// Euler on the schedule of the step-distilled ("Lightning") LoRAs.
    Lightning,
}

/// The sampler of one denoising.
pub trait Scheduler {
    /// When the model is asked, in 0..=1000, falling.
    fn timesteps(&self) -> &[f64];
    /// The share of noise at each step, and 0 at the end.
    fn sigmas(&self) -> &[f32];
    /// The next sample, from the velocity that the model found at the current one.
    fn step(&mut self, model_output: &Tensor, sample: &Tensor) -> Result<Tensor>;
}

/// A fresh sampler. `solver_order` (1 to 3) concerns UniPC only.
pub fn scheduler(sampler: Sampler, steps: usize, shift: f64, solver_order: usize) -> Result<Box<dyn Scheduler>> {
    if !(1..=1000).contains(&steps) {
        return Err(WanError::input("steps", format!("{steps} is not between 1 and 1000")));
    }
    if !(shift.is_finite() && shift > 0.0) {
        return Err(WanError::input("shift", format!("{shift} is not a positive number")));
    }
    if !(1..=3).contains(&solver_order) {
        return Err(WanError::input("solver_order", format!("{solver_order} is not 1, 2 or 3")));
    }
    Ok(match sampler {
        Sampler::Unipc => Box::new(UniPCMultistepScheduler::new(steps, shift, solver_order)),
        Sampler::Euler => Box::new(FlowMatchEulerDiscreteScheduler::new(steps, shift)),
        Sampler::Lightning => Box::new(FlowMatchEulerDiscreteScheduler::lightning(steps, shift)),
    })
}
