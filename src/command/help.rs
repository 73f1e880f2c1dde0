//! What `festoon --help` shows: the verbs in groups, the order of settings, and how the program ends.

use std::fmt::Write as _;

use clap::Command;

use super::Exit;

/// The verbs, by what somebody wants to do.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    ("Run it", &["up", "serve"]),
    ("Write templates", &["new", "preview", "check"]),
    ("Paint ahead", &["prerender", "schedule"]),
    ("Deliver", &["key", "sign", "warm", "purge", "takedown"]),
    ("Look after it", &["doctor", "gc", "reindex"]),
    ("Set it up", &["config", "completions", "man", "help"]),
];

/// Which setting counts.
pub(super) const PRECEDENCE: &str = "\
A setting is taken from the first of these that has it:
  1. the command line, such as --port 80 (and FESTOON_STATE for --state)
  2. the environment: FESTOON__SECTION__KEY, such as FESTOON__SERVER__LISTEN=0.0.0.0:80
  3. the settings file: --config FILE, else config/festoon.toml where festoon is started
  4. the default
`festoon config show --effective` shows each with where it comes from.";

/// Puts the help of the whole together.
pub(super) fn dress(command: Command) -> Command {
    let mut verbs = String::new();
    for (title, names) in GROUPS {
        writeln!(verbs, "{title}:").expect("a String takes everything");
        for name in *names {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
            // clap adds this one by itself, later.
            let about = about.unwrap_or_else(|| "Show the help of a command, with examples".to_owned());
            writeln!(verbs, "  {name:<12} {about}").expect("a String takes everything");
        }
        verbs.push('\n');
    }
    let template =
        format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{verbs}Everywhere:\n{{options}}{{after-help}}");
    command
        .help_template(template)
        .after_help("`festoon help COMMAND` has examples; `festoon --help` also says how it ends and which setting counts.")
        .after_long_help(format!("{PRECEDENCE}\n\nExit status:\n{}", Exit::table()))
}
