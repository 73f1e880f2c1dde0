//! `UMT5EncoderModel`, after transformers' `models/umt5/modeling_umt5.py`.
//!
//! Only the real tokens of one prompt are encoded: the reference pads to 512 and masks the padding, which changes
//! nothing and costs most of the time.

use crate::error::{Result, WanError};
use crate::linear::Linear;
use crate::torch::{DType, Device, Tensor};
use crate::weights::{Loader, Place, SIZES, Scope};
use std::path::Path;

/// The part of `text_encoder/config.json` that the encoder needs.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct UMT5Config {
    pub(crate) vocab_size: i64,
    pub(crate) d_model: i64,
    d_kv: i64,
    d_ff: i64,
    num_layers: usize,
    num_heads: i64,
    relative_attention_num_buckets: i64,
    relative_attention_max_distance: i64,
    layer_norm_epsilon: f64,
    feed_forward_proj: String,
}

impl UMT5Config {
    pub(crate) fn validate(&self, path: &Path) -> Result<()> {
        if self.feed_forward_proj != "gated-gelu" {
            let what = format!("feed_forward_proj {:?}", self.feed_forward_proj);
            return Err(WanError::Unsupported { path: path.to_owned(), what });
        }
        let sizes = [self.vocab_size, self.d_model, self.d_kv, self.d_ff, self.num_heads, self.relative_attention_num_buckets];
        if sizes.iter().any(|size| !SIZES.contains(size)) {
            return Err(WanError::malformed(path, format!("a size is not in {SIZES:?}")));
        }
        let exact = self.relative_attention_num_buckets / 4;
        if exact < 1 || self.relative_attention_max_distance <= exact {
            let reason =
                "relative_attention_num_buckets must be at least 4, relative_attention_max_distance more than a quarter of it";
            return Err(WanError::malformed(path, reason));
        }
        Ok(())
    }
}

/// The text encoder.
#[derive(Debug)]
pub(crate) struct UMT5EncoderModel {
    embed_tokens: Tensor,
    block: Vec<UMT5Block>,
    final_layer_norm: Tensor,
    config: UMT5Config,
    target: (Device, DType),
}

impl UMT5EncoderModel {
    pub(crate) fn new(config: &UMT5Config, loader: &Loader<'_>) -> Result<Self> {
        let root = loader.root();
        // The table is tied: files carry it under either name or both. It stays on the CPU in the file's own type, since a
        // prompt touches few of its rows.
        let table = [config.vocab_size, config.d_model];
        let (shared, encoder) = ("shared.weight", root.child("encoder"));
        let mut embed_tokens = None;
        if encoder.has("embed_tokens.weight") {
            embed_tokens = Some(encoder.stored("embed_tokens.weight", &table)?);
        }
        if root.has(shared) || embed_tokens.is_none() {
            embed_tokens = Some(root.stored(shared, &table)?);
        }
        let block = encoder.child("block");
        Ok(UMT5EncoderModel {
            embed_tokens: embed_tokens.expect("one of the two names was loaded"),
            block: (0..config.num_layers).map(|layer| UMT5Block::new(config, &block.child(layer))).collect::<Result<_>>()?,
            final_layer_norm: encoder.tensor("final_layer_norm.weight", &[config.d_model])?,
            config: config.clone(),
            target: match root.place() {
                Place::On(device, dtype) => (device, dtype),
                Place::Nowhere => (Device::Cpu, DType::F32),
            },
        })
    }

    /// Token ids → `[tokens, d_model]`.
    pub(crate) fn forward(&self, ids: &[i64]) -> Result<Tensor> {
        let (device, dtype) = self.target;
        let length = ids.len() as i64;
        let mut hidden = self.embed_tokens.embedding(&Tensor::from_i64(ids, &[1, length])?)?.to(device, dtype)?; // [1, L, d_model]
        let buckets = relative_position_bucket(&self.config, length)?.to_device(device)?; // [L, L]
        for block in &self.block {
            hidden = block.forward(&hidden, &buckets, &self.config)?;
        }
        hidden.rms_norm(Some(&self.final_layer_norm), self.config.layer_norm_epsilon)?.reshape(&[length, -1])
    }
}

