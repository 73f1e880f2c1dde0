//! The layers of the decoder.

use crate::error::Result;
use crate::linear::Linear;
use crate::torch::Tensor;
use crate::weights::{Place, Scope};
use std::cell::Cell;

/// Keeps a norm of exactly zero finite without touching any other (upstream clamps the norm at 1e-12).
const NORM_EPS: f64 = 1e-24;

/// The last frames that each convolution in time saw, by slot: what the next chunk finds on its left.
pub(super) struct FeatCache {
    frames: Vec<Option<Tensor>>,
    /// The chunk begins with the clip's first frame.
    pub(super) first: bool,
    /// No chunk follows: nothing needs to be kept.
    pub(super) last: bool,
}

impl FeatCache {
    pub(super) fn new(slots: usize) -> Self {
        FeatCache { frames: (0..slots).map(|_| None).collect(), first: true, last: true }
    }
}

/// A [`Scope`] that also numbers the convolutions.
pub(super) struct VaeScope<'a> {
    scope: Scope<'a>,
    slots: &'a Cell<usize>,
}

impl<'a> VaeScope<'a> {
    pub(super) fn new(scope: Scope<'a>, slots: &'a Cell<usize>) -> Self {
        VaeScope { scope, slots }
    }

    pub(super) fn child(&self, name: impl std::fmt::Display) -> Self {
        VaeScope { scope: self.scope.child(name), slots: self.slots }
    }

    pub(super) fn conv(&self, name: &str, inputs: i64, outputs: i64, kernel: [i64; 3]) -> Result<CausalConv3d> {
        let slot = self.slots.get();
        self.slots.set(slot + 1);
        let (weight, bias) = self.kernel(name, inputs, outputs, &kernel)?;
        Ok(CausalConv3d { weight, bias, kernel, slot })
    }

    pub(super) fn norm(&self, name: &str, shape: &[i64]) -> Result<WanRMSNorm> {
        Ok(WanRMSNorm { gamma: self.scope.child(name).tensor("gamma", shape)?.reshape(&[shape[0]])? })
    }

    fn kernel(&self, name: &str, inputs: i64, outputs: i64, kernel: &[i64]) -> Result<(Tensor, Tensor)> {
        let scope = self.scope.child(name);
        let shape: Vec<i64> = [outputs, inputs].iter().chain(kernel).copied().collect();
        let weight = scope.tensor("weight", &shape)?;
        let weight = match scope.place() {
            Place::On(..) => weight.channels_last()?,
            Place::Nowhere => weight,
        };
        Ok((weight, scope.tensor("bias", &[outputs])?))
    }
}

/// A convolution that looks back in time only.
#[derive(Debug)]
pub(super) struct CausalConv3d {
    weight: Tensor,
    bias: Tensor,
    kernel: [i64; 3],
    slot: usize,
}

impl CausalConv3d {
    pub(super) fn forward(&self, x: &Tensor, cache: &mut FeatCache) -> Result<Tensor> {
        let [time, height, width] = self.kernel;
        let padding = [0, height / 2, width / 2];
        let past = time - 1;
        if past == 0 {
            return x.conv(&self.weight, &self.bias, &padding);
        }
        // On the left stand the frames before this chunk; before the clip begins, zeros.
        let x = match cache.frames[self.slot].take() {
            Some(frames) => Tensor::cat(&[frames, x.clone()], 2)?,
            None => x.pad(&[0, 0, 0, 0, past, 0], 0.0)?,
        };
        if !cache.last {
            cache.frames[self.slot] = Some(x.narrow(2, x.size(2) - past, past)?.channels_last()?);
        }
        x.conv(&self.weight, &self.bias, &padding)
    }
}

/// `x / ‖x‖ · √C · gamma`, the norm taken over the channels.
#[derive(Debug)]
pub(super) struct WanRMSNorm {
    gamma: Tensor,
}

impl WanRMSNorm {
    /// `[B, C, T, H, W]` → the same.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_channels_last(&x.permute(&[0, 2, 3, 4, 1])?)?.permute(&[0, 4, 1, 2, 3])
    }

    /// `[…, C]` → the same.
    fn forward_channels_last(&self, x: &Tensor) -> Result<Tensor> {
        x.rms_norm(Some(&self.gamma), NORM_EPS)
    }
}

#[derive(Debug)]
struct WanResidualBlock {
    norm1: WanRMSNorm,
    conv1: CausalConv3d,
    norm2: WanRMSNorm,
    conv2: CausalConv3d,
    conv_shortcut: Option<CausalConv3d>,
}

