//! LoRA files, read in the key styles that are in circulation and merged into an expert's weights as these are loaded:
//! `W + weight · (alpha / rank) · B·A`, and `bias + weight · diff_b`.
//!
//! Merging happens in f32 from the checkpoint's own values each time the set of LoRAs changes, so nothing drifts.
//! Accepted names of a module (diffusers name `blocks.0.attn1.to_q`, original name `blocks.0.self_attn.q`):
//! `transformer.<diffusers>`, `diffusion_model.<original>`, either one bare, and `lora_unet_<original with underscores>`.
//! Its tensors end in `lora_A/lora_B.weight` or `lora_down/lora_up.weight`; `alpha` comes from a tensor `.alpha` or from
//! diffusers' `lora_adapter_metadata`, else the scale is 1. Full differences (`.diff`, on norms and the head in
//! distilled LoRAs) are left out, as diffusers leaves them out.

use crate::error::{Result, WanError};
use crate::safetensors::SafeTensorsFile;
use crate::torch::{DType, Tensor};
use crate::weights::Weights;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The two experts of a Wan 2.2 checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Expert {
    /// `transformer`: the noisy first part of the schedule. The only expert of a single-expert checkpoint.
    High,
    /// `transformer_2`: the rest.
    Low,
}

impl Expert {
    /// `"high"` or `"low"`.
    pub fn name(self) -> &'static str {
        match self {
            Expert::High => "high",
            Expert::Low => "low",
        }
    }
}

/// One LoRA file, for one expert, at a weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Lora {
    /// The safetensors file.
    pub path: PathBuf,
    /// The expert that it was trained for.
    pub expert: Expert,
    /// Its strength; 1 is as trained.
    pub weight: f64,
}

/// What the LoRAs of one expert change, by tensor name.
#[derive(Debug, Default)]
pub(crate) struct Patches(BTreeMap<String, Patch>);

/// The changes to one tensor.
#[derive(Debug, Default)]
pub(crate) struct Patch(Vec<Change>);

#[derive(Debug)]
enum Change {
    Product { up: Tensor, down: Tensor, scale: f64 },
    Sum { difference: Tensor, scale: f64 },
}

impl Patch {
    /// `base` (f32, on its device) with the changes added.
    pub(crate) fn merge(&self, base: &Tensor) -> Result<Tensor> {
        let (shape, device) = (base.shape(), base.device());
        let mut merged = base.clone();
        for change in &self.0 {
            merged = match change {
                Change::Product { up, down, scale } => {
                    let product = up.to(device, DType::F32)?.matmul(&down.to(device, DType::F32)?)?;
                    merged.add(&product.mul_scalar(*scale)?.reshape(&shape)?)?
                }
                Change::Sum { difference, scale } => merged.add(&difference.to(device, DType::F32)?.mul_scalar(*scale)?)?,
            };
        }
        Ok(merged)
    }
}

impl Patches {
    pub(crate) fn get(&self, tensor: &str) -> Option<&Patch> {
        self.0.get(tensor)
    }

    /// Adds what the file at `path` changes in `weights` at `strength`.
    pub(crate) fn add(&mut self, path: &Path, strength: f64, weights: &Weights) -> Result<()> {
        let file = SafeTensorsFile::open(path)?;
        let tensors = file.tensors();
        let alphas = Alphas::read(&file)?;
        let modules = Modules::of(weights);
        let mut used = BTreeSet::new();
        let mut left_out = 0;
        let load =
            |name: &str| file.tensor(name)?.ok_or_else(|| WanError::malformed(path, format!("tensor {name:?} is missing")));
        for key in tensors.keys() {
            if key.ends_with(".diff") {
                left_out += 1;
                used.insert(key.clone());
                continue;
            }
            if let Some(base) = key.strip_suffix(".diff_b") {
                let module = modules.find(base).ok_or_else(|| unknown(path, key))?;
                let Some(shape) = modules.shape(module, "bias") else {
                    return Err(WanError::malformed(path, format!("{key:?} changes a bias that {module:?} does not have")));
                };
                expect_shape(&file, key, shape, &tensors[key])?;
                let change = Change::Sum { difference: load(key)?, scale: strength };
                self.0.entry(format!("{module}.bias")).or_default().0.push(change);
                used.insert(key.clone());
                continue;
            }
            let Some((base, up_suffix)) = [(".lora_A.weight", ".lora_B.weight"), (".lora_down.weight", ".lora_up.weight")]
                .into_iter()
                .find_map(|(down, up)| Some((key.strip_suffix(down)?, up)))
            else {
                continue;
            };
            let module = modules.find(base).ok_or_else(|| unknown(path, key))?;
            let shape = modules.shape(module, "weight").ok_or_else(|| unknown(path, key))?;
            let (outputs, inputs) = (shape[0], shape[1..].iter().product::<i64>());
            let rank = tensors[key].first().copied().unwrap_or(0);
            if rank == 0 || tensors[key].iter().product::<i64>() != rank * inputs {
                expect_shape(&file, key, &[rank, inputs], &tensors[key])?;
            }
            let up = format!("{base}{up_suffix}");
            match tensors.get(&up) {
                None => return Err(WanError::malformed(path, format!("tensor {key:?} has no {up:?} beside it"))),
                Some(found) if found.iter().product::<i64>() == outputs * rank => {}
                Some(found) => expect_shape(&file, &up, &[outputs, rank], found)?,
            }
            let alpha_key = format!("{base}.alpha");
            let scale = match tensors.get(&alpha_key) {
                Some(_) => {
                    used.insert(alpha_key.clone());
                    load(&alpha_key)?.to_vec()?.first().copied().unwrap_or(1.0) as f64 / rank as f64
                }
                None => alphas.scale(module, rank),
            };
            let change = Change::Product {
                up: load(&up)?.reshape(&[outputs, rank])?,
                down: load(key)?.reshape(&[rank, inputs])?,
                scale: strength * scale,
            };
            self.0.entry(format!("{module}.weight")).or_default().0.push(change);
            used.extend([key.clone(), up]);
        }
        if let Some(key) = tensors.keys().find(|key| !used.contains(*key)) {
            return Err(unknown(path, key));
        }
        if left_out > 0 {
            tracing::warn!(lora = %path.display(), tensors = left_out, "full differences (.diff) are left out");
        }
        Ok(())
    }
}

