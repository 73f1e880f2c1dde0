//! What is wrong with a folder of templates: every mistake, each with its place and what would be right.

use std::{
    fmt, fs,
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use serde::{Serialize, ser::SerializeStruct};

/// Most bytes of one file.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// One mistake in one file.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// A stable name, for example `unknown-key`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
    /// The file, and the bytes in it that are wrong.
    pub place: Place,
}

/// Where a mistake is.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Bytes of its text. Empty at 0 if the whole file is meant.
    pub span: Range<usize>,
}

/// A file that was read, kept to show its lines.
#[derive(Debug)]
pub struct SourceFile {
    /// Its path as given to the check.
    pub path: PathBuf,
    source: NamedSource<Arc<String>>,
}

impl SourceFile {
    /// Reads a file that is not larger than it may be.
    pub(super) fn open(path: &Path) -> Result<Arc<SourceFile>, Mistake> {
        let mut bytes = Vec::new();
        let read = fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        read.map_err(|error| Mistake::unreadable(path, &error))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Mistake::of_file(path, "too-large", format!("the file is larger than {MAX_FILE_BYTES} bytes")));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Arc::new(SourceFile::new(path.to_owned(), text))),
            Err(error) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
                Err(Mistake::of_file(path, "not-utf-8", format!("the file is not UTF-8 from line {line} on")))
            }
        }
    }

    /// Keeps `text` of the file at `path`.
    pub fn new(path: PathBuf, text: String) -> Self {
        let source = NamedSource::new(path.to_string_lossy(), Arc::new(text)).with_language("toml");
        Self { path, source }
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        self.source.inner()
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let before = &self.text()[..self.text().floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

impl Mistake {
    /// One that is not in a line, but in the whole file or folder.
    pub(super) fn of_file(path: &Path, code: &'static str, message: String) -> Self {
        let file = Arc::new(SourceFile::new(path.to_owned(), String::new()));
        Self { code, message, hint: None, place: Place { file, span: 0..0 } }
    }

    /// A file or folder that the system does not give.
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::of_file(path, "unreadable", format!("cannot read {}: {error}", path.display()))
    }

    /// With a word on what would be right.
    pub fn hinted(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// `file:line:column: message [code]`, then its hint.
    pub fn line(&self) -> String {
        let (line, column) = self.place.file.line_and_column(self.place.span.start);
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}:{line}:{column}: {}{hint} [{}]", self.place.file.path.display(), self.message, self.code)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display + 'a>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.place.file.source)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(Some("here".into()), self.place.span.clone()))))
    }
}

impl Serialize for Mistake {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (line, column) = self.place.file.line_and_column(self.place.span.start);
        let mut fields = serializer.serialize_struct("Mistake", 6)?;
        fields.serialize_field("code", self.code)?;
        fields.serialize_field("file", &self.place.file.path)?;
        fields.serialize_field("line", &line)?;
        fields.serialize_field("column", &column)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}

/// Every mistake of a check, in the order of files and lines.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The mistakes.
    pub mistakes: Vec<Mistake>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// One line a mistake: `file:line:column: message [code]`, then its hint.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.mistakes.iter().map(Mistake::line)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.len() {
            1 => f.write_str("1 mistake in the templates"),
            count => write!(f, "{count} mistakes in the templates"),
        }?;
        self.lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.mistakes.iter().map(|mistake| mistake as &dyn Diagnostic)))
    }
}
