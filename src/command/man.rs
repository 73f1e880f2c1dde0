//! `festoon man`: the manual, as pages for `man` or as one page for the web.

use std::{fs, path::PathBuf};

use miette::{IntoDiagnostic, WrapErr};
use serde_json::json;

use super::{CommandLine, Exit, Invocation, reference::reference};

/// What `--help` says below the arguments.
pub const HELP: &str = "\
Examples:
  festoon man /usr/local/share/man/man1
  festoon man --markdown > docs/commands.md

With --json: {pages}; with --markdown: {markdown}";

/// Arguments of `festoon man`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder that the pages are written into, one for each command; it is made if it is not there
    #[arg(value_name = "DIR", required_unless_present = "markdown")]
    folder: Option<PathBuf>,
    /// Print one page with all commands, in Markdown
    #[arg(long, conflicts_with = "folder")]
    markdown: bool,
}

/// Writes or prints the manual.
///
/// # Errors
/// If a page cannot be written.
pub fn run(arguments: Arguments, invocation: &Invocation) -> miette::Result<Exit> {
    let Some(folder) = arguments.folder else {
        let page = reference();
        invocation.answer(&json!({ "markdown": page }), || page.trim_end().to_owned());
        return Ok(Exit::Done);
    };
    let wrong = || format!("cannot write manual pages into {}", folder.display());
    fs::create_dir_all(&folder).into_diagnostic().wrap_err_with(wrong)?;
    clap_mangen::generate_to(CommandLine::grammar(), &folder).into_diagnostic().wrap_err_with(wrong)?;
    let mut pages = Vec::new();
    for entry in fs::read_dir(&folder).into_diagnostic().wrap_err_with(wrong)? {
        let name = entry.into_diagnostic().wrap_err_with(wrong)?.file_name().to_string_lossy().into_owned();
        if name.starts_with("festoon") && name.ends_with(".1") {
            pages.push(name);
        }
    }
    pages.sort();
    invocation.answer(&json!({ "pages": pages }), || format!("{} pages are in {}", pages.len(), folder.display()));
    Ok(Exit::Done)
}
