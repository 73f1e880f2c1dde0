//! The reference page of the command line, docs/commands.md.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::{CommandLine, Exit, help};

const HEAD: &str = "\
# Commands

Every command of `festoon`, as `festoon help COMMAND` shows it. Written by `festoon man --markdown` (`make docs`); do not edit.

Answers go to standard output; progress, notes and errors to standard error. With `--json` the answer is one JSON document on
one line, with the members that each command names below, and an error is the last line of standard error:
`{\"error\": {\"code\", \"message\", \"help\", \"causes\", \"related\"}, \"exit\"}`.
";

/// The page.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    let mut put = |line: std::fmt::Arguments<'_>| page.write_fmt(line).expect("a String takes everything");
    put(format_args!("\n## Exit status\n\n| status | meaning |\n|---|---|\n"));
    for exit in Exit::ALL {
        put(format_args!("| {} | {} |\n", exit.code(), exit.meaning()));
    }
    put(format_args!("\n## Which setting counts\n\n{}\n", help::PRECEDENCE.replace("  1.", "\n  1.").replace("\n`", "\n\n`")));
    let mut command = CommandLine::grammar();
    command.build();
    put(format_args!("\n## With every command\n\n"));
    table(&mut page, command.get_arguments().filter(|argument| argument.is_global_set()));
    for (title, names) in help::GROUPS {
        page.push_str(&format!("\n## {title}\n"));
        for name in names.iter().filter(|name| **name != "help") {
            let verb = command.find_subcommand(name).expect("a test compares the groups with the verbs");
            write(&mut page, verb);
        }
    }
    page
}

/// A command, and those below it.
fn write(page: &mut String, command: &Command) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let title = command.get_bin_name().unwrap_or(command.get_name());
    page.push_str(&format!("\n### {title}\n\n{about}.\n\n```sh\n{usage}\n```\n"));
    let own = |argument: &&Arg| !argument.is_global_set() && argument.get_id() != "help";
    if command.get_arguments().any(|argument| own(&argument)) {
        page.push('\n');
        table(page, command.get_arguments().filter(own));
    }
    if let Some(help) = command.get_after_help() {
        let help = help.to_string();
        let (examples, json) = help.split_once("\n\nWith --json: ").unwrap_or((&help, ""));
        page.push_str(&format!(
            "\n```sh\n{}\n```\n",
            examples.trim_start_matches("Examples:\n").trim_end().replace("\n  ", "\n").trim_start()
        ));
        if !json.is_empty() {
            page.push_str(&format!("\nWith `--json`: {json}\n"));
        }
    }
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        write(page, below);
    }
}

fn table<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    page.push_str("| argument | meaning |\n|---|---|\n");
    for argument in arguments {
        let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let mut notes = Vec::new();
        if let Some(variable) = argument.get_env() {
            notes.push(format!("`{}` in the environment", variable.to_string_lossy()));
        }
        let values: Vec<_> = argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        if !values.is_empty() && argument.get_action().takes_values() {
            notes.push(format!("one of {}", values.join(", ")));
        }
        let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        if !defaults.is_empty() && argument.get_action().takes_values() && !defaults.concat().is_empty() {
            notes.push(format!("`{}` if left out", defaults.join(" ")));
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        let name = argument.to_string().replace('|', "\\|");
        page.push_str(&format!("| `{name}` | {}{notes} |\n", help.replace('|', "\\|")));
    }
}