impl WanResidualBlock {
    fn new(in_dim: i64, out_dim: i64, scope: &VaeScope<'_>) -> Result<Self> {
        Ok(WanResidualBlock {
            norm1: scope.norm("norm1", &[in_dim, 1, 1, 1])?,
            conv1: scope.conv("conv1", in_dim, out_dim, [3, 3, 3])?,
            norm2: scope.norm("norm2", &[out_dim, 1, 1, 1])?,
            conv2: scope.conv("conv2", out_dim, out_dim, [3, 3, 3])?,
            conv_shortcut: match in_dim == out_dim {
                true => None,
                false => Some(scope.conv("conv_shortcut", in_dim, out_dim, [1, 1, 1])?),
            },
        })
    }

    fn forward(&self, x: &Tensor, cache: &mut FeatCache) -> Result<Tensor> {
        let hidden = self.conv1.forward(&self.norm1.forward(x)?.silu_()?, cache)?;
        let hidden = self.conv2.forward(&self.norm2.forward(&hidden)?.silu_()?, cache)?;
        match &self.conv_shortcut {
            Some(shortcut) => hidden.add(&shortcut.forward(x, cache)?),
            None => hidden.add(x),
        }
    }
}

/// Attention of one head over the pixels of each frame.
#[derive(Debug)]
struct WanAttentionBlock {
    norm: WanRMSNorm,
    to_qkv: Linear,
    proj: Linear,
}

