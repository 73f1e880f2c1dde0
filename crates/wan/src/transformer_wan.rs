//! `WanTransformer3DModel`, after diffusers' `models/transformers/transformer_wan.py`, with the savings that change no
//! number beyond rounding:
//!
//! - keys and values of the cross-attention depend on the prompt only: [`TextContext`] holds them for a whole denoising;
//! - the padding rows of a prompt are all alike: one stands for all, its logit raised by ln(count);
//! - query, key and value projections are one matrix product;
//! - the halves of guidance share everything before the first cross-attention.
//!
//! In bf16 the same parts stay in f32 as with diffusers: time embedder, modulation tables, norms, rotary angles.

use crate::error::{Result, WanError};
use crate::linear::Linear;
use crate::torch::{DType, Device, Tensor};
use crate::weights::{Loader, Place, SIZES, Scope};
use std::path::Path;

/// The part of `transformer/config.json` that the model needs.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct WanTransformer3DConfig {
    patch_size: Vec<i64>,
    num_attention_heads: i64,
    attention_head_dim: i64,
    pub(crate) in_channels: i64,
    pub(crate) out_channels: i64,
    pub(crate) text_dim: i64,
    freq_dim: i64,
    ffn_dim: i64,
    num_layers: usize,
    cross_attn_norm: bool,
    qk_norm: Option<String>,
    eps: f64,
    image_dim: Option<i64>,
    added_kv_proj_dim: Option<i64>,
    rope_max_seq_len: i64,
}

impl WanTransformer3DConfig {
    pub(crate) fn validate(&self, path: &Path) -> Result<()> {
        let unsupported = |what: String| Err(WanError::Unsupported { path: path.to_owned(), what });
        if self.patch_size != [1, 2, 2] {
            return unsupported(format!("patch_size {:?}", self.patch_size));
        }
        if self.qk_norm.as_deref() != Some("rms_norm_across_heads") {
            return unsupported(format!("qk_norm {:?}", self.qk_norm));
        }
        if self.image_dim.is_some() || self.added_kv_proj_dim.is_some() {
            return unsupported("an image encoder (image_dim, added_kv_proj_dim)".into());
        }
        if self.in_channels != self.out_channels {
            return unsupported(format!(
                "{} input channels for {} output channels (an image-to-video model)",
                self.in_channels, self.out_channels
            ));
        }
        let sizes = [
            self.num_attention_heads,
            self.attention_head_dim,
            self.in_channels,
            self.text_dim,
            self.freq_dim,
            self.ffn_dim,
            self.rope_max_seq_len,
        ];
        if sizes.iter().any(|size| !SIZES.contains(size)) {
            return Err(WanError::malformed(path, format!("a size is not in {SIZES:?}")));
        }
        if self.attention_head_dim < 6 || self.attention_head_dim % 2 != 0 || self.freq_dim % 2 != 0 {
            return Err(WanError::malformed(path, "attention_head_dim must be even and at least 6, freq_dim even"));
        }
        Ok(())
    }

    fn inner_dim(&self) -> i64 {
        self.num_attention_heads * self.attention_head_dim
    }

    /// The largest extent of latents along time, height and width that the rotary tables cover.
    pub(crate) fn max_latents(&self) -> [i64; 3] {
        [self.rope_max_seq_len, self.rope_max_seq_len * 2, self.rope_max_seq_len * 2]
    }
}

/// One expert.
#[derive(Debug)]
pub(crate) struct WanTransformer3DModel {
    patch_embedding: Linear,
    condition_embedder: WanTimeTextEmbedding,
    blocks: Vec<WanTransformerBlock>,
    scale_shift_table: Tensor,
    proj_out: Linear,
    config: WanTransformer3DConfig,
    target: (Device, DType),
}

/// What the cross-attention sees: keys and values of each layer for a batch of prompts, and the bias of their logits.
#[derive(Debug)]
pub(crate) struct TextContext {
    key_values: Vec<(Tensor, Tensor)>,
    bias: Option<Tensor>,
    batch: i64,
}

/// A prompt as the text encoder left it.
#[derive(Debug, Clone)]
pub struct PromptEmbeds {
    /// `[tokens, text_dim]`: the rows of the real tokens.
    pub rows: Tensor,
    /// How many rows the model is to see; those beyond `rows` are zeros.
    pub total: i64,
}

