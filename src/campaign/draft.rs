//! A campaign before it is one: what somebody filled into a form, or brings as a table, written as the file that it will be. What is
//! wrong with it is told where they wrote it, by field, or by line and column.
//!
//! A table has a line for each wish: a column `template`, and as wanted `locale`, `ratio`, `variations`, and one for each parameter.
//! A cell may have several values, `en|ja`; an empty one says nothing.
//!
//! ```csv
//! template,locale,ratio,variations,product,mood
//! product-launch,en|ja,9:16,2,lamp,calm|bold
//! new-year,,,,,
//! ```

use std::{collections::BTreeSet, fmt};

use super::{Campaign, CampaignError};

/// Bytes of a campaign that is brought.
pub const MOST_BYTES: usize = 256 * 1024;
/// Lines of a table.
const MOST_LINES: usize = 2_000;
/// Between the values of one cell.
const BETWEEN: char = '|';

/// What a form says of a campaign as a whole.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Its file's name.
    pub id: String,
    /// For people.
    pub name: String,
    /// First day, or nothing.
    pub from: String,
    /// Last day, or nothing.
    pub to: String,
    /// Most plates, or nothing.
    pub plates: String,
    /// Most seconds of painting, or nothing.
    pub gpu_seconds: String,
}

/// What a form says that it wants.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Templates.
    pub templates: Vec<String>,
    /// Locales; without any, those of each template.
    pub locales: Vec<String>,
    /// Ratios; without any, the first of each template.
    pub ratios: Vec<String>,
    /// Takes of each, or nothing.
    pub variations: String,
    /// Values of parameters, a line for each: `mood = calm | bold`.
    pub choices: String,
}

/// Where somebody wrote what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// In this field of a form.
    Field(&'static str),
    /// In this line of a field.
    FieldLine(&'static str, u64),
    /// In this line and column of a table.
    Cell(u64, String),
    /// In this line and column of a file.
    File(usize, usize),
}

impl Written {
    /// The field that it is in.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Field(field) | Self::FieldLine(field, _) => field,
            Self::Cell(..) | Self::File(..) => "text",
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => write!(f, "`{field}`"),
            Self::FieldLine(field, line) => write!(f, "`{field}`, line {line}"),
            Self::Cell(line, column) => write!(f, "line {line}, column `{column}`"),
            Self::File(line, column) => write!(f, "line {line}, column {column}"),
        }
    }
}

/// What is wrong with a draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{written}: {message}")]
pub struct Wrong {
    /// Where.
    pub written: Written,
    /// What.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(written: Written, message: impl Into<String>) -> Self {
        Self { written, message: message.into(), hint: None }
    }

    pub(super) fn hinted(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// A file that a campaign will have.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    text: String,
    /// Where each of its lines was written; of a file that is taken as it is, nothing is here.
    written: Vec<Written>,
}

impl Draft {
    /// A campaign's file as it is.
    pub fn of_file(text: String) -> Self {
        Self { text, written: Vec::new() }
    }

    /// What a form says.
    ///
    /// # Errors
    /// With the first field that cannot be put into a file.
    pub fn of_form(head: &Head, wishes: &Wishes) -> Result<Self, Wrong> {
        let mut draft = Self::headed(head)?;
        draft.put(Written::Field("templates"), "[[part]]");
        draft.list(Written::Field("templates"), "templates", &wishes.templates);
        if !wishes.locales.is_empty() {
            draft.list(Written::Field("locales"), "locales", &wishes.locales);
        }
        if !wishes.ratios.is_empty() {
            draft.list(Written::Field("ratios"), "ratios", &wishes.ratios);
        }
        draft.number("variations", "variations", &wishes.variations)?;
        let lines = (1..).zip(wishes.choices.lines()).filter(|(_, line)| !line.trim().is_empty());
        for (nth, (number, line)) in lines.enumerate() {
            let written = Written::FieldLine("choices", number);
            let wrong =
                || Wrong::new(written.clone(), "a parameter and its values were expected").hinted("write `mood = calm | bold`");
            let (name, values) = line.split_once(['=', ':']).ok_or_else(wrong)?;
            if nth == 0 {
                draft.put(written.clone(), "[part.choices]");
            }
            draft.list(written, &quoted(name.trim()), &values_of(values));
        }
        Ok(draft)
    }