fn unknown(path: &Path, key: &str) -> WanError {
    WanError::malformed(path, format!("tensor {key:?} names no module of this transformer, or is of an unknown kind"))
}

fn expect_shape(file: &SafeTensorsFile, tensor: &str, expected: &[i64], found: &[i64]) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(WanError::Misshapen {
        tensor: tensor.to_owned(),
        file: file.path().to_owned(),
        expected: expected.to_vec(),
        found: found.to_vec(),
    })
}

/// The modules of a transformer under each name that LoRA files give them.
struct Modules<'a> {
    shapes: BTreeMap<&'a str, &'a [i64]>,
    names: BTreeMap<String, &'a str>,
}

impl<'a> Modules<'a> {
    fn of(weights: &'a Weights) -> Self {
        let shapes: BTreeMap<_, _> = weights.shapes().collect();
        let mut names = BTreeMap::new();
        for module in shapes.iter().filter(|(_, shape)| shape.len() > 1).filter_map(|(name, _)| name.strip_suffix(".weight")) {
            let original = original_name(module);
            names.insert(format!("lora_unet_{}", original.replace('.', "_")), module);
            names.insert(original, module);
            names.insert(module.to_owned(), module);
        }
        Modules { shapes, names }
    }

    fn find(&self, key: &str) -> Option<&'a str> {
        let bare = ["transformer_2.", "transformer.", "diffusion_model."].iter().find_map(|prefix| key.strip_prefix(prefix));
        self.names.get(bare.unwrap_or(key)).copied()
    }

    fn shape(&self, module: &str, leaf: &str) -> Option<&'a [i64]> {
        self.shapes.get(format!("{module}.{leaf}").as_str()).copied()
    }
}

/// The name that Wan's own code gives to a module of diffusers' transformer.
fn original_name(module: &str) -> String {
    const RENAMED: [(&str, &str); 11] = [
        ("attn1.to_out.0", "self_attn.o"),
        ("attn1.to_", "self_attn."),
        ("attn2.to_out.0", "cross_attn.o"),
        ("attn2.to_", "cross_attn."),
        ("ffn.net.0.proj", "ffn.0"),
        ("ffn.net.2", "ffn.2"),
        ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
        ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
        ("condition_embedder.time_proj", "time_projection.1"),
        ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
        ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ];
    if module == "proj_out" {
        return "head.head".into();
    }
    RENAMED
        .iter()
        .find(|(ours, _)| module.contains(ours))
        .map_or_else(|| module.into(), |(ours, theirs)| module.replace(ours, theirs))
}

/// Alphas from diffusers' `lora_adapter_metadata` header note.
#[derive(Default)]
struct Alphas {
    alpha: Option<f64>,
    patterns: BTreeMap<String, f64>,
    rank_stabilised: bool,
}

impl Alphas {
    fn read(file: &SafeTensorsFile) -> Result<Self> {
        let Some(note) = file.note("lora_adapter_metadata") else { return Ok(Alphas::default()) };
        let values: BTreeMap<String, serde_json::Value> = serde_json::from_str(note)
            .map_err(|error| WanError::malformed(file.path(), format!("header note lora_adapter_metadata: {error}")))?;
        // Keys are "<component>.<setting>"; a file is for one component.
        let setting = |name: &str| values.iter().find(|(key, _)| key.rsplit('.').next() == Some(name)).map(|(_, value)| value);
        let patterns = setting("alpha_pattern").and_then(|value| value.as_object());
        Ok(Alphas {
            alpha: setting("lora_alpha").and_then(|value| value.as_f64()),
            patterns: patterns
                .into_iter()
                .flatten()
                .filter_map(|(module, alpha)| Some((module.clone(), alpha.as_f64()?)))
                .collect(),
            rank_stabilised: setting("use_rslora").and_then(|value| value.as_bool()).unwrap_or(false),
        })
    }

    fn scale(&self, module: &str, rank: i64) -> f64 {
        let rank = if self.rank_stabilised { (rank as f64).sqrt() } else { rank as f64 };
        self.patterns.get(module).copied().or(self.alpha).map_or(1.0, |alpha| alpha / rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diffusers_names_become_the_original_ones() {
        for (ours, theirs) in [
            ("blocks.3.attn1.to_q", "blocks.3.self_attn.q"),
            ("blocks.3.attn1.to_out.0", "blocks.3.self_attn.o"),
            ("blocks.11.attn2.to_v", "blocks.11.cross_attn.v"),
            ("blocks.0.ffn.net.0.proj", "blocks.0.ffn.0"),
            ("blocks.0.ffn.net.2", "blocks.0.ffn.2"),
            ("condition_embedder.time_proj", "time_projection.1"),
            ("proj_out", "head.head"),
            ("patch_embedding", "patch_embedding"),
        ] {
            assert_eq!(original_name(ours), theirs);
        }
    }
}