impl WanTransformer3DModel {
    pub(crate) fn new(config: &WanTransformer3DConfig, loader: &Loader<'_>) -> Result<Self> {
        let root = loader.root();
        let dim = config.inner_dim();
        // A convolution whose stride is its kernel is a linear layer over patches.
        let patch = root.child("patch_embedding");
        let weight = patch.tensor("weight", &[dim, config.in_channels, 1, 2, 2])?.reshape(&[dim, -1])?;
        let blocks = root.child("blocks");
        Ok(WanTransformer3DModel {
            patch_embedding: Linear::new(weight, Some(patch.tensor("bias", &[dim])?)),
            condition_embedder: WanTimeTextEmbedding::new(config, &root.child("condition_embedder"))?,
            blocks: (0..config.num_layers)
                .map(|layer| WanTransformerBlock::new(config, &blocks.child(layer)))
                .collect::<Result<_>>()?,
            scale_shift_table: root.in_f32().tensor("scale_shift_table", &[1, 2, dim])?.reshape(&[2, dim])?,
            proj_out: root.linear("proj_out", dim, config.out_channels * 4, true)?,
            config: config.clone(),
            target: match root.place() {
                Place::On(device, dtype) => (device, dtype),
                Place::Nowhere => (Device::Cpu, DType::F32),
            },
        })
    }

    /// The time-independent side of the cross-attention, for a batch of prompts.
    pub(crate) fn text_context(&self, prompts: &[&PromptEmbeds]) -> Result<TextContext> {
        let (device, dtype) = self.target;
        let (heads, head_dim) = (self.config.num_attention_heads, self.config.attention_head_dim);
        let rows = |prompt: &PromptEmbeds| prompt.rows.size(0) + i64::from(prompt.total > prompt.rows.size(0));
        let longest = prompts.iter().map(|prompt| rows(prompt)).max().unwrap_or(0);
        let mut embeds = Vec::with_capacity(prompts.len());
        let mut bias = vec![f32::NEG_INFINITY; prompts.len() * longest as usize];
        for (prompt, bias) in prompts.iter().zip(bias.chunks_mut(longest.max(1) as usize)) {
            let tokens = prompt.rows.size(0);
            embeds.push(prompt.rows.to(device, dtype)?.pad(&[0, 0, 0, longest - tokens], 0.0)?);
            bias[..tokens as usize].fill(0.0);
            // The model attends to padding, unmasked. Its rows are equal, so one stands for all of them.
            if prompt.total > tokens {
                bias[tokens as usize] = ((prompt.total - tokens) as f32).ln();
            }
        }
        let text = self.condition_embedder.text(&Tensor::stack(&embeds, 0)?)?; // [B, n, D]
        let split = |x: Tensor| x.reshape(&[prompts.len() as i64, longest, heads, head_dim])?.transpose(1, 2)?.contiguous();
        let key_values = self.blocks.iter().map(|block| {
            let attn = &block.attn2;
            let key = attn.to_k.forward(&text)?.rms_norm(Some(&attn.norm_k), self.config.eps)?;
            Ok((split(key)?, split(attn.to_v.forward(&text)?)?)) // [B, H, n, d]
        });
        let key_values = key_values.collect::<Result<Vec<_>>>()?;
        let bias = if bias.iter().all(|&bias| bias == 0.0) {
            None
        } else {
            Some(Tensor::from_f32(&bias, &[prompts.len() as i64, 1, 1, longest])?.to(device, dtype)?)
        };
        Ok(TextContext { key_values, bias, batch: prompts.len() as i64 })
    }

    /// The rotary embedding of latents of this extent.
    pub(crate) fn rope(&self, frames: i64, height: i64, width: i64) -> Result<Tensor> {
        let table = rotary_table(self.config.attention_head_dim, [frames, height / 2, width / 2]);
        let shape = [frames * (height / 2) * (width / 2), 1, 1, self.config.attention_head_dim / 2, 2];
        Tensor::from_f32(&table, &shape)?.view_as_complex()?.to_device(self.target.0)
    }

