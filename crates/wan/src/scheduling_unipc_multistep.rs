//! `UniPCMultistepScheduler` with flow sigmas, after diffusers' `schedulers/scheduling_unipc_multistep.py`:
//! `prediction_type = flow_prediction`, `solver_type = bh2`, `predict_x0`, `lower_order_final`, a final sigma of 0.
//!
//! bh1 is left out: with a final sigma of 0 it gives NaN. Coefficients are computed in f64.

use crate::error::Result;
use crate::scheduler::Scheduler;
use crate::torch::Tensor;
use std::collections::VecDeque;

/// Steps of the training schedule; timesteps count in these.
const TRAIN_TIMESTEPS: f64 = 1000.0;

/// The UniPC sampler of one denoising.
#[derive(Debug)]
pub(crate) struct UniPCMultistepScheduler {
    timesteps: Vec<f64>,
    sigmas: Vec<f32>,
    solver_order: usize,
    step_index: usize,
    lower_order_nums: usize,
    this_order: usize,
    /// The newest clean predictions, newest last.
    model_outputs: VecDeque<Tensor>,
    last_sample: Option<Tensor>,
}

impl UniPCMultistepScheduler {
    pub(crate) fn new(steps: usize, flow_shift: f64, solver_order: usize) -> Self {
        let mut sigmas: Vec<f64> = (0..steps)
            .map(|step| 1.0 + (1.0 / TRAIN_TIMESTEPS - 1.0) * step as f64 / steps as f64)
            .map(|sigma| flow_shift * sigma / (1.0 + (flow_shift - 1.0) * sigma))
            .collect();
        // At exactly 1 the logarithm of alpha is -inf.
        if (sigmas[0] - 1.0).abs() < 1e-6 {
            sigmas[0] -= 1e-6;
        }
        UniPCMultistepScheduler {
            timesteps: sigmas.iter().map(|sigma| (sigma * TRAIN_TIMESTEPS).trunc()).collect(),
            sigmas: sigmas.iter().map(|&sigma| sigma as f32).chain([0.0]).collect(),
            solver_order,
            step_index: 0,
            lower_order_nums: 0,
            this_order: 0,
            model_outputs: VecDeque::new(),
            last_sample: None,
        }
    }

    fn sigma(&self, index: usize) -> f64 {
        self.sigmas[index] as f64
    }

    /// Half the log of the signal-to-noise ratio; +inf at the end of the schedule.
    fn lambda(&self, index: usize) -> f64 {
        if self.sigma(index) == 0.0 { f64::INFINITY } else { (1.0 - self.sigma(index)).ln() - self.sigma(index).ln() }
    }

    /// The system that fixes the weights of the older predictions for a step from `from` to `to`, `from - k` being the
    /// index of the k-th older one.
    fn coefficients(&self, from: usize, to: usize, order: usize) -> Coefficients {
        let h = self.lambda(to) - self.lambda(from);
        let phi_1 = (-h).exp_m1();
        let b_h = phi_1; // bh2
        let mut rks: Vec<f64> = (1..order).map(|k| (self.lambda(from - k) - self.lambda(from)) / h).collect();
        rks.push(1.0);
        let (mut phi_k, mut factorial) = (phi_1 / -h - 1.0, 1.0);
        let (mut rows, mut b) = (Vec::new(), Vec::new());
        for i in 1..=order {
            rows.push(rks.iter().map(|rk| rk.powi(i as i32 - 1)).collect());
            b.push(phi_k * factorial / b_h);
            factorial *= (i + 1) as f64;
            phi_k = phi_k / -h - 1.0 / factorial;
        }
        Coefficients { phi_1, b_h, rks, rows, b }
    }

