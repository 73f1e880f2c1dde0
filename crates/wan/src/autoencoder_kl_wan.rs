//! `AutoencoderKLWan`, the decoding half, after diffusers' `models/autoencoders/autoencoder_kl_wan.py`: the causal 3D VAE
//! of Wan 2.1/2.2-A14B and the residual one of Wan 2.2-TI2V.
//!
//! Every convolution in time looks back only, so a clip can be decoded in chunks of any length: [`FeatCache`] keeps the
//! last two frames that each convolution saw, and the result is that of the whole sequence at once. Tensors are
//! `[B, C, T, H, W]` with the channels last in memory.

mod blocks;

use crate::error::{Result, WanError};
use crate::torch::{DType, Tensor};
use crate::weights::{Loader, SIZES};
use blocks::{CausalConv3d, FeatCache, VaeScope, WanMidBlock, WanRMSNorm, WanUpBlock};
use std::cell::Cell;
use std::path::Path;

/// The part of `vae/config.json` that decoding needs.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct AutoencoderKLWanConfig {
    base_dim: i64,
    decoder_base_dim: Option<i64>,
    pub(crate) z_dim: i64,
    dim_mult: Vec<i64>,
    num_res_blocks: usize,
    #[serde(default)]
    attn_scales: Vec<f64>,
    temperal_downsample: Vec<bool>,
    pub(crate) latents_mean: Vec<f32>,
    pub(crate) latents_std: Vec<f32>,
    #[serde(default)]
    is_residual: bool,
    #[serde(default = "rgb")]
    out_channels: i64,
    patch_size: Option<i64>,
    #[serde(default = "four")]
    pub(crate) scale_factor_temporal: i64,
    #[serde(default = "eight")]
    pub(crate) scale_factor_spatial: i64,
}

fn rgb() -> i64 {
    3
}

fn four() -> i64 {
    4
}

fn eight() -> i64 {
    8
}

impl AutoencoderKLWanConfig {
    pub(crate) fn validate(&self, path: &Path) -> Result<()> {
        if !self.attn_scales.is_empty() {
            return Err(WanError::Unsupported { path: path.to_owned(), what: format!("attn_scales {:?}", self.attn_scales) });
        }
        let wrong = |reason: String| Err(WanError::malformed(path, reason));
        let levels = self.dim_mult.len();
        if !(1..=8).contains(&levels) || self.temperal_downsample.len() + 1 != levels {
            return wrong("dim_mult must have one to eight levels, temperal_downsample one less".into());
        }
        let patch = self.patch_size.unwrap_or(1);
        let sizes = [self.base_dim, self.decoder_base_dim.unwrap_or(1), self.z_dim, patch];
        if sizes.iter().chain(&self.dim_mult).any(|size| !SIZES.contains(size)) {
            return wrong(format!("a size is not in {SIZES:?}"));
        }
        if self.out_channels != 3 * patch * patch {
            return wrong(format!("out_channels {} with patch_size {patch} are not three colours", self.out_channels));
        }
        let spatial = patch << (levels - 1);
        let temporal = 1 << self.temperal_downsample.iter().filter(|&&downsample| downsample).count();
        if (spatial, temporal) != (self.scale_factor_spatial, self.scale_factor_temporal) {
            return wrong(format!(
                "the levels scale by {spatial} and {temporal}, scale_factor_spatial and _temporal say otherwise"
            ));
        }
        if [&self.latents_mean, &self.latents_std].iter().any(|list| list.len() as i64 != self.z_dim) {
            return wrong("latents_mean and latents_std must have z_dim numbers".into());
        }
        Ok(())
    }
}

/// Tiles of a picture that is too large to be decoded at once, in pixels. Neighbours are blended where they overlap, so
/// the result is close to, but not the same as, the untiled one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiling {
    /// Height of a tile.
    pub sample_min_height: i64,
    /// Width of a tile.
    pub sample_min_width: i64,
    /// Distance between the tops of neighbouring tiles.
    pub sample_stride_height: i64,
    /// Distance between the left edges of neighbouring tiles.
    pub sample_stride_width: i64,
}

