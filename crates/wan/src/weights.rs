//! The weights of one component folder (`config.json` beside one or several safetensors files), and the loader that a
//! model's `new` asks for tensors by name and shape.
//!
//! Every tensor that a model asks for must be there in the right shape, and every tensor that is there must be asked for.
//! The same `new` therefore serves twice: placed [`Place::Nowhere`] it only checks, and costs neither time nor memory.

use crate::error::{Result, WanError};
use crate::linear::Linear;
use crate::lora::Patches;
use crate::safetensors::SafeTensorsFile;
use crate::torch::{DType, Device, Tensor};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a dimension in a `config.json` may be; far above any real model, and small enough to be multiplied.
pub(crate) const SIZES: std::ops::RangeInclusive<i64> = 1..=1 << 20;

/// The open files of a component folder.
#[derive(Debug)]
pub(crate) struct Weights {
    folder: PathBuf,
    tensors: BTreeMap<String, (Arc<SafeTensorsFile>, Vec<i64>)>,
    single: Option<PathBuf>,
}

impl Weights {
    /// Opens `*.safetensors.index.json` and the shards that it names, or else the folder's only safetensors file.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let read = |source| WanError::Read { path: folder.to_owned(), source };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(read)? {
            names.extend(entry.map_err(read)?.file_name().into_string());
        }
        names.sort();
        let index = names.iter().find(|name| name.ends_with(".safetensors.index.json"));
        let promised = index.map(|index| weight_map(&folder.join(index))).transpose()?;
        let files: BTreeSet<&str> = match &promised {
            Some(map) => map.values().map(String::as_str).collect(),
            None => names.iter().filter(|name| name.ends_with(".safetensors")).map(String::as_str).collect(),
        };
        if files.is_empty() {
            return Err(WanError::malformed(folder, "holds no safetensors file"));
        }
        let single = (files.len() == 1).then(|| files.first().map(|file| folder.join(file))).flatten();
        let mut tensors = BTreeMap::new();
        for file in files {
            let file = SafeTensorsFile::open(&folder.join(file))?;
            for (name, shape) in file.tensors() {
                if let Some((other, _)) = tensors.insert(name.clone(), (file.clone(), shape)) {
                    let reason = format!("tensor {name:?} is also in {}", other.path().display());
                    return Err(WanError::malformed(file.path(), reason));
                }
            }
        }
        for (tensor, file) in promised.into_iter().flatten() {
            let path = folder.join(&file);
            if tensors.get(&tensor).is_none_or(|(file, _)| file.path() != path) {
                return Err(WanError::MissingTensor { tensor, file: path, expected: Vec::new() });
            }
        }
        Ok(Weights { folder: folder.to_owned(), tensors, single })
    }

    /// Names and shapes.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = (&str, &[i64])> {
        self.tensors.iter().map(|(name, (_, shape))| (name.as_str(), shape.as_slice()))
    }

    fn missing(&self, tensor: &str, expected: &[i64]) -> WanError {
        let file = self.single.clone().unwrap_or_else(|| self.folder.clone());
        WanError::MissingTensor { tensor: tensor.to_owned(), file, expected: expected.to_vec() }
    }
}

/// The `weight_map` of an index file: tensor name → file name.
fn weight_map(path: &Path) -> Result<BTreeMap<String, String>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let index: Index = read_json(path)?;
    if let Some(file) = index.weight_map.values().find(|file| Path::new(file).file_name() != Some(file.as_ref())) {
        return Err(WanError::malformed(path, format!("{file:?} is not the name of a file in this folder")));
    }
    Ok(index.weight_map)
}

/// A JSON file, its errors naming path, line and column.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read(path).map_err(|source| WanError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|error| WanError::malformed(path, error))
}

/// Where loaded tensors go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// Nowhere: names and shapes are checked, the values are never read.
    Nowhere,
    /// To a device, in an element type.
    On(Device, DType),
}