impl WanAttentionBlock {
    fn new(dim: i64, scope: &VaeScope<'_>) -> Result<Self> {
        // 1×1 convolutions are linear layers over the channels.
        let linear = |name: &str, outputs: i64| {
            let scope = scope.scope.child(name);
            let weight = scope.tensor("weight", &[outputs, dim, 1, 1])?.reshape(&[outputs, dim])?;
            Ok::<_, crate::WanError>(Linear::new(weight, Some(scope.tensor("bias", &[outputs])?)))
        };
        Ok(WanAttentionBlock {
            norm: scope.norm("norm", &[dim, 1, 1])?,
            to_qkv: linear("to_qkv", dim * 3)?,
            proj: linear("proj", dim)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [batch, channels, frames, height, width] = x.shape()[..] else { return Ok(x.clone()) };
        let pixels = x.permute(&[0, 2, 3, 4, 1])?.reshape(&[batch * frames, 1, height * width, channels])?;
        let qkv = self.to_qkv.forward(&self.norm.forward_channels_last(&pixels)?)?.chunk(3, -1)?; // 3 × [B·T, 1, H·W, C]
        let attended = qkv[0].attend(&qkv[1], &qkv[2], None, None)?;
        let hidden = self.proj.forward(&attended)?.add(&pixels)?;
        hidden.reshape(&[batch, frames, height, width, channels])?.permute(&[0, 4, 1, 2, 3])
    }
}

#[derive(Debug)]
pub(super) struct WanMidBlock {
    resnets: [WanResidualBlock; 2],
    attention: WanAttentionBlock,
}

impl WanMidBlock {
    pub(super) fn new(dim: i64, scope: &VaeScope<'_>) -> Result<Self> {
        let resnets = scope.child("resnets");
        Ok(WanMidBlock {
            resnets: [WanResidualBlock::new(dim, dim, &resnets.child(0))?, WanResidualBlock::new(dim, dim, &resnets.child(1))?],
            attention: WanAttentionBlock::new(dim, &scope.child("attentions.0"))?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor, cache: &mut FeatCache) -> Result<Tensor> {
        let x = self.attention.forward(&self.resnets[0].forward(x, cache)?)?;
        self.resnets[1].forward(&x, cache)
    }
}

/// Twice the size, and twice the frames where there is a `time_conv`.
#[derive(Debug)]
struct WanResample {
    time_conv: Option<CausalConv3d>,
    weight: Tensor,
    bias: Tensor,
}

impl WanResample {
    fn new(dim: i64, out_dim: i64, temporal: bool, scope: &VaeScope<'_>) -> Result<Self> {
        let (weight, bias) = scope.kernel("resample.1", dim, out_dim, &[3, 3])?;
        let time_conv = if temporal { Some(scope.conv("time_conv", dim, dim * 2, [3, 1, 1])?) } else { None };
        Ok(WanResample { time_conv, weight, bias })
    }

    fn forward(&self, x: &Tensor, cache: &mut FeatCache) -> Result<Tensor> {
        let x = match &self.time_conv {
            Some(time_conv) => double_frames(x, time_conv, cache)?,
            None => x.clone(),
        };
        let [batch, channels, frames, height, width] = x.shape()[..] else { return Ok(x) };
        // Frames as pictures: with the channels last this only renames dimensions.
        let pictures = x
            .permute(&[0, 2, 3, 4, 1])?
            .reshape(&[batch * frames, height, width, channels])?
            .permute(&[0, 3, 1, 2])?
            .upsample_nearest_2x()?
            .conv(&self.weight, &self.bias, &[1, 1])?;
        let channels = pictures.size(1);
        pictures.permute(&[0, 2, 3, 1])?.reshape(&[batch, frames, height * 2, width * 2, channels])?.permute(&[0, 4, 1, 2, 3])
    }
}

/// Each frame becomes two, except the clip's first, which passes as it is and is not seen by the others either.
fn double_frames(x: &Tensor, time_conv: &CausalConv3d, cache: &mut FeatCache) -> Result<Tensor> {
    let passed = i64::from(cache.first);
    let rest = x.size(2) - passed;
    if rest == 0 {
        return Ok(x.clone());
    }
    let doubled = time_conv.forward(&x.narrow(2, passed, rest)?, cache)?;
    let [batch, channels, frames, height, width] = doubled.shape()[..] else { return Ok(doubled) };
    let doubled = doubled
        .permute(&[0, 2, 3, 4, 1])?
        .reshape(&[batch, frames, height, width, 2, channels / 2])?
        .permute(&[0, 1, 4, 2, 3, 5])? // [B, T, 2, H, W, C]
        .reshape(&[batch, frames * 2, height, width, channels / 2])?
        .permute(&[0, 4, 1, 2, 3])?;
    if passed == 0 { Ok(doubled) } else { Tensor::cat(&[x.narrow(2, 0, 1)?, doubled], 2) }
}

/// One level of the decoder, plain (2.1) or residual (2.2).
#[derive(Debug)]
pub(super) struct WanUpBlock {
    resnets: Vec<WanResidualBlock>,
    upsampler: Option<WanResample>,
    shortcut: Option<DupUp3D>,
}

impl WanUpBlock {
    /// `upsample` is `None` on the finest level, else whether the frames double too.
    pub(super) fn new(
        layers: usize,
        residual: bool,
        in_dim: i64,
        out_dim: i64,
        upsample: Option<bool>,
        scope: &VaeScope<'_>,
    ) -> Result<Self> {
        let resnets = scope.child("resnets");
        let resnets = (0..layers).map(|layer| {
            let inputs = if layer == 0 { in_dim } else { out_dim };
            WanResidualBlock::new(inputs, out_dim, &resnets.child(layer))
        });
        let (name, upsampled_dim) = if residual { ("upsampler", out_dim) } else { ("upsamplers.0", out_dim / 2) };
        Ok(WanUpBlock {
            resnets: resnets.collect::<Result<_>>()?,
            upsampler: match upsample {
                Some(temporal) => Some(WanResample::new(out_dim, upsampled_dim, temporal, &scope.child(name))?),
                None => None,
            },
            shortcut: match upsample {
                Some(temporal) if residual => Some(DupUp3D { out_dim, factor_t: if temporal { 2 } else { 1 } }),
                _ => None,
            },
        })
    }

    pub(super) fn forward(&self, x: &Tensor, cache: &mut FeatCache) -> Result<Tensor> {
        let mut hidden = x.clone();
        for resnet in &self.resnets {
            hidden = resnet.forward(&hidden, cache)?;
        }
        if let Some(upsampler) = &self.upsampler {
            hidden = upsampler.forward(&hidden, cache)?;
        }
        match &self.shortcut {
            Some(shortcut) => hidden.add(&shortcut.forward(x, cache.first)?),
            None => Ok(hidden),
        }
    }
}

/// The residual decoder's shortcut: channels repeated into twice the size, and into more frames.
#[derive(Debug)]
struct DupUp3D {
    out_dim: i64,
    factor_t: i64,
}

impl DupUp3D {
    fn forward(&self, x: &Tensor, first: bool) -> Result<Tensor> {
        let [batch, channels, frames, height, width] = x.shape()[..] else { return Ok(x.clone()) };
        let all = x
            .repeat_interleave(self.out_dim * self.factor_t * 4 / channels, 1)?
            .reshape(&[batch, self.out_dim, self.factor_t, 2, 2, frames, height, width])?
            .permute(&[0, 1, 5, 2, 6, 3, 7, 4])?
            .reshape(&[batch, self.out_dim, frames * self.factor_t, height * 2, width * 2])?;
        // The first frame is not doubled.
        let dropped = if first { self.factor_t - 1 } else { 0 };
        all.narrow(2, dropped, all.size(2) - dropped)
    }
}