impl Default for Tiling {
    /// diffusers' own: 256 pixels every 192.
    fn default() -> Self {
        Tiling { sample_min_height: 256, sample_min_width: 256, sample_stride_height: 192, sample_stride_width: 192 }
    }
}

/// The decoder.
#[derive(Debug)]
pub(crate) struct AutoencoderKLWan {
    post_quant_conv: CausalConv3d,
    conv_in: CausalConv3d,
    mid_block: WanMidBlock,
    up_blocks: Vec<WanUpBlock>,
    norm_out: WanRMSNorm,
    conv_out: CausalConv3d,
    slots: usize,
    config: AutoencoderKLWanConfig,
}

impl AutoencoderKLWan {
    /// Prefixes of the encoding half, which image-to-video needs and this package does not have yet.
    pub(crate) const SPARE: [&'static str; 2] = ["encoder.", "quant_conv."];

    pub(crate) fn new(config: &AutoencoderKLWanConfig, loader: &Loader<'_>) -> Result<Self> {
        let (root, slots) = (loader.root(), Cell::new(0));
        let scope = VaeScope::new(root, &slots);
        let decoder = scope.child("decoder");
        let dim = config.decoder_base_dim.unwrap_or(config.base_dim);
        // dims: coarsest level twice, then up to the finest.
        let mults: Vec<i64> = config.dim_mult.iter().rev().copied().collect();
        let dims: Vec<i64> = mults[..1].iter().chain(&mults).map(|mult| dim * mult).collect();
        let levels = mults.len();
        let up_blocks = (0..levels).map(|level| {
            // The plain upsampler halves the channels.
            let in_dim = if level > 0 && !config.is_residual { dims[level] / 2 } else { dims[level] };
            let temporal = config.temperal_downsample.iter().rev().nth(level).copied();
            WanUpBlock::new(
                config.num_res_blocks + 1,
                config.is_residual,
                in_dim,
                dims[level + 1],
                temporal,
                &decoder.child("up_blocks").child(level),
            )
        });
        let last = dims[levels];
        Ok(AutoencoderKLWan {
            post_quant_conv: scope.conv("post_quant_conv", config.z_dim, config.z_dim, [1, 1, 1])?,
            conv_in: decoder.conv("conv_in", config.z_dim, dims[0], [3, 3, 3])?,
            mid_block: WanMidBlock::new(dims[0], &decoder.child("mid_block"))?,
            up_blocks: up_blocks.collect::<Result<_>>()?,
            norm_out: decoder.norm("norm_out", &[last, 1, 1, 1])?,
            conv_out: decoder.conv("conv_out", last, config.out_channels, [3, 3, 3])?,
            slots: slots.get(),
            config: config.clone(),
        })
    }

    /// Latents `[B, z, T, h, w]` → pixels in -1..=1 `[B, 3, frames, H, W]`, in chunks of `chunk` latent frames, each handed to
    /// `each` as soon as it is done.
    pub(crate) fn decode(&self, z: &Tensor, chunk: i64, each: &mut dyn FnMut(Tensor) -> Result<()>) -> Result<()> {
        self.decode_unclamped(z, chunk, &mut |pixels| each(pixels.clamp(-1.0, 1.0)?))
    }

    fn decode_unclamped(&self, z: &Tensor, chunk: i64, each: &mut dyn FnMut(Tensor) -> Result<()>) -> Result<()> {
        let frames = z.size(2);
        let chunk = chunk.clamp(1, frames);
        let mut cache = FeatCache::new(self.slots);
        for start in (0..frames).step_by(chunk as usize) {
            let length = chunk.min(frames - start);
            cache.first = start == 0;
            cache.last = start + length == frames;
            each(self.forward(&z.narrow(2, start, length)?, &mut cache)?)?;
        }
        Ok(())
    }

    fn forward(&self, z: &Tensor, cache: &mut FeatCache) -> Result<Tensor> {
        let z = self.post_quant_conv.forward(&z.channels_last()?, cache)?;
        let mut x = self.mid_block.forward(&self.conv_in.forward(&z, cache)?, cache)?;
        for block in &self.up_blocks {
            x = block.forward(&x, cache)?;
        }
        let x = self.conv_out.forward(&self.norm_out.forward(&x)?.silu_()?, cache)?;
        match self.config.patch_size {
            Some(patch) => unpatchify(&x, patch),
            None => Ok(x),
        }
    }

    /// [`Self::decode`] tile by tile, the whole clip at once; needs the memory of one tile and of the result.
    pub(crate) fn tiled_decode(&self, z: &Tensor, tiling: &Tiling, chunk: i64) -> Result<Tensor> {
        let scale = self.config.scale_factor_spatial;
        let (height, width) = (z.size(-2), z.size(-1));
        let latent = |pixels: i64| (pixels / scale).max(1);
        let (tile_h, tile_w) = (latent(tiling.sample_min_height), latent(tiling.sample_min_width));
        let (stride_h, stride_w) = (latent(tiling.sample_stride_height), latent(tiling.sample_stride_width));
        let (blend_h, blend_w) = ((tile_h - stride_h) * scale, (tile_w - stride_w) * scale);
        let mut above: Vec<Tensor> = Vec::new();
        let mut bands = Vec::new();
        for top in (0..height).step_by(stride_h as usize) {
            let mut row: Vec<Tensor> = Vec::new();
            for left in (0..width).step_by(stride_w as usize) {
                let part = z.narrow(-2, top, tile_h.min(height - top))?.narrow(-1, left, tile_w.min(width - left))?;
                let mut chunks = Vec::new();
                self.decode_unclamped(&part, chunk, &mut |pixels| {
                    chunks.push(pixels);
                    Ok(())
                })?;
                let mut tile = Tensor::cat(&chunks, 2)?;
                // Neighbours are blended as they are after their own blending.
                if let Some(upper) = above.get(row.len()) {
                    tile = blend(upper, &tile, -2, blend_h)?;
                }
                if let Some(left) = row.last() {
                    tile = blend(left, &tile, -1, blend_w)?;
                }
                row.push(tile);
            }
            let crop = |tile: &Tensor| {
                let (h, w) = ((stride_h * scale).min(tile.size(-2)), (stride_w * scale).min(tile.size(-1)));
                tile.narrow(-2, 0, h)?.narrow(-1, 0, w)
            };
            bands.push(Tensor::cat(&row.iter().map(crop).collect::<Result<Vec<_>>>()?, -1)?);
            above = row;
        }
        let picture = Tensor::cat(&bands, -2)?;
        picture.narrow(-2, 0, height * scale)?.narrow(-1, 0, width * scale)?.clamp(-1.0, 1.0)
    }

    /// A chunk length that keeps the largest activations of pictures of this size within about `budget` bytes.
    pub(crate) fn chunk_for(&self, height: i64, width: i64, budget: i64) -> i64 {
        let finest = self.config.decoder_base_dim.unwrap_or(self.config.base_dim) * self.config.dim_mult[0].max(1);
        let patch = self.config.patch_size.unwrap_or(1);
        let frame = finest * (height / patch) * (width / patch) * DType::F32.size() as i64;
        (budget / (frame * self.config.scale_factor_temporal).max(1)).max(1)
    }
}

/// `tile` with its first `extent` rows (or columns) faded over from the last ones of its neighbour.
fn blend(neighbour: &Tensor, tile: &Tensor, dim: i64, extent: i64) -> Result<Tensor> {
    let extent = extent.min(neighbour.size(dim)).min(tile.size(dim));
    if extent == 0 {
        return Ok(tile.clone());
    }
    let ramp: Vec<f32> = (0..extent).map(|index| index as f32 / extent as f32).collect();
    let shape = if dim == -2 { [extent, 1] } else { [1, extent] };
    let ramp = Tensor::from_f32(&ramp, &shape)?.to_device(tile.device())?;
    let old = neighbour.narrow(dim, neighbour.size(dim) - extent, extent)?;
    let mixed = old.mul(&ramp.mul_scalar(-1.0)?.add_scalar(1.0)?)?.add(&tile.narrow(dim, 0, extent)?.mul(&ramp)?)?;
    Tensor::cat(&[mixed, tile.narrow(dim, extent, tile.size(dim) - extent)?], dim)
}

/// Channels to the pixels of a square patch.
fn unpatchify(x: &Tensor, patch: i64) -> Result<Tensor> {
    let [batch, channels, frames, height, width] = x.shape()[..] else { return Ok(x.clone()) };
    let colours = channels / (patch * patch);
    x.reshape(&[batch, colours, patch, patch, frames, height, width])?
        .permute(&[0, 1, 4, 5, 3, 6, 2])? // [B, colours, T, H, p, W, p]
        .reshape(&[batch, colours, frames, height * patch, width * patch])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::component::Component;
    use crate::torch::Device;
    use crate::weights::Place;

    /// A plain (2.1) and a residual (2.2) decoder.
    const FOLDERS: [&str; 2] = ["vae", "ti2v/vae"];

    fn open(folder: &str) -> Component<AutoencoderKLWan> {
        crate::torch::set_threads(1);
        Component::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture").join(folder)).unwrap()
    }

    fn decode(vae: &AutoencoderKLWan, z: &Tensor, chunk: i64) -> (Vec<i64>, Tensor) {
        let mut chunks = Vec::new();
        vae.decode(z, chunk, &mut |pixels| {
            chunks.push(pixels);
            Ok(())
        })
        .unwrap();
        (chunks.iter().map(|chunk| chunk.size(2)).collect(), Tensor::cat(&chunks, 2).unwrap())
    }

    #[test]
    fn chunks_of_any_length_give_the_pixels_of_the_whole() {
        for folder in FOLDERS {
            let mut component = open(folder);
            let channels = component.config.z_dim;
            let vae = component.load(Place::On(Device::Cpu, DType::F32)).unwrap();
            // Seven latent frames: a first chunk of one frame, chunks that do not divide the clip, one chunk for all.
            let z = Tensor::randn(5, &[1, channels, 7, 4, 2]).unwrap();
            let (_, whole) = decode(vae, &z, 7);
            assert_eq!(whole.size(2), 25);
            for (chunk, lengths) in [(1, vec![1, 4, 4, 4, 4, 4, 4]), (2, vec![5, 8, 8, 4]), (3, vec![9, 12, 4]), (99, vec![25])] {
                let (found, pixels) = decode(vae, &z, chunk);
                assert_eq!(found, lengths, "{folder}, chunks of {chunk}");
                let distance =
                    pixels.sub(&whole).unwrap().to_vec().unwrap().into_iter().fold(0f32, |worst, next| worst.max(next.abs()));
                assert!(distance < 2e-6, "{folder}, chunks of {chunk}: {distance}");
            }
        }
    }

    #[test]
    fn the_future_does_not_change_the_past() {
        for folder in FOLDERS {
            let mut component = open(folder);
            let channels = component.config.z_dim;
            let vae = component.load(Place::On(Device::Cpu, DType::F32)).unwrap();
            let z = Tensor::randn(6, &[1, channels, 4, 2, 2]).unwrap();
            let (_, whole) = decode(vae, &z, 4);
            let (_, start) = decode(vae, &z.narrow(2, 0, 2).unwrap(), 2);
            let past = whole.narrow(2, 0, 5).unwrap().sub(&start).unwrap().to_vec().unwrap();
            assert!(past.iter().all(|difference| difference.abs() < 2e-6), "{folder}");
        }
    }

    #[test]
    fn a_larger_picture_is_decoded_in_shorter_chunks() {
        let mut component = open("vae");
        let vae = component.load(Place::On(Device::Cpu, DType::F32)).unwrap();
        assert!(vae.chunk_for(64, 64, 64 << 20) > vae.chunk_for(720, 1280, 64 << 20));
        assert_eq!(vae.chunk_for(8192, 8192, 1), 1);
    }
}
