//! Requests: what they may ask, what they report, and how they stop.

use crate::fixture;
use festoon_wan::{
    DType, ErrorKind, Expert, Lora, Noise, Progress, Sampler, Stage, TextToVideo, Tiling, Video, WanError, WanOptions,
    WanPipeline,
};
use std::ops::ControlFlow;

fn pipeline() -> WanPipeline {
    WanPipeline::from_pretrained(&fixture(), &WanOptions { threads: Some(1), ..WanOptions::default() }).unwrap()
}

/// Small, with both experts and guidance.
fn request() -> TextToVideo {
    TextToVideo {
        prompt: "a red fox".into(),
        width: 32,
        height: 16,
        frames: 5,
        steps: 4,
        shift: 5.0,
        noise: Noise::Key([3; 32]),
        ..TextToVideo::default()
    }
}

fn paint(pipeline: &mut WanPipeline, request: &TextToVideo) -> Result<Video, WanError> {
    pipeline.paint(request, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn the_same_request_gives_the_same_bytes_again() {
    let mut one = pipeline();
    let first = paint(&mut one, &request()).unwrap();
    assert_eq!((first.width, first.height, first.frames, first.rgb.len()), (32, 16, 5, 32 * 16 * 5 * 3));
    assert_eq!(paint(&mut one, &request()).unwrap(), first);
    assert_eq!(paint(&mut pipeline(), &request()).unwrap(), first);
}

#[test]
fn another_key_or_prompt_or_size_gives_another_clip() {
    let mut pipeline = pipeline();
    let first = paint(&mut pipeline, &request()).unwrap();
    let others = [
        TextToVideo { noise: Noise::Key([4; 32]), ..request() },
        TextToVideo { prompt: "a blue fox".into(), ..request() },
        TextToVideo { negative: "static".into(), ..request() },
        TextToVideo { sampler: Sampler::Euler, ..request() },
        TextToVideo { guidance_2: Some(1.5), ..request() },
    ];
    for other in others {
        assert_ne!(paint(&mut pipeline, &other).unwrap().rgb, first.rgb, "{other:?}");
    }
}

#[test]
fn progress_counts_every_part_in_order() {
    let mut seen = Vec::new();
    pipeline()
        .paint(&request(), &mut |Progress { stage, done, of }| {
            seen.push((stage, done, of));
            ControlFlow::Continue(())
        })
        .unwrap();
    let mut expected: Vec<_> = (0..=2).map(|done| (Stage::Text, done, 2)).collect();
    expected.extend((0..=4).map(|done| (Stage::Denoise, done, 4)));
    let (parts, decode) = seen.split_at(expected.len());
    assert_eq!(parts, expected);
    assert_eq!(decode.first(), Some(&(Stage::Decode, 0, 2)));
    assert_eq!(decode.last(), Some(&(Stage::Decode, 2, 2)));
    assert!(decode.is_sorted_by_key(|part| part.1));
}

#[test]
fn a_break_stops_between_any_two_steps_and_leaves_the_pipeline_usable() {
    let mut pipeline = pipeline();
    let whole = paint(&mut pipeline, &request()).unwrap();
    let mut calls = 0;
    for stop in 0.. {
        calls = 0;
        let outcome = pipeline.paint(&request(), &mut |_| {
            calls += 1;
            if calls > stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match outcome {
            Err(error) => assert_eq!((error.kind(), calls), (ErrorKind::Cancelled, stop + 1)),
            Ok(video) => {
                assert_eq!(video, whole);
                break;
            }
        }
    }
    assert!(calls > 8, "three stages were stopped in {calls} places");
}

#[test]
fn what_cannot_be_painted_is_refused_by_field() {
    let lora = |expert| Lora { path: fixture().join("lora/peft_low.safetensors"), expert, weight: f64::NAN };
    let cases = [
        ("width", TextToVideo { width: 40, ..request() }),
        ("width", TextToVideo { width: 0, ..request() }),
        ("height", TextToVideo { height: 100_000, ..request() }),
        ("frames", TextToVideo { frames: 0, ..request() }),
        ("frames", TextToVideo { frames: u32::MAX, ..request() }),
        ("steps", TextToVideo { steps: 0, ..request() }),
        ("steps", TextToVideo { steps: usize::MAX, ..request() }),
        ("shift", TextToVideo { shift: 0.0, ..request() }),
        ("shift", TextToVideo { shift: f64::NAN, ..request() }),
        ("solver_order", TextToVideo { solver_order: 4, ..request() }),
        ("guidance", TextToVideo { guidance: f64::INFINITY, ..request() }),
        ("guidance_2", TextToVideo { guidance_2: Some(f64::NAN), ..request() }),
        ("boundary", TextToVideo { boundary: Some(-0.1), ..request() }),
        ("prompt", TextToVideo { prompt: "a".repeat(65_537), ..request() }),
        ("max_sequence_length", TextToVideo { max_sequence_length: 513, ..request() }),
        ("loras", TextToVideo { loras: vec![lora(Expert::High)], ..request() }),
    ];
    let mut pipeline = pipeline();
    for (expected, request) in cases {
        match paint(&mut pipeline, &request) {
            Err(WanError::Input { field, .. }) => assert_eq!(field, expected, "{request:?}"),
            other => panic!("{request:?} gave {other:?}"),
        }
    }
}

#[test]
fn frames_are_rounded_down_and_a_single_one_is_a_picture() {
    let mut pipeline = pipeline();
    for (asked, painted) in [(1, 1), (2, 1), (4, 5), (7, 5), (8, 9)] {
        // 4 gives 5 because upstream's rule is n / 4 * 4 + 1 whenever n is not 4k + 1.
        let video = paint(&mut pipeline, &TextToVideo { frames: asked, steps: 1, ..request() }).unwrap();
        assert_eq!(video.frames, painted, "of {asked}");
    }
}

#[test]
fn every_lora_key_style_merges_to_the_same_numbers() {
    let mut pipeline = pipeline();
    let plain = paint(&mut pipeline, &request()).unwrap();
    let mut with = |name: &str, weight| {
        let lora = Lora { path: fixture().join(format!("lora/{name}.safetensors")), expert: Expert::High, weight };
        paint(&mut pipeline, &TextToVideo { loras: vec![lora], ..request() }).unwrap()
    };
    // bare and musubi are one LoRA; peft has its tensors without alpha 1 on rank 2, so half its weight is the same.
    let bare = with("bare_high", 1.0);
    assert_ne!(bare, plain);
    assert_eq!(with("musubi_high", 1.0), bare);
    assert_eq!(with("peft_high", 0.5), bare);
    assert_eq!(with("bare_high", 0.0), plain);
    assert_eq!(paint(&mut pipeline, &request()).unwrap(), plain, "a LoRA is gone with its request");
}

#[test]
fn a_lora_that_does_not_fit_names_its_tensor_and_changes_nothing() {
    let mut pipeline = pipeline();
    let plain = paint(&mut pipeline, &request()).unwrap();
    let lora = |path| TextToVideo { loras: vec![Lora { path, expert: Expert::High, weight: 1.0 }], ..request() };
    let other = paint(&mut pipeline, &lora(fixture().join("vae/diffusion_pytorch_model.safetensors"))).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Checkpoint);
    assert!(other.to_string().contains("decoder.conv_in.bias"), "{other}");
    let missing = paint(&mut pipeline, &lora(fixture().join("lora/none.safetensors"))).unwrap_err();
    assert!(missing.to_string().contains("none.safetensors"), "{missing}");
    assert_eq!(paint(&mut pipeline, &request()).unwrap(), plain);
}

#[test]
fn numbers_that_overflow_are_reported_and_not_painted() {
    let lora = Lora { path: fixture().join("lora/peft_high.safetensors"), expert: Expert::High, weight: 1e30 };
    let error = paint(&mut pipeline(), &TextToVideo { loras: vec![lora], ..request() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFinite);
}

#[test]
fn tiles_larger_than_the_picture_change_nothing() {
    let whole = paint(&mut pipeline(), &request()).unwrap();
    let mut tiled = WanPipeline::from_pretrained(
        &fixture(),
        &WanOptions { vae_tiling: Some(Tiling::default()), threads: Some(1), ..WanOptions::default() },
    )
    .unwrap();
    assert_eq!(paint(&mut tiled, &request()).unwrap(), whole);
}

#[test]
fn half_precision_overflows_and_is_refused() {
    let options = WanOptions { dtype: Some(DType::F16), ..WanOptions::default() };
    assert_eq!(WanPipeline::from_pretrained(&fixture(), &options).unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn a_pipeline_can_move_to_another_thread() {
    let mut pipeline = pipeline();
    let here = paint(&mut pipeline, &request()).unwrap();
    let there = std::thread::spawn(move || paint(&mut pipeline, &request()).unwrap()).join().unwrap();
    assert_eq!(here, there);
}

#[test]
fn it_says_where_it_runs_on_what_and_how_much_memory_it_took() {
    let pipeline = pipeline();
    assert_eq!(pipeline.device().to_string(), "cpu");
    assert!(!pipeline.device().name().is_empty());
    assert!(pipeline.torch_version().unwrap().starts_with("2.11.0"));
    assert!(pipeline.peak_memory().unwrap().unwrap() > 10 << 20);
}
