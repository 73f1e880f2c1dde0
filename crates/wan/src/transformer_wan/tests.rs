//! Each rule of the transformer against what the reference's own modules gave for the same input.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::component::Component;
use crate::safetensors::SafeTensorsFile;
use std::sync::Arc;

/// f32 rounding through one block.
const TOLERANCE: f32 = 5e-6;

struct Probes {
    file: Arc<SafeTensorsFile>,
    component: Component<WanTransformer3DModel>,
}

impl Probes {
    fn open() -> Self {
        crate::torch::set_threads(1);
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture");
        let file = SafeTensorsFile::open(&fixture.join("reference.safetensors")).unwrap();
        Probes { file, component: Component::open(&fixture.join("transformer")).unwrap() }
    }

    fn model(&mut self) -> &WanTransformer3DModel {
        self.component.load(Place::On(Device::Cpu, DType::F32)).unwrap()
    }

    fn get(&self, name: &str) -> Tensor {
        self.file.tensor(&format!("probe/tf.{name}")).unwrap().unwrap()
    }

    /// One of the two samples, still as a batch.
    fn sample(&self, name: &str, index: i64) -> Tensor {
        self.get(name).narrow(0, index, 1).unwrap()
    }
}

/// The timesteps of the two samples, which the file keeps as integers.
const TIMESTEPS: [f32; 2] = [999.0, 437.0];
/// How many rows of their texts are real; 40 in all.
const TOKENS: [i64; 2] = [11, 29];