    /// Velocity of `hidden` `[b, C, T, H, W]` at `timestep` (`[1]`, or `[1, tokens]` for one per token).
    ///
    /// `context` holds a multiple of `b` prompts: the latents are repeated for it, and the result has its batch.
    pub(crate) fn forward(&self, hidden: &Tensor, timestep: &Tensor, context: &TextContext, rope: &Tensor) -> Result<Tensor> {
        let (device, dtype) = self.target;
        let [batch, channels, frames, height, width] = hidden.shape()[..] else {
            return Err(WanError::Torch(format!("latents of shape {:?} are not [B, C, T, H, W]", hidden.shape())));
        };
        let (rows, columns) = (height / 2, width / 2);
        let patches = hidden
            .to(device, dtype)?
            .reshape(&[batch, channels, frames, rows, 2, columns, 2])?
            .permute(&[0, 2, 3, 5, 1, 4, 6])? // [B, T, h, w, C, 2, 2]
            .reshape(&[batch, frames * rows * columns, channels * 4])?;
        let mut tokens = self.patch_embedding.forward(&patches)?; // [B, L, D]
        let (temb, timestep_proj) = self.condition_embedder.time(timestep, dtype)?;
        for (block, key_value) in self.blocks.iter().zip(&context.key_values) {
            tokens = block.forward(&tokens, &timestep_proj, key_value, context, rope, &self.config)?;
        }
        let modulation = self.scale_shift_table.add(&temb.to_dtype(DType::F32)?.unsqueeze(-2)?)?.unbind(-2)?;
        let tokens = modulated_norm(&tokens, &modulation[0], &modulation[1], self.config.eps)?;
        let channels = self.config.out_channels;
        self.proj_out
            .forward(&tokens)?
            .reshape(&[-1, frames, rows, columns, 2, 2, channels])?
            .permute(&[0, 6, 1, 2, 4, 3, 5])? // [B, C, T, h, 2, w, 2]
            .reshape(&[-1, channels, frames, height, width])
    }
}

/// `[tokens, head_dim / 2, (cos, sin)]`: time takes the first pairs, then height, then width; a third of the head each for
/// height and width, rounded down to pairs, and the rest for time. Angles are computed in f64.
pub(crate) fn rotary_table(head_dim: i64, extent: [i64; 3]) -> Vec<f32> {
    let spatial = 2 * (head_dim / 6);
    let axis = |dim: i64, positions: i64| -> Vec<Vec<[f32; 2]>> {
        let frequency = |pair: i64| 1.0 / 10_000f64.powf((2 * pair) as f64 / dim as f64);
        let angle = |position: i64, pair: i64| (position as f64 * frequency(pair)).sin_cos();
        let rotation = |(sin, cos): (f64, f64)| [cos as f32, sin as f32];
        (0..positions).map(|position| (0..dim / 2).map(|pair| rotation(angle(position, pair))).collect()).collect()
    };
    let [frames, rows, columns] = extent;
    let axes = (axis(head_dim - 2 * spatial, frames), axis(spatial, rows), axis(spatial, columns));
    let mut table = Vec::with_capacity((frames * rows * columns * head_dim) as usize);
    for time in &axes.0 {
        for row in &axes.1 {
            for column in &axes.2 {
                table.extend([time, row, column].into_iter().flatten().flatten());
            }
        }
    }
    table
}

/// `LN(x) · (1 + scale) + shift`, in f32, back in the type of `x`.
fn modulated_norm(x: &Tensor, shift: &Tensor, scale: &Tensor, eps: f64) -> Result<Tensor> {
    let dtype = x.dtype().unwrap_or(DType::F32);
    shift.addcmul(&x.to_dtype(DType::F32)?.layer_norm(None, eps)?, &scale.add_scalar(1.0)?)?.to_dtype(dtype)
}

/// `x + y · gate`, in f32, back in the type of `x`.
fn gated_sum(x: &Tensor, y: &Tensor, gate: &Tensor) -> Result<Tensor> {
    let dtype = x.dtype().unwrap_or(DType::F32);
    x.to_dtype(DType::F32)?.addcmul(&y.to_dtype(DType::F32)?, gate)?.to_dtype(dtype)
}

#[derive(Debug)]
struct WanTimeTextEmbedding {
    time_linear_1: Linear,
    time_linear_2: Linear,
    time_proj: Linear,
    text_linear_1: Linear,
    text_linear_2: Linear,
    freq_dim: i64,
    dim: i64,
}

