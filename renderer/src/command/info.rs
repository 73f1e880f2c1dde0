//! `festoon-renderer info`.

use std::io::{self, Write};

use festoon_spec::{EncoderId, Locale, Painter};
use serde::Serialize;

use crate::{
    config::Config,
    models::{Broken, LoraFile, Model},
    workshop::{Workshop, WorkshopError},
};

/// What this machine can paint with, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Info<'a> {
    version: &'static str,
    device: String,
    threads: usize,
    torch: String,
    painters: Vec<Painter>,
    encoder: &'a EncoderId,
    models: &'a [Model],
    loras: Vec<LoraFile>,
    broken: &'a [Broken],
}

/// Prints what the workshop has.
///
/// # Errors
/// If libtorch does not tell its version.
pub fn info(config: &Config, workshop: &Workshop, json: bool) -> Result<(), WorkshopError> {
    let info = Info {
        version: env!("CARGO_PKG_VERSION"),
        device: workshop.device.to_string(),
        threads: config.threads,
        torch: festoon_wan::torch::loaded_version()?,
        painters: workshop.painters.iter().flat_map(|painter| painter.ids()).collect(),
        encoder: workshop.encoder.id(),
        models: workshop.models.all(),
        // Folders that cannot be read are among the broken things.
        loras: workshop.models.loras().unwrap_or_default(),
        broken: workshop.models.broken(),
    };
    let text = if json { serde_json::to_string_pretty(&info).expect("names, numbers and digests are JSON") } else { info.page() };
    // Whoever closed the pipe has read enough.
    let _ = writeln!(io::stdout(), "{}", text.trim_end());
    Ok(())
}

impl Info<'_> {
    fn page(&self) -> String {
        let painters: Vec<&str> = self.painters.iter().map(|painter| painter.0.as_str()).collect();
        let mut page = format!(
            "festoon-renderer {}\n  device    {} ({} threads)\n  libtorch  {}\n  painters  {}\n  encoder   {}\n",
            self.version,
            self.device,
            self.threads,
            self.torch,
            painters.join(", "),
            self.encoder,
        );
        if self.models.is_empty() {
            page.push_str("  models    none: the wan painter needs one (--model NAME=FOLDER)\n");
        }
        for Model { name, folder, digest, bytes, abilities, gates } in self.models {
            let sizes: Vec<String> = abilities.sizes.iter().map(ToString::to_string).collect();
            let languages: Vec<&str> = abilities.prompt.languages.iter().map(Locale::as_str).collect();
            let (frames, sampling) = (abilities.frames, &abilities.sampling);
            let counts = if frames.least == frames.most {
                frames.most.to_string()
            } else {
                format!("{} to {}", frames.least, frames.most)
            };
            page.push_str(&format!(
                "  model     {name}  {digest}  {}\n            {} ({}, {}), {:.1} MB\n            {}; {counts} frames at {} fps; prompts in {}, {} tokens\n            {} {} steps (at most {}), shift {}, guidance {} and {}\n",
                folder.display(),
                abilities.title,
                abilities.kind,
                abilities.licence,
                *bytes as f64 / 1.0e6,
                sizes.join(", "),
                abilities.fps,
                languages.join(", "),
                abilities.prompt.tokens,
                sampling.sampler.name(),
                sampling.steps,
                sampling.most_steps,
                sampling.shift,
                sampling.guidance_high,
                sampling.guidance_low,
            ));
            if !gates.passed.is_empty() {
                let missed: Vec<&str> = gates.missed().collect();
                let passed = gates.passed.len() - missed.len();
                page.push_str(&format!("            {passed} of {} gates passed", gates.passed.len()));
                page.push_str(&missed.iter().map(|gate| format!("; missed: {gate}")).collect::<String>());
                page.push('\n');
            }
        }
        for lora in &self.loras {
            page.push_str(&format!("  lora      {}  {}\n", lora.digest, lora.path.display()));
        }
        for Broken { what, error, hint } in self.broken {
            page.push_str(&format!("  broken    {what}: {error}\n"));
            if let Some(hint) = hint {
                page.push_str(&format!("            hint: {hint}\n"));
            }
        }
        page
    }
}
