//! The numbers are the reference's.

use crate::conformance::{self, Outcome};
use crate::fixture;
use festoon_wan::{WanOptions, WanPipeline, prompt_clean};

#[derive(serde::Deserialize)]
struct TextCases {
    clean: Vec<(String, String)>,
    ids: Vec<(String, Vec<i64>)>,
}

fn text_cases() -> TextCases {
    serde_json::from_slice(&std::fs::read(fixture().join("text_cases.json")).unwrap()).unwrap()
}

#[test]
fn every_stage_of_every_case_is_within_the_tolerances() {
    let mut lines = Vec::new();
    let mut passed = 0;
    let right = conformance::check(&fixture(), &mut |report| {
        passed += usize::from(report.outcome() == Outcome::Pass);
        lines.push(report.line());
    });
    assert!(right.unwrap(), "{}", lines.join("\n"));
    assert_eq!(passed, 15, "13 cases of two experts, one of a single expert, and the probes:\n{}", lines.join("\n"));
}

#[test]
fn prompts_are_cleaned_as_ftfy_and_html_clean_them() {
    for (text, clean) in text_cases().clean {
        assert_eq!(prompt_clean(&text), clean, "of {text:?}");
    }
}

#[test]
fn tokens_are_those_of_transformers() {
    let pipeline = WanPipeline::from_pretrained(&fixture(), &WanOptions { threads: Some(1), ..WanOptions::default() }).unwrap();
    for (text, ids) in text_cases().ids {
        assert_eq!(pipeline.token_ids(&text, 512).unwrap(), ids, "of {text:?}");
    }
}