    /// `multistep_uni_c_bh_update`: the sample again, now that the model has been asked at its place.
    fn correct(&self, sample: &Tensor, model_output: &Tensor) -> Result<Tensor> {
        let (Some(last_sample), Some(newest)) = (&self.last_sample, self.model_outputs.back()) else { return Ok(sample.clone()) };
        let (from, to) = (self.step_index - 1, self.step_index);
        let order = self.this_order;
        let system = self.coefficients(from, to, order);
        let rhos = if order == 1 { vec![0.5] } else { solve(system.rows, system.b) };
        let mut residual = model_output.sub(newest)?.mul_scalar(rhos[order - 1])?;
        for k in 1..order {
            let older = &self.model_outputs[self.model_outputs.len() - 1 - k];
            residual = residual.add(&older.sub(newest)?.mul_scalar(rhos[k - 1] / system.rks[k - 1])?)?;
        }
        let alpha = 1.0 - self.sigma(to);
        last_sample
            .mul_scalar(self.sigma(to) / self.sigma(from))?
            .sub(&newest.mul_scalar(alpha * system.phi_1)?)?
            .sub(&residual.mul_scalar(alpha * system.b_h)?)
    }

    /// `multistep_uni_p_bh_update`: the next sample.
    fn predict(&self, sample: &Tensor) -> Result<Tensor> {
        let Some(newest) = self.model_outputs.back() else { return Ok(sample.clone()) };
        let (from, to, order) = (self.step_index, self.step_index + 1, self.this_order);
        let mut system = self.coefficients(from, to, order);
        let alpha = 1.0 - self.sigma(to);
        let mut next = sample.mul_scalar(self.sigma(to) / self.sigma(from))?.sub(&newest.mul_scalar(alpha * system.phi_1)?)?;
        if order > 1 {
            let rhos = if order == 2 {
                vec![0.5]
            } else {
                system.rows.pop();
                system.b.pop();
                system.rows.iter_mut().for_each(|row: &mut Vec<f64>| row.truncate(order - 1));
                solve(system.rows, system.b)
            };
            for k in 1..order {
                let older = &self.model_outputs[self.model_outputs.len() - 1 - k];
                let weight = alpha * system.b_h * rhos[k - 1] / system.rks[k - 1];
                next = next.sub(&older.sub(newest)?.mul_scalar(weight)?)?;
            }
        }
        Ok(next)
    }
}

impl Scheduler for UniPCMultistepScheduler {
    fn timesteps(&self) -> &[f64] {
        &self.timesteps
    }

    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn step(&mut self, model_output: &Tensor, sample: &Tensor) -> Result<Tensor> {
        let clean = sample.sub(&model_output.mul_scalar(self.sigma(self.step_index))?)?;
        let sample = if self.step_index > 0 { self.correct(sample, &clean)? } else { sample.clone() };
        self.model_outputs.push_back(clean);
        if self.model_outputs.len() > self.solver_order {
            self.model_outputs.pop_front();
        }
        // The order rises with what is known and falls again towards the end.
        self.this_order = self.solver_order.min(self.timesteps.len() - self.step_index).min(self.lower_order_nums + 1);
        let next = self.predict(&sample)?;
        self.last_sample = Some(sample);
        self.lower_order_nums = (self.lower_order_nums + 1).min(self.solver_order);
        self.step_index += 1;
        Ok(next)
    }
}

struct Coefficients {
    phi_1: f64,
    b_h: f64,
    rks: Vec<f64>,
    rows: Vec<Vec<f64>>,
    b: Vec<f64>,
}

/// Solves a small square system by elimination with row exchange.
fn solve(mut rows: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs())).unwrap_or(column);
        rows.swap(column, pivot);
        b.swap(column, pivot);
        for row in column + 1..n {
            let factor = rows[row][column] / rows[column][column];
            let (above, below) = rows.split_at_mut(row);
            for (entry, pivot) in below[0][column..].iter_mut().zip(&above[column][column..]) {
                *entry -= factor * pivot;
            }
            b[row] -= factor * b[column];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| rows[row][k] * b[k]).sum();
        b[row] = (b[row] - known) / rows[row][row];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_needs_a_row_exchange_is_solved() {
        let rows = vec![vec![0.0, 2.0, 1.0], vec![1.0, 1.0, 1.0], vec![2.0, 0.0, -1.0]];
        assert_eq!(solve(rows, vec![7.0, 6.0, -1.0]), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_first_sigma_of_one_is_moved_off_the_pole() {
        let scheduler = UniPCMultistepScheduler::new(4, 3.0, 2);
        assert!(scheduler.sigmas()[0] < 1.0 && scheduler.lambda(0).is_finite());
        assert_eq!(scheduler.timesteps()[0], 999.0);
    }
}
