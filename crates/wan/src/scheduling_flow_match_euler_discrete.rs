//! `FlowMatchEulerDiscreteScheduler`, after diffusers' `schedulers/scheduling_flow_match_euler_discrete.py`, and the
//! schedule of the step-distilled "Lightning" checkpoints, which differs in its sigmas only.

use crate::error::Result;
use crate::scheduler::Scheduler;
use crate::torch::Tensor;

/// The Euler sampler of one denoising.
#[derive(Debug)]
pub(crate) struct FlowMatchEulerDiscreteScheduler {
    timesteps: Vec<f64>,
    sigmas: Vec<f32>,
    step_index: usize,
}

impl FlowMatchEulerDiscreteScheduler {
    /// diffusers' own schedule. It applies the shift twice: the smallest sigma that it starts from is already shifted.
    pub(crate) fn new(steps: usize, shift: f64) -> Self {
        let smallest = shifted(1.0 / 1000.0, shift);
        let position = |step: usize| if steps > 1 { step as f64 / (steps - 1) as f64 } else { 0.0 };
        Self::with_sigmas((0..steps).map(|step| shifted(1.0 + (smallest - 1.0) * position(step), shift)))
    }

    /// The schedule that step-distilled checkpoints were trained for: `shift(linspace(1, 0, steps + 1))` without its end.
    pub(crate) fn lightning(steps: usize, shift: f64) -> Self {
        Self::with_sigmas((0..steps).map(|step| shifted(1.0 - step as f64 / steps as f64, shift)))
    }

    fn with_sigmas(sigmas: impl Iterator<Item = f64>) -> Self {
        let sigmas: Vec<f32> = sigmas.map(|sigma| sigma as f32).chain([0.0]).collect();
        let timesteps = sigmas[..sigmas.len() - 1].iter().map(|sigma| (sigma * 1000.0) as f64).collect();
        FlowMatchEulerDiscreteScheduler { timesteps, sigmas, step_index: 0 }
    }
}

fn shifted(sigma: f64, shift: f64) -> f64 {
    shift * sigma / (1.0 + (shift - 1.0) * sigma)
}

impl Scheduler for FlowMatchEulerDiscreteScheduler {
    fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn step(&mut self, model_output: &Tensor, sample: &Tensor) -> Result<Tensor> {
        let width = self.sigmas[self.step_index + 1] - self.sigmas[self.step_index];
        self.step_index += 1;
        sample.add(&model_output.mul_scalar(width as f64)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_lightning_steps_are_the_published_ones() {
        let timesteps = FlowMatchEulerDiscreteScheduler::lightning(4, 5.0).timesteps;
        let rounded: Vec<f64> = timesteps.iter().map(|timestep| (timestep * 100.0).round() / 100.0).collect();
        assert_eq!(rounded, [1000.0, 937.5, 833.33, 625.0]);
    }

    #[test]
    fn the_shift_is_applied_twice_as_upstream_does() {
        let timesteps = FlowMatchEulerDiscreteScheduler::new(4, 5.0).timesteps;
        let rounded: Vec<f64> = timesteps.iter().map(|timestep| (timestep * 10.0).round() / 10.0).collect();
        assert_eq!(rounded, [1000.0, 909.7, 717.3, 24.4]);
    }
}
