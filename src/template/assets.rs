//! The files that a template brings: pictures and faces for its overlay, beds for its sound.

use std::{
    fs,
    io::Read,
    path::{Component, Path},
};

use festoon_film::{
    Bed, MOST_BED_BYTES,
    overlay::{Asset, MOST_BYTES},
};

use super::reader::Item;

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
        self.read(item, MOST_BYTES).map(Asset::of_template)
    }

    /// The face that is named here.
    pub fn face(&self, item: &Item<'_>) -> Option<Asset> {
        let bytes = self.read(item, MOST_FACE_BYTES)?;
        if !matches!(bytes.get(..4).unwrap_or_default(), [0, 1, 0, 0] | b"OTTO" | b"true") {
            item.mistake("bad-face", "the file is neither a TrueType nor an OpenType font", None);
            return None;
        }
        Some(Asset::of_template(bytes))
    }

    /// The bed that is named here, read through.
    pub fn bed(&self, item: &Item<'_>) -> Option<Bed> {
        let bed = Bed::open(self.read(item, MOST_BED_BYTES)?);
        let hint = || Some("save it as a WAV, a FLAC or an Ogg Vorbis file of one or two channels".to_owned());
        bed.map_err(|error| item.mistake("bad-bed", format!("the bed cannot be used: {error}"), hint())).ok()
    }

    /// A file in the template's folder and nowhere else.
    fn read(&self, item: &Item<'_>, most: usize) -> Option<Vec<u8>> {
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
        Some(bytes)
    }
}
