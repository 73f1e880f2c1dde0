//! `cargo run --release -p festoon-wan --example check -- DIR` compares this package with a folder of reference numbers:
//! a checkpoint beside `cases.json` and `reference.safetensors`. It prints one JSON line per case, and one for the probes
//! of single modules, and exits with 1 if any of them fails.

mod conformance;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: check DIR");
        return ExitCode::from(2);
    };
    match conformance::check(folder.as_ref(), &mut |report| println!("{}", report.line())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::from(2)
        }
    }
}