    /// What a table says, under what a form says of the whole.
    ///
    /// # Errors
    /// With the first thing in the table that cannot be read.
    pub fn of_table(head: &Head, table: &str) -> Result<Self, Wrong> {
        let mut draft = Self::headed(head)?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(table.as_bytes());
        let unreadable = |error: csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            let message = match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("it has {len} cells, the first line has {expected_len}")
                }
                _ => "it cannot be read as comma-separated text".to_owned(),
            };
            Wrong::new(Written::Cell(line, "all".into()), message)
        };
        let columns = reader.headers().map_err(unreadable)?.clone();
        let head_cell = |column: &str| Written::Cell(1, column.chars().take(80).collect());
        for (at, column) in columns.iter().enumerate() {
            if column.is_empty() || columns.iter().take(at).any(|earlier| earlier == column) {
                let message = if column.is_empty() { "a column has no name" } else { "a column of this name is there twice" };
                return Err(Wrong::new(head_cell(column), message));
            }
        }
        if !columns.iter().any(|column| column == "template") {
            let hint = "the first line names the columns: `template,locale,ratio,variations`, and parameters";
            return Err(Wrong::new(head_cell("template"), "there is no such column").hinted(hint));
        }
        let mut lines = 0;
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            let line = record.position().map_or(0, csv::Position::line);
            lines += 1;
            if lines > MOST_LINES {
                return Err(Wrong::new(Written::Cell(line, "all".into()), format!("a table has at most {MOST_LINES} lines")));
            }
            draft.wish(line, columns.iter().zip(record.iter()))?;
        }
        Ok(draft)
    }

    fn wish<'a>(&mut self, line: u64, cells: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), Wrong> {
        let cell = |column: &str| Written::Cell(line, column.to_owned());
        self.put(cell("template"), "[[part]]");
        let mut choices = Vec::new();
        for (column, value) in cells {
            let values = values_of(value);
            match column {
                "template" => self.list(cell(column), "templates", &values),
                _ if values.is_empty() => {}
                "locale" => self.list(cell(column), "locales", &values),
                "ratio" => self.list(cell(column), "ratios", &values),
                "variations" => {
                    let number: u32 = value.parse().map_err(|_| not_whole(cell(column), value))?;
                    self.put(cell(column), &format!("variations = {number}"));
                }
                parameter => choices.push((parameter, values)),
            }
        }
        // Last: what follows a table's head belongs to it.
        if let Some((first, _)) = choices.first() {
            self.put(cell(first), "[part.choices]");
        }
        for (parameter, values) in &choices {
            self.list(cell(parameter), &quoted(parameter), values);
        }
        Ok(())
    }

    fn headed(head: &Head) -> Result<Self, Wrong> {
        let mut draft = Self::default();
        draft.text("id", &head.id);
        draft.text("name", if head.name.trim().is_empty() { &head.id } else { &head.name });
        if !(head.from.is_empty() && head.to.is_empty()) {
            draft.put(Written::Field("to"), "[window]");
            draft.text("from", &head.from);
            draft.text("to", &head.to);
        }
        if !(head.plates.is_empty() && head.gpu_seconds.is_empty()) {
            draft.put(Written::Field("plates"), "[budget]");
            draft.number("plates", "plates", &head.plates)?;
            draft.number("gpu_seconds", "gpu_seconds", &head.gpu_seconds)?;
        }
        Ok(draft)
    }

    fn put(&mut self, written: Written, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.written.push(written);
    }

    fn text(&mut self, field: &'static str, value: &str) {
        self.put(Written::Field(field), &format!("{field} = {}", quoted(value.trim())));
    }

    fn number(&mut self, field: &'static str, name: &str, value: &str) -> Result<(), Wrong> {
        let value = value.trim();
        if !value.is_empty() {
            let number: u32 = value.parse().map_err(|_| not_whole(Written::Field(field), value))?;
            self.put(Written::Field(field), &format!("{name} = {number}"));
        }
        Ok(())
    }

    fn list(&mut self, written: Written, name: &str, values: &[String]) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.put(written, &format!("{name} = [{}]", values.join(", ")));
    }

    /// The file's text.
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// Where its id was written.
    pub(super) fn place_of_id(&self) -> Written {
        let line = self.text.lines().position(|line| line.trim_start().starts_with("id")).unwrap_or_default();
        self.written.get(line).cloned().unwrap_or(Written::File(line + 1, 1))
    }

    /// A mistake in the file, where somebody wrote it.
    pub(super) fn told(&self, error: &CampaignError) -> Wrong {
        let CampaignError::Mistake(mistake) = error else {
            return Wrong::new(Written::Field("id"), error.to_string());
        };
        let (line, column) = mistake.place.file.line_and_column(mistake.place.span.start);
        let written = self.written.get(line - 1).cloned().unwrap_or(Written::File(line, column));
        Wrong { written, message: mistake.message.clone(), hint: mistake.hint.clone() }
    }
}

fn not_whole(written: Written, value: &str) -> Wrong {
    let value: String = value.chars().take(40).collect();
    Wrong::new(written, format!("`{value}` is not a whole number"))
}

fn values_of(cell: &str) -> Vec<String> {
    cell.split(BETWEEN).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

/// A text as TOML has it: what JSON escapes, TOML reads alike.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

impl Campaign {
    /// What it wants, as a [table](self) has it: a line for each part.
    pub fn table(&self) -> String {
        let names: BTreeSet<&str> = self.parts.iter().flat_map(|part| part.choices.keys().map(String::as_str)).collect();
        let mut table = csv::Writer::from_writer(Vec::new());
        let mut put = |line: &[String]| table.write_record(line).expect("memory takes all, and every line has as many cells");
        let columns = ["template", "locale", "ratio", "variations"].into_iter().chain(names.iter().copied());
        put(&columns.map(str::to_owned).collect::<Vec<_>>());
        let joined = |values: Vec<String>| values.join(&BETWEEN.to_string());
        for part in &self.parts {
            let locales = part.locales.iter().flatten().map(ToString::to_string).collect();
            let mut line = vec![
                joined(part.templates.iter().map(|template| template.value.to_string()).collect()),
                joined(locales),
                joined(part.ratios.value.iter().map(ToString::to_string).collect()),
                part.variations.to_string(),
            ];
            line.extend(
                names.iter().map(|name| part.choices.get(*name).map_or_else(String::new, |values| joined(values.value.clone()))),
            );
            put(&line);
        }
        let bytes = table.into_inner().expect("memory takes all");
        String::from_utf8(bytes).expect("texts were put in")
    }
}
