//! Finding an installed program and asking for its version.

use std::{
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Cancel, FilmError,
    jail::{Feed, Jail, Limits},
};

/// What printing a version may cost; loading some 130 libraries is most of it.
const VERSION_LIMITS: Limits = Limits {
    patience: Duration::from_secs(60),
    cpu: Duration::from_secs(20),
    address_space: 2 << 30,
    open_files: 64,
    output: 1 << 20,
};

/// The path in this environment variable, or else the first match in `PATH`.
pub(crate) fn find(name: &'static str, variable: &str) -> Result<PathBuf, FilmError> {
    if let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(FilmError::Missing { program: name, looked: format!("{variable} ({})", path.display()) })
        };
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_absolute() && is_program(path))
        .ok_or_else(|| FilmError::Missing { program: name, looked: format!("PATH ({})", folders.display()) })
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The word after `before` in the first line that `program flag` prints.
pub(crate) fn version(program: &Path, flag: &'static str, before: &str) -> Result<String, FilmError> {
    let jail = Jail { program: program.into(), args: vec![flag.into()], limits: VERSION_LIMITS };
    let mut said = Vec::new();
    jail.run::<FilmError>(&Cancel::default(), &mut |_| Ok(Feed::End), &mut |piece| {
        said.extend_from_slice(piece);
        Ok(())
    })?;
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().next().unwrap_or_default();
    let version = line.strip_prefix(before).and_then(|rest| rest.split_whitespace().next());
    version.map(str::to_owned).ok_or_else(|| FilmError::Version {
        program: program.display().to_string(),
        flag,
        said: line.to_owned(),
    })
}
