//! `festoon-renderer info`.

use std::io::{self, Write};

use festoon_spec::{EncoderId, Painter};
use serde::Serialize;

use crate::{
    config::Config,
    models::{LoraFile, Model},
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
}

/// Prints what the workshop has.
///
/// # Errors
/// If libtorch does not tell its version, or a LoRA folder cannot be read.
pub fn info(config: &Config, workshop: &Workshop, json: bool) -> Result<(), WorkshopError> {
    let info = Info {
        version: env!("CARGO_PKG_VERSION"),
        device: workshop.device.to_string(),
        threads: config.threads,
        torch: festoon_wan::torch::loaded_version()?,
        painters: workshop.painters.iter().map(|painter| painter.id()).collect(),
        encoder: workshop.encoder.id(),
        models: workshop.models.all(),
        loras: workshop.models.loras()?,
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
        for model in self.models {
            page.push_str(&format!("  model     {}  {}  {}\n", model.name, model.digest, model.folder.display()));
        }
        for lora in &self.loras {
            page.push_str(&format!("  lora      {}  {}\n", lora.digest, lora.path.display()));
        }
        page
    }
}
