//! Checkpoint folders: other ways of storing the same weights, and damage.

use crate::{checkpoint, fixture};
use festoon_wan::{ErrorKind, TextToVideo, Video, WanError, WanOptions, WanPipeline};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

const TRANSFORMER: &str = "transformer/diffusion_pytorch_model.safetensors";

fn read(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, view)| (name.to_owned(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()))).collect()
}

fn write(path: &Path, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, (dtype, shape, data))| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    safetensors::serialize_to_file(views, None, path).unwrap();
}

/// Changes the tensors of a file of a fresh copy of the checkpoint.
fn changed(file: &str, change: impl FnOnce(&mut Tensors)) -> tempfile::TempDir {
    let folder = checkpoint();
    let path = folder.path().join(file);
    let mut tensors = read(&path);
    change(&mut tensors);
    write(&path, &tensors);
    folder
}

fn open(folder: &Path) -> Result<WanPipeline, WanError> {
    WanPipeline::from_pretrained(folder, &WanOptions { threads: Some(1), ..WanOptions::default() })
}

fn paint(folder: &Path) -> Video {
    let request = TextToVideo {
        prompt: "a red fox".into(),
        width: 32,
        height: 16,
        frames: 5,
        steps: 3,
        shift: 5.0,
        ..TextToVideo::default()
    };
    open(folder).unwrap().paint(&request, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn shards_hold_the_same_model_as_one_file() {
    let folder = checkpoint();
    let path = folder.path().join(TRANSFORMER);
    let tensors = read(&path);
    std::fs::remove_file(&path).unwrap();
    let names = ["part-00001-of-00002.safetensors", "part-00002-of-00002.safetensors"];
    let mut weight_map = BTreeMap::new();
    for (index, shard) in names.into_iter().enumerate() {
        // Every other tensor, so that the parts of one layer lie in both.
        let part: Tensors =
            tensors.clone().into_iter().enumerate().filter(|(n, _)| n % 2 == index).map(|(_, entry)| entry).collect();
        write(&path.with_file_name(shard), &part);
        weight_map.extend(part.into_keys().map(|name| (name, shard)));
    }
    let index = path.with_file_name("diffusion_pytorch_model.safetensors.index.json");
    std::fs::write(&index, serde_json::json!({ "weight_map": weight_map }).to_string()).unwrap();
    assert_eq!(paint(folder.path()), paint(&fixture()));

    std::fs::remove_file(path.with_file_name(names[1])).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, WanError::Read { path, .. } if path.ends_with(names[1])), "{error}");

    std::fs::write(&index, r#"{"weight_map": {"proj_out.bias": "../../secret.safetensors"}}"#).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("../../secret.safetensors"), "{error}");
}

#[test]
fn a_tensor_that_the_index_promises_must_be_in_its_shard() {
    let folder = checkpoint();
    let index = folder.path().join("transformer/diffusion_pytorch_model.safetensors.index.json");
    let shard = "diffusion_pytorch_model.safetensors";
    std::fs::write(index, serde_json::json!({ "weight_map": { "blocks.9.promised": shard } }).to_string()).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(
        matches!(&error, WanError::MissingTensor { tensor, file, .. } if tensor == "blocks.9.promised" && file.ends_with(shard)),
        "{error}"
    );
}

/// f32 to the nearest bf16, ties to even.
fn bf16(bits: u32) -> u16 {
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

fn rounded(tensors: &mut Tensors, store: impl Fn(u32) -> Vec<u8>, dtype: Dtype) {
    for (own, _, data) in tensors.values_mut() {
        *data = data.chunks(4).flat_map(|bytes| store(bf16(u32::from_le_bytes(bytes.try_into().unwrap())) as u32)).collect();
        *own = dtype;
    }
}

#[test]
fn weights_stored_in_bf16_are_the_same_as_their_values_in_f32() {
    let narrow = |tensors: &mut Tensors| rounded(tensors, |bits| (bits as u16).to_le_bytes().to_vec(), Dtype::BF16);
    let wide = |tensors: &mut Tensors| rounded(tensors, |bits| (bits << 16).to_le_bytes().to_vec(), Dtype::F32);
    assert_eq!(paint(changed(TRANSFORMER, narrow).path()), paint(changed(TRANSFORMER, wide).path()));
    let encoder = "text_encoder/model.safetensors";
    assert_eq!(paint(changed(encoder, narrow).path()), paint(changed(encoder, wide).path()));
}

#[test]
fn weights_stored_in_f16_are_read() {
    // 0.5 in f16, which has the same value in every type.
    let folder = changed(TRANSFORMER, |tensors| {
        let (dtype, shape, data) = tensors.get_mut("proj_out.bias").unwrap();
        (*dtype, *data) = (Dtype::F16, [0x00, 0x38].repeat(shape[0]));
    });
    let same = changed(TRANSFORMER, |tensors| {
        let (_, shape, data) = tensors.get_mut("proj_out.bias").unwrap();
        *data = 0.5f32.to_le_bytes().repeat(shape[0]);
    });
    assert_eq!(paint(folder.path()), paint(same.path()));
}

#[test]
fn a_tensor_at_an_odd_address_is_read() {
    // One byte of free text more or less moves every tensor by one byte.
    let folder = checkpoint();
    let path = folder.path().join(TRANSFORMER);
    let bytes = std::fs::read(&path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut moved = (header as u64 + 1).to_le_bytes().to_vec();
    moved.extend_from_slice(&bytes[8..8 + header]);
    moved.push(b' ');
    moved.extend_from_slice(&bytes[8 + header..]);
    std::fs::write(&path, moved).unwrap();
    assert_eq!(paint(folder.path()), paint(&fixture()));
}

#[test]
fn a_tied_table_may_carry_either_name_or_both() {
    let encoder = "text_encoder/model.safetensors";
    let renamed = changed(encoder, |tensors| {
        let table = tensors.remove("shared.weight").unwrap();
        tensors.insert("encoder.embed_tokens.weight".into(), table);
    });
    let both = changed(encoder, |tensors| {
        let table = tensors["shared.weight"].clone();
        tensors.insert("encoder.embed_tokens.weight".into(), table);
    });
    assert_eq!(paint(renamed.path()), paint(&fixture()));
    assert_eq!(paint(both.path()), paint(&fixture()));
}

#[test]
fn a_missing_tensor_is_named_with_its_file_and_shape() {
    let folder = changed(TRANSFORMER, |tensors| drop(tensors.remove("blocks.1.attn2.to_k.weight")));
    match open(folder.path()).unwrap_err() {
        WanError::MissingTensor { tensor, file, expected } => {
            assert_eq!((tensor.as_str(), expected), ("blocks.1.attn2.to_k.weight", vec![24, 24]));
            assert!(file.ends_with(TRANSFORMER), "{}", file.display());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_extra_tensor_is_named_with_its_file() {
    let folder = changed("vae/diffusion_pytorch_model.safetensors", |tensors| {
        tensors.insert("decoder.surprise".into(), (Dtype::F32, vec![1], vec![0; 4]));
    });
    match open(folder.path()).unwrap_err() {
        WanError::ExtraTensor { tensor, file, found } => {
            assert_eq!((tensor.as_str(), found), ("decoder.surprise", vec![1]));
            assert!(file.ends_with("vae/diffusion_pytorch_model.safetensors"));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_misshapen_tensor_is_named_with_both_shapes() {
    // Each component, and a tensor that is only ever read as part of a fused one.
    for (file, tensor, expected) in [
        (TRANSFORMER, "blocks.0.attn1.to_k.bias", vec![24]),
        ("transformer_2/diffusion_pytorch_model.safetensors", "scale_shift_table", vec![1, 2, 24]),
        ("text_encoder/model.safetensors", "encoder.block.0.layer.1.DenseReluDense.wi_1.weight", vec![40, 24]),
        ("vae/diffusion_pytorch_model.safetensors", "decoder.up_blocks.0.upsamplers.0.time_conv.weight", vec![16, 8, 3, 1, 1]),
    ] {
        let folder = changed(file, |tensors| {
            let (_, shape, _) = tensors.get_mut(tensor).unwrap();
            shape.push(1);
        });
        match open(folder.path()).unwrap_err() {
            WanError::Misshapen { tensor: named, file: path, expected: wanted, found } => {
                assert_eq!((named.as_str(), &wanted), (tensor, &expected));
                assert_eq!(found, [expected.as_slice(), &[1]].concat());
                assert!(path.ends_with(file), "{}", path.display());
            }
            other => panic!("{tensor}: {other}"),
        }
    }
}

#[test]
fn an_element_type_that_is_not_a_float_is_refused_by_name() {
    let folder = changed(TRANSFORMER, |tensors| {
        let (dtype, _, _) = tensors.get_mut("proj_out.bias").unwrap();
        *dtype = Dtype::I32;
    });
    let error = open(folder.path()).unwrap_err();
    assert!(
        matches!(&error, WanError::Unsupported { what, .. } if what.contains("proj_out.bias") && what.contains("I32")),
        "{error}"
    );
}

#[test]
fn a_truncated_file_is_an_error_that_names_it() {
    for length in [0, 7, 100, 50_000] {
        let folder = checkpoint();
        let path = folder.path().join(TRANSFORMER);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..length]).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(&error, WanError::Malformed { path, .. } if path.ends_with(TRANSFORMER)), "{length} bytes: {error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_missing_folder_or_file_is_an_error_that_names_it() {
    for missing in ["", "model_index.json", "tokenizer/tokenizer.json", "text_encoder/config.json", "vae", "transformer_2"] {
        let folder = checkpoint();
        let path = folder.path().join(missing);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).unwrap()
        } else {
            std::fs::remove_file(&path).unwrap()
        }
        let error = open(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Checkpoint);
        assert!(error.to_string().contains(path.to_str().unwrap().trim_end_matches('/')), "{missing}: {error}");
    }
}

#[test]
fn broken_settings_are_errors_that_name_their_file() {
    for (file, from, to, says) in [
        ("model_index.json", "WanPipeline", "WanImageToVideoPipeline", "WanImageToVideoPipeline"),
        ("model_index.json", "0.875", "8.75", "boundary_ratio 8.75"),
        ("model_index.json", "{", "[", "column"),
        ("transformer/config.json", "rms_norm_across_heads", "rms_norm", "qk_norm"),
        ("transformer/config.json", "\"in_channels\": 4", "\"in_channels\": 12", "image-to-video"),
        ("transformer/config.json", "\"num_layers\": 2", "\"num_layers\": -2", "line"),
        ("transformer/config.json", "\"attention_head_dim\": 12", "\"attention_head_dim\": 4611686018427387904", "size"),
        ("vae/config.json", "\"base_dim\": 4", "\"base_dim\": -4", "size"),
        ("text_encoder/config.json", "gated-gelu", "relu", "feed_forward_proj"),
        ("vae/config.json", "\"z_dim\": 4", "\"z_dim\": 5", "z_dim"),
        ("vae/config.json", "\"is_residual\": false", "\"attn_scales\": [1.0]", "attn_scales"),
        ("tokenizer/tokenizer.json", "\"</s>\"", "\"</t>\"", "</s>"),
    ] {
        let folder = checkpoint();
        let path = folder.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has {from}");
        let replaced = text.replace("\"attn_scales\": [],", "").replace(from, to);
        std::fs::write(&path, if to == "[" { text.replacen(from, to, 1) } else { replaced }).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Checkpoint, "{file}: {error}");
        let message = error.to_string();
        assert!(message.contains(says) && message.contains(file), "{file} with {to}: {message}");
    }
}