#[track_caller]
fn assert_close(ours: &Tensor, expected: &Tensor, tolerance: f32) {
    assert_eq!(ours.shape(), expected.shape());
    let distance = ours.to_vec().unwrap().iter().zip(expected.to_vec().unwrap()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(distance <= tolerance, "{distance} > {tolerance}");
}

#[test]
fn rotary_angles_are_the_references() {
    let mut probes = Probes::open();
    let (cos, sin) = (probes.get("rope_cos"), probes.get("rope_sin")); // [45, head_dim], each value twice
    let head_dim = probes.model().config.attention_head_dim;
    let table = Tensor::from_f32(&rotary_table(head_dim, [3, 3, 5]), &[45, head_dim / 2, 2]).unwrap().unbind(-1).unwrap();
    for (ours, expected) in table.iter().zip([cos, sin]) {
        assert_close(&ours.repeat_interleave(2, -1).unwrap(), &expected, 1e-7);
    }
}

#[test]
fn rotary_pairs_are_shared_out_among_time_height_and_width() {
    // 128 wide heads: 44 for time, 42 each for height and width, as in the large checkpoints.
    let table = rotary_table(128, [2, 2, 2]);
    let angles = |token: usize| table[token * 128..][..128].chunks(2).map(|pair| pair[1].atan2(pair[0])).collect::<Vec<_>>();
    let moving =
        |token| angles(token).iter().enumerate().filter(|(_, angle)| **angle != 0.0).map(|(pair, _)| pair).collect::<Vec<_>>();
    assert_eq!(moving(0), Vec::<usize>::new());
    assert_eq!(moving(1), (43..64).collect::<Vec<_>>(), "the next column");
    assert_eq!(moving(2), (22..43).collect::<Vec<_>>(), "the next row");
    assert_eq!(moving(4), (0..22).collect::<Vec<_>>(), "the next frame");
}

#[test]
fn the_time_embedding_and_its_projection_are_the_references() {
    let mut probes = Probes::open();
    let (temb, proj) = (probes.get("temb"), probes.get("timestep_proj"));
    let model = probes.model();
    let (ours, ours_proj) = model.condition_embedder.time(&Tensor::from_f32(&TIMESTEPS, &[2]).unwrap(), DType::F32).unwrap();
    assert_close(&ours, &temb, TOLERANCE);
    assert_close(&ours_proj.reshape(&[2, -1]).unwrap(), &proj, TOLERANCE);
}

#[test]
fn the_text_embedding_is_the_references_and_padding_is_one_vector() {
    let mut probes = Probes::open();
    let (text, expected) = (probes.get("text"), probes.get("context"));
    let ours = probes.model().condition_embedder.text(&text).unwrap();
    assert_close(&ours, &expected, TOLERANCE);
    let padding = ours.narrow(0, 0, 1).unwrap().narrow(1, TOKENS[0], 40 - TOKENS[0]).unwrap();
    assert_close(&padding, &padding.narrow(1, 0, 1).unwrap().expand(&padding.shape()).unwrap(), 0.0);
}

#[test]
fn the_parts_of_a_block_are_the_references() {
    let mut probes = Probes::open();
    for (index, &timestep) in TIMESTEPS.iter().enumerate() {
        let sample = |name: &str| probes.sample(name, index as i64);
        let (patch, text) = (sample("patch"), sample("text"));
        let (attn1, attn2, ffn, out) = (sample("block0_attn1"), sample("block0_attn2"), sample("block0_ffn"), sample("block0"));
        let model = probes.model();
        let config = &model.config;
        let rope = model.rope(3, 6, 10).unwrap();
        let rows = text.reshape(&[40, -1]).unwrap().narrow(0, 0, TOKENS[index]).unwrap();
        let context = model.text_context(&[&PromptEmbeds { rows, total: 40 }]).unwrap();
        let tokens = patch.reshape(&[1, config.inner_dim(), 45]).unwrap().transpose(1, 2).unwrap();
        let (_, proj) = model.condition_embedder.time(&Tensor::from_f32(&[timestep], &[1]).unwrap(), DType::F32).unwrap();
        let block = &model.blocks[0];
        let m = block.scale_shift_table.add(&proj).unwrap().unbind(-2).unwrap();

        let ours = block.attn1.forward(&modulated_norm(&tokens, &m[0], &m[1], config.eps).unwrap(), &rope, config).unwrap();
        assert_close(&ours, &attn1, TOLERANCE);
        let hidden = gated_sum(&tokens, &ours, &m[2]).unwrap();
        let normed = block.cross_norm(&hidden, config.eps).unwrap();
        let ours = block.attn2.forward(&normed, &context.key_values[0], context.bias.as_ref(), config).unwrap();
        assert_close(&ours, &attn2, TOLERANCE);
        let hidden = hidden.add(&ours).unwrap();
        let inner =
            block.ffn_in.forward(&modulated_norm(&hidden, &m[3], &m[4], config.eps).unwrap()).unwrap().gelu_tanh().unwrap();
        assert_close(&block.ffn_out.forward(&inner).unwrap(), &ffn, TOLERANCE);
        let ours = block.forward(&tokens, &proj, &context.key_values[0], &context, &rope, config).unwrap();
        assert_close(&ours, &out, TOLERANCE);
    }
}

#[test]
fn patches_are_taken_channel_first() {
    let mut probes = Probes::open();
    let (hidden, expected) = (probes.get("hidden"), probes.get("patch"));
    let model = probes.model();
    let patches = hidden.reshape(&[2, 4, 3, 3, 2, 5, 2]).unwrap().permute(&[0, 2, 3, 5, 1, 4, 6]).unwrap();
    let ours = model.patch_embedding.forward(&patches.reshape(&[2, 45, 16]).unwrap()).unwrap();
    assert_close(&ours.transpose(1, 2).unwrap().reshape(&[2, -1, 3, 3, 5]).unwrap(), &expected, TOLERANCE);
}

#[test]
fn one_weighted_pad_row_equals_all_of_them() {
    let mut probes = Probes::open();
    let (hidden, text) = (probes.sample("hidden", 0), probes.sample("text", 0).reshape(&[40, -1]).unwrap());
    let model = probes.model();
    let rope = model.rope(3, 6, 10).unwrap();
    let time = Tensor::from_f32(&[500.0], &[1]).unwrap();
    let with = |rows: i64| {
        let prompt = PromptEmbeds { rows: text.narrow(0, 0, rows).unwrap(), total: 40 };
        model.forward(&hidden, &time, &model.text_context(&[&prompt]).unwrap(), &rope).unwrap()
    };
    assert_close(&with(TOKENS[0]), &with(40), TOLERANCE);
}

#[test]
fn a_batch_gives_what_its_prompts_give_alone() {
    let mut probes = Probes::open();
    let (hidden, text) = (probes.sample("hidden", 0), probes.get("text"));
    let model = probes.model();
    let rope = model.rope(3, 6, 10).unwrap();
    let time = Tensor::from_f32(&[500.0], &[1]).unwrap();
    // Of different length, so that one of them is masked where the other is not.
    let prompts = [0, 1].map(|index: usize| {
        let rows = text.narrow(0, index as i64, 1).unwrap().reshape(&[40, -1]).unwrap().narrow(0, 0, TOKENS[index]).unwrap();
        PromptEmbeds { rows, total: 40 }
    });
    let forward =
        |prompts: &[&PromptEmbeds]| model.forward(&hidden, &time, &model.text_context(prompts).unwrap(), &rope).unwrap();
    let together = forward(&[&prompts[0], &prompts[1]]);
    for (index, prompt) in prompts.iter().enumerate() {
        assert_close(&together.narrow(0, index as i64, 1).unwrap(), &forward(&[prompt]), TOLERANCE);
    }
}