impl WanTimeTextEmbedding {
    fn new(config: &WanTransformer3DConfig, scope: &Scope<'_>) -> Result<Self> {
        let dim = config.inner_dim();
        let (time, text) = (scope.child("time_embedder").in_f32(), scope.child("text_embedder"));
        Ok(WanTimeTextEmbedding {
            time_linear_1: time.linear("linear_1", config.freq_dim, dim, true)?,
            time_linear_2: time.linear("linear_2", dim, dim, true)?,
            time_proj: scope.linear("time_proj", dim, dim * 6, true)?,
            text_linear_1: text.linear("linear_1", config.text_dim, dim, true)?,
            text_linear_2: text.linear("linear_2", dim, dim, true)?,
            freq_dim: config.freq_dim,
            dim,
        })
    }

    /// `[…]` → the embedding `[…, D]` and its projection `[…, 6, D]` (f32) for the blocks.
    fn time(&self, timestep: &Tensor, dtype: DType) -> Result<(Tensor, Tensor)> {
        let half = self.freq_dim / 2;
        let exponent = Tensor::arange(half)?.to_dtype(DType::F32)?.mul_scalar(-10_000f64.ln())?.div_scalar(half as f64)?;
        let angles = timestep.unsqueeze(-1)?.mul(&exponent.exp()?.to_device(timestep.device())?)?;
        let sinusoid = Tensor::cat(&[angles.cos()?, angles.sin()?], -1)?;
        let temb = self.time_linear_2.forward(&self.time_linear_1.forward(&sinusoid)?.silu()?)?.to_dtype(dtype)?;
        let mut shape = timestep.shape();
        shape.extend([6, self.dim]);
        let proj = self.time_proj.forward(&temb.silu()?)?.reshape(&shape)?.to_dtype(DType::F32)?;
        Ok((temb, proj))
    }

    fn text(&self, embeds: &Tensor) -> Result<Tensor> {
        self.text_linear_2.forward(&self.text_linear_1.forward(embeds)?.gelu_tanh()?)
    }
}

#[derive(Debug)]
struct WanTransformerBlock {
    attn1: SelfAttention,
    attn2: CrossAttention,
    norm2: Option<(Tensor, Tensor)>,
    ffn_in: Linear,
    ffn_out: Linear,
    scale_shift_table: Tensor,
}

#[derive(Debug)]
struct SelfAttention {
    to_qkv: Linear,
    /// Weights of `norm_q` and `norm_k`, `[2, D]`.
    norm_qk: Tensor,
    to_out: Linear,
}

#[derive(Debug)]
struct CrossAttention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    norm_q: Tensor,
    norm_k: Tensor,
    to_out: Linear,
}

impl WanTransformerBlock {
    fn new(config: &WanTransformer3DConfig, scope: &Scope<'_>) -> Result<Self> {
        let dim = config.inner_dim();
        let (attn1, attn2, ffn) = (scope.child("attn1"), scope.child("attn2"), scope.child("ffn"));
        let norm2 = scope.child("norm2").in_f32();
        Ok(WanTransformerBlock {
            attn1: SelfAttention {
                to_qkv: attn1.fused_linear(&["to_q", "to_k", "to_v"], dim, dim, true)?,
                norm_qk: match attn1.place() {
                    Place::On(..) => attn1.joined(&["norm_q.weight", "norm_k.weight"], &[dim])?.reshape(&[2, dim])?,
                    Place::Nowhere => attn1.joined(&["norm_q.weight", "norm_k.weight"], &[dim])?,
                },
                to_out: attn1.linear("to_out.0", dim, dim, true)?,
            },
            attn2: CrossAttention {
                to_q: attn2.linear("to_q", dim, dim, true)?,
                to_k: attn2.linear("to_k", dim, dim, true)?,
                to_v: attn2.linear("to_v", dim, dim, true)?,
                norm_q: attn2.tensor("norm_q.weight", &[dim])?,
                norm_k: attn2.tensor("norm_k.weight", &[dim])?,
                to_out: attn2.linear("to_out.0", dim, dim, true)?,
            },
            norm2: match config.cross_attn_norm {
                true => Some((norm2.tensor("weight", &[dim])?, norm2.tensor("bias", &[dim])?)),
                false => None,
            },
            ffn_in: ffn.linear("net.0.proj", dim, config.ffn_dim, true)?,
            ffn_out: ffn.linear("net.2", config.ffn_dim, dim, true)?,
            scale_shift_table: scope.in_f32().tensor("scale_shift_table", &[1, 6, dim])?.reshape(&[6, dim])?,
        })
    }