/// Hands out tensors and remembers which were asked for.
pub(crate) struct Loader<'a> {
    weights: &'a Weights,
    patches: &'a Patches,
    place: Place,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(weights: &'a Weights, patches: &'a Patches, place: Place) -> Self {
        Loader { weights, patches, place, asked: RefCell::default() }
    }

    pub(crate) fn root(&self) -> Scope<'_> {
        Scope { loader: self, prefix: String::new(), place: self.place }
    }

    /// Fails if the files hold a tensor that nobody asked for; `spare` names prefixes of parts that are not used here.
    pub(crate) fn finish(self, spare: &[&str]) -> Result<()> {
        let asked = self.asked.into_inner();
        let extra = self
            .weights
            .tensors
            .iter()
            .find(|(name, _)| !asked.contains(name.as_str()) && !spare.iter().any(|prefix| name.starts_with(prefix)));
        match extra {
            Some((name, (file, shape))) => {
                Err(WanError::ExtraTensor { tensor: name.clone(), file: file.path().to_owned(), found: shape.clone() })
            }
            None => Ok(()),
        }
    }
}

/// The loader inside one module of the model: names are relative to the module's.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    loader: &'a Loader<'a>,
    prefix: String,
    place: Place,
}

impl<'a> Scope<'a> {
    /// The child module of this name.
    pub(crate) fn child(&self, name: impl std::fmt::Display) -> Self {
        Scope { loader: self.loader, prefix: format!("{}{name}.", self.prefix), place: self.place }
    }

    /// The same module, its tensors kept in f32 whatever the model computes in.
    pub(crate) fn in_f32(&self) -> Self {
        let place = match self.place {
            Place::Nowhere => Place::Nowhere,
            Place::On(device, _) => Place::On(device, DType::F32),
        };
        Scope { loader: self.loader, prefix: self.prefix.clone(), place }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Whether the files hold this tensor.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.loader.weights.tensors.contains_key(&format!("{}{name}", self.prefix))
    }

    /// The tensor where it lies in the file: on the CPU, in the file's element type.
    pub(crate) fn stored(&self, name: &str, expected: &[i64]) -> Result<Tensor> {
        let tensor = format!("{}{name}", self.prefix);
        let weights = self.loader.weights;
        let Some((file, found)) = weights.tensors.get(&tensor) else { return Err(weights.missing(&tensor, expected)) };
        if found != expected {
            let (file, expected, found) = (file.path().to_owned(), expected.to_vec(), found.clone());
            return Err(WanError::Misshapen { tensor, file, expected, found });
        }
        let value = file.tensor(&tensor)?.ok_or_else(|| weights.missing(&tensor, expected))?;
        self.loader.asked.borrow_mut().insert(tensor);
        Ok(value)
    }

    /// The tensor on the model's device in the model's element type, with the LoRAs merged.
    pub(crate) fn tensor(&self, name: &str, expected: &[i64]) -> Result<Tensor> {
        let stored = self.stored(name, expected)?;
        let Place::On(device, dtype) = self.place else { return Ok(stored) };
        match self.loader.patches.get(&format!("{}{name}", self.prefix)) {
            // Merged in f32, then rounded once.
            Some(patch) => patch.merge(&stored.to(device, DType::F32)?)?.to_dtype(dtype),
            None => stored.to(device, dtype),
        }
    }

    /// Tensors of the same rank joined along their first dimension.
    pub(crate) fn joined(&self, names: &[&str], expected: &[i64]) -> Result<Tensor> {
        let parts = names.iter().map(|name| self.tensor(name, expected)).collect::<Result<Vec<_>>>()?;
        match self.place {
            Place::Nowhere => Ok(parts[0].clone()),
            Place::On(..) => Tensor::cat(&parts, 0),
        }
    }

    /// The linear layer `name`.
    pub(crate) fn linear(&self, name: &str, inputs: i64, outputs: i64, bias: bool) -> Result<Linear> {
        self.fused_linear(&[name], inputs, outputs, bias)
    }

    /// Linear layers over the same input, computed as one: their outputs follow each other in the last dimension.
    pub(crate) fn fused_linear(&self, names: &[&str], inputs: i64, outputs: i64, bias: bool) -> Result<Linear> {
        let named = |leaf: &str| names.iter().map(|name| format!("{name}.{leaf}")).collect::<Vec<_>>();
        let load = |leaf: &str, shape: &[i64]| {
            let names = named(leaf);
            match names.as_slice() {
                [name] => self.tensor(name, shape),
                names => self.joined(&names.iter().map(String::as_str).collect::<Vec<_>>(), shape),
            }
        };
        let weight = load("weight", &[outputs, inputs])?;
        let bias = if bias { Some(load("bias", &[outputs])?) } else { None };
        Ok(Linear::new(weight, bias))
    }
}