/// Which of the learnt biases applies between two positions: exact for near ones, logarithmic for far ones.
///
/// Computed with torch's own f32 logarithm, because a rounding on the edge of a bucket decides the bucket.
fn relative_position_bucket(config: &UMT5Config, length: i64) -> Result<Tensor> {
    let half = config.relative_attention_num_buckets / 2;
    let exact = half / 2;
    let positions = Tensor::arange(length)?.to_dtype(DType::F32)?;
    let far = positions
        .clamp(1.0, f32::MAX as f64)?
        .div_scalar(exact as f64)?
        .log()?
        .div_scalar((config.relative_attention_max_distance as f64 / exact as f64).ln())?
        .mul_scalar((half - exact) as f64)?
        .to_vec()?;
    let bucket = |distance: i64| if distance < exact { distance } else { (exact + far[distance as usize] as i64).min(half - 1) };
    // bucket[query][key], with the keys to the right in the upper half.
    let buckets: Vec<i64> = (0..length)
        .flat_map(|query| (0..length).map(move |key| key - query))
        .map(|relative| bucket(relative.abs()) + if relative > 0 { half } else { 0 })
        .collect();
    Tensor::from_i64(&buckets, &[length, length])
}

#[derive(Debug)]
struct UMT5Block {
    attention_norm: Tensor,
    qkv: Linear,
    o: Linear,
    relative_attention_bias: Tensor,
    ff_norm: Tensor,
    wi: Linear,
    wo: Linear,
}

impl UMT5Block {
    fn new(config: &UMT5Config, scope: &Scope<'_>) -> Result<Self> {
        let (model, inner) = (config.d_model, config.num_heads * config.d_kv);
        let (attention, ff) = (scope.child("layer.0"), scope.child("layer.1"));
        let (self_attention, dense) = (attention.child("SelfAttention"), ff.child("DenseReluDense"));
        Ok(UMT5Block {
            attention_norm: attention.tensor("layer_norm.weight", &[model])?,
            qkv: self_attention.fused_linear(&["q", "k", "v"], model, inner, false)?,
            o: self_attention.linear("o", inner, model, false)?,
            relative_attention_bias: self_attention
                .tensor("relative_attention_bias.weight", &[config.relative_attention_num_buckets, config.num_heads])?,
            ff_norm: ff.tensor("layer_norm.weight", &[model])?,
            wi: dense.fused_linear(&["wi_0", "wi_1"], model, config.d_ff, false)?,
            wo: dense.linear("wo", config.d_ff, model, false)?,
        })
    }

    fn forward(&self, hidden: &Tensor, buckets: &Tensor, config: &UMT5Config) -> Result<Tensor> {
        let eps = config.layer_norm_epsilon;
        let hidden = hidden.add(&self.attention(&hidden.rms_norm(Some(&self.attention_norm), eps)?, buckets, config)?)?;
        let gated = self.wi.forward(&hidden.rms_norm(Some(&self.ff_norm), eps)?)?.chunk(2, -1)?; // 2 × [1, L, d_ff]
        hidden.add(&self.wo.forward(&gated[0].gelu_tanh()?.mul(&gated[1])?)?)
    }

    fn attention(&self, x: &Tensor, buckets: &Tensor, config: &UMT5Config) -> Result<Tensor> {
        let length = x.size(1);
        let bias = self.relative_attention_bias.embedding(buckets)?.permute(&[2, 0, 1])?.unsqueeze(0)?; // [1, H, L, L]
        let heads = self.qkv.forward(x)?.reshape(&[1, length, 3, config.num_heads, config.d_kv])?.permute(&[2, 0, 3, 1, 4])?;
        let qkv = heads.unbind(0)?; // 3 × [1, H, L, d_kv]
        // T5 folds 1/√d into its initialisation: the logits are not scaled.
        let attended = qkv[0].attend(&qkv[1], &qkv[2], Some(&bias), Some(1.0))?;
        self.o.forward(&attended.transpose(1, 2)?.reshape(&[1, length, -1])?)
    }
}
