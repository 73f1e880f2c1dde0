//! Finding an installed program and asking for its version.

use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Cancel, FilmError,
    jail::{Jail, Limits},
};

/// What printing a version or a list may cost; loading some 130 libraries is most of it.
const VERSION_LIMITS: Limits = Limits {
    patience: Duration::from_secs(60),
    cpu: Duration::from_secs(20),
    address_space: 2 << 30,
    open_files: 64,
    output: 1 << 20,
};

/// The path in this environment variable, or else the first match in `PATH`.
pub(crate) fn find(name: &'static str, variable: &'static str) -> Result<PathBuf, FilmError> {
    search(name, variable, env::var_os(variable), &env::var_os("PATH").unwrap_or_default())
}

fn search(name: &'static str, variable: &str, named: Option<OsString>, folders: &OsStr) -> Result<PathBuf, FilmError> {
    let (found, looked) = match named.filter(|path| !path.is_empty()) {
        Some(path) => {
            // The jail stands in another folder.
            let whole = std::path::absolute(&path).ok();
            (whole.filter(|path| is_program(path)), format!("{variable} ({})", path.display()))
        }
        None => {
            // What a relative folder of PATH holds depends on where one stands.
            let mut places = env::split_paths(folders).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name));
            (places.find(|path| is_program(path)), format!("PATH ({})", folders.display()))
        }
    };
    found.ok_or(FilmError::Missing { program: name, looked })
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The word after `before` in the first line that `program flag` prints.
pub(crate) fn version(program: &Path, flag: &'static str, before: &str) -> Result<String, FilmError> {
    let said = said(program, flag)?;
    let line = said.lines().next().unwrap_or_default();
    let version = line.strip_prefix(before).and_then(|rest| rest.split_whitespace().next());
    version.map(str::to_owned).ok_or_else(|| FilmError::Version {
        program: program.display().to_string(),
        flag,
        said: line.to_owned(),
    })
}

/// The second word of each line that `program flag` prints: how `ffmpeg` lists what it has.
pub(crate) fn listed(program: &Path, flag: &'static str) -> Result<Vec<String>, FilmError> {
    let said = said(program, flag)?;
    Ok(said.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect())
}

fn said(program: &Path, flag: &'static str) -> Result<String, FilmError> {
    let jail = Jail { program: program.into(), args: vec![flag.into()], limits: VERSION_LIMITS };
    let said = jail.output::<FilmError>(&Cancel::default(), &mut &[][..])?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_variable_comes_before_the_path() {
        let found = |named: Option<&str>| search("sh", "FESTOON_SH", named.map(Into::into), "/nowhere:bin:/bin".as_ref());
        assert_eq!(found(None).unwrap(), Path::new("/bin/sh"));
        assert_eq!(found(Some("")).unwrap(), Path::new("/bin/sh"));
        assert_eq!(found(Some("/bin/cat")).unwrap(), Path::new("/bin/cat"));
    }

    #[test]
    fn a_missing_program_is_named_with_where_it_was_looked_for_and_how_to_get_it() {
        let error = search("x264", "FESTOON_X264", None, "/nowhere".as_ref()).unwrap_err();
        assert_eq!(error.to_string(), "x264 is not installed: looked in PATH (/nowhere)");
        let hint = "install it (Debian: apt-get install x264) or name its path in FESTOON_X264";
        assert_eq!(error.hint().as_deref(), Some(hint));
        let error = search("x264", "FESTOON_X264", Some("/etc/passwd".into()), "/bin".as_ref()).unwrap_err();
        assert_eq!(error.to_string(), "x264 is not installed: looked in FESTOON_X264 (/etc/passwd)");
    }
}