    fn forward(
        &self,
        hidden: &Tensor,
        timestep_proj: &Tensor,
        key_value: &(Tensor, Tensor),
        context: &TextContext,
        rope: &Tensor,
        config: &WanTransformer3DConfig,
    ) -> Result<Tensor> {
        let modulation = self.scale_shift_table.add(timestep_proj)?.unbind(-2)?;
        let [shift, scale, gate, c_shift, c_scale, c_gate] = &modulation[..] else {
            return Err(WanError::Torch("the modulation has not six parts".into()));
        };
        // 1. Self-attention
        let attended = self.attn1.forward(&modulated_norm(hidden, shift, scale, config.eps)?, rope, config)?;
        let mut hidden = gated_sum(hidden, &attended, gate)?;
        drop(attended);
        // Until here the halves of guidance are equal.
        if hidden.size(0) != context.batch {
            hidden = hidden.repeat(&[context.batch / hidden.size(0), 1, 1])?;
        }
        // 2. Cross-attention
        hidden = hidden.add(&self.attn2.forward(
            &self.cross_norm(&hidden, config.eps)?,
            key_value,
            context.bias.as_ref(),
            config,
        )?)?;
        // 3. Feed-forward
        let inner = self.ffn_in.forward(&modulated_norm(&hidden, c_shift, c_scale, config.eps)?)?.gelu_tanh()?;
        gated_sum(&hidden, &self.ffn_out.forward(&inner)?, c_gate)
    }

    fn cross_norm(&self, hidden: &Tensor, eps: f64) -> Result<Tensor> {
        let Some((weight, bias)) = &self.norm2 else { return Ok(hidden.clone()) };
        let dtype = hidden.dtype().unwrap_or(DType::F32);
        hidden.to_dtype(DType::F32)?.layer_norm(Some((weight, bias)), eps)?.to_dtype(dtype)
    }
}

impl SelfAttention {
    fn forward(&self, x: &Tensor, rope: &Tensor, config: &WanTransformer3DConfig) -> Result<Tensor> {
        let (batch, length, dim) = (x.size(0), x.size(1), config.inner_dim());
        let (heads, head_dim) = (config.num_attention_heads, config.attention_head_dim);
        let qkv = self.to_qkv.forward(x)?; // [B, L, 3D]
        let value = qkv.narrow(-1, 2 * dim, dim)?.reshape(&[batch, length, heads, head_dim])?.transpose(1, 2)?;
        // Queries and keys are normalised over all heads together, then turned.
        let qk = qkv
            .narrow(-1, 0, 2 * dim)?
            .reshape(&[batch, length, 2, dim])?
            .rms_norm(None, config.eps)?
            .mul(&self.norm_qk)?
            .reshape(&[batch, length, 2, heads, head_dim])?
            .rotate(rope)?
            .permute(&[2, 0, 3, 1, 4])?
            .unbind(0)?; // 2 × [B, H, L, d]
        let attended = qk[0].attend(&qk[1], &value, None, None)?;
        self.to_out.forward(&attended.transpose(1, 2)?.reshape(&[batch, length, dim])?)
    }
}

impl CrossAttention {
    fn forward(
        &self,
        x: &Tensor,
        (key, value): &(Tensor, Tensor),
        bias: Option<&Tensor>,
        config: &WanTransformer3DConfig,
    ) -> Result<Tensor> {
        let (batch, length, dim) = (x.size(0), x.size(1), config.inner_dim());
        let query = self
            .to_q
            .forward(x)?
            .rms_norm(Some(&self.norm_q), config.eps)?
            .reshape(&[batch, length, config.num_attention_heads, config.attention_head_dim])?
            .transpose(1, 2)?; // [B, H, L, d]
        let bias = bias.map(|bias| bias.expand(&[batch, 1, length, bias.size(-1)])).transpose()?;
        let attended = query.attend(key, value, bias.as_ref(), None)?;
        self.to_out.forward(&attended.transpose(1, 2)?.reshape(&[batch, length, dim])?)
    }
}

#[cfg(test)]
mod tests;
