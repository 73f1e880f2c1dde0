//! The files that a template brings for its overlay: pictures and faces.

use std::{
    fs,
    io::Read,
    path::{Component, Path},
};

use festoon_film::overlay::{Asset, MOST_BYTES};

use super::super::reader::Item;

/// Most bytes of a face.
const MOST_FACE_BYTES: usize = 4 << 20;

/// Reads files beside a template.toml.
pub(super) struct Assets<'f> {
    folder: &'f Path,
}

impl<'f> Assets<'f> {
    pub fn new(folder: &'f Path) -> Self {
        Self { folder }
    }

    /// The picture that is named here.
    pub fn picture(&self, item: &Item<'_>) -> Option<Asset> {
        self.read(item, MOST_BYTES)
    }

    /// The face that is named here.
    pub fn face(&self, item: &Item<'_>) -> Option<Asset> {
        let asset = self.read(item, MOST_FACE_BYTES)?;
        let start = asset.bytes().and_then(|bytes| bytes.get(..4)).unwrap_or_default();
        if !matches!(start, [0, 1, 0, 0] | b"OTTO" | b"true") {
            item.mistake("bad-face", "the file is neither a TrueType nor an OpenType font", None);
            return None;
        }
        Some(asset)
    }

    /// A file in the template's folder and nowhere else.
    fn read(&self, item: &Item<'_>, most: usize) -> Option<Asset> {
        let name = item.text()?.value;
        let path = Path::new(name);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) || path.as_os_str().is_empty() {
            let hint = "name a file in the template's folder, for example `brand/logo.svg`".to_owned();
            item.mistake("bad-path", format!("`{name}` is not the name of a file beside template.toml"), hint);
            return None;
        }
        let path = self.folder.join(path);
        // A link out of the folder would make a template read any file of the server.
        let inside = path.canonicalize().and_then(|path| Ok(path.starts_with(self.folder.canonicalize()?)));
        if matches!(inside, Ok(false)) {
            item.mistake("bad-path", format!("`{name}` leads out of the template's folder"), None);
            return None;
        }
        let mut bytes = Vec::new();
        let read = fs::File::open(&path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            item.mistake("unreadable", format!("cannot read {}: {error}", path.display()), None);
            return None;
        }
        if bytes.len() > most {
            item.mistake("too-large", format!("{} is larger than {most} bytes", path.display()), None);
            return None;
        }
        Some(Asset::of_template(bytes))
    }
}
