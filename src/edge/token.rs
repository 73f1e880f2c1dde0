//! What renderers show to be let in: one secret per installation, in the state folder, readable by its owner only.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Name of the file in the state folder.
const FILE: &str = "renderer.token";

/// The secret. Never printed, never logged.
#[derive(Clone)]
pub struct RendererToken(String);

/// The token's file failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot use the renderers' token in {path}: {source}")]
#[diagnostic(help("make the file readable by the user that runs festoon, or set `token` of [renderers]"))]
pub struct TokenError {
    path: PathBuf,
    source: io::Error,
}

impl RendererToken {
    /// The configured token, or the one in the state folder, which is made if there is none.
    ///
    /// # Errors
    /// If the file can neither be read nor made.
    pub fn open(configured: &str, state: &Path) -> Result<Self, TokenError> {
        if !configured.is_empty() {
            return Ok(Self(configured.to_owned()));
        }
        let path = state.join(FILE);
        let failed = |source| TokenError { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= 32 => return Ok(Self(text.trim().to_owned())),
            // A file cut short by a crash holds no secret worth keeping.
            Ok(_) => fs::remove_file(&path).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        io::Write::write_all(&mut file, token.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self(token))
    }

    /// The configured token, or the one that a server has put into the state folder; nothing is made.
    pub fn known(configured: &str, state: &Path) -> Option<String> {
        if !configured.is_empty() {
            return Some(configured.to_owned());
        }
        // Err: no server was ever here, or its secret is not ours to read; then the server asks for it and says where it is.
        fs::read_to_string(state.join(FILE)).ok().map(|text| text.trim().to_owned())
    }

    /// Whether this is it. Takes the same time wherever they differ: hashes are compared, in constant time.
    pub fn opens(&self, shown: &str) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(shown.as_bytes())
    }

    /// The secret itself, for a renderer's environment.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RendererToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RendererToken")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_reads_it() {
        let state = tempfile::tempdir().unwrap();
        let first = RendererToken::open("", state.path()).unwrap();
        let again = RendererToken::open("", state.path()).unwrap();
        assert!(first.reveal().len() == 64 && again.opens(first.reveal()) && !again.opens("guess"));
        assert_eq!(fs::metadata(state.path().join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{first:?}").contains(first.reveal()));
    }

    #[test]
    fn a_token_that_was_cut_short_is_made_again() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join(FILE), "ab").unwrap();
        assert_eq!(RendererToken::open("", state.path()).unwrap().reveal().len(), 64);
        let known = RendererToken::known("", state.path());
        assert_eq!(known.as_deref(), Some(RendererToken::open("", state.path()).unwrap().reveal()));
        assert_eq!(RendererToken::known("", Path::new("/nowhere")), None);
    }

    #[test]
    fn a_configured_token_is_taken_as_it_is() {
        let token = RendererToken::open("s3cret", Path::new("/nowhere")).unwrap();
        assert!(token.opens("s3cret") && !token.opens("s3cre") && !token.opens(""));
    }
}
