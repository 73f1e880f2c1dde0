//! Reads TOML into typed values and collects every mistake on the way, each with its place, instead of stopping at the
//! first as a derived deserializer does.
//!
//! A [`Section`] names the keys that a table may have. It is checked against the file and printed in the reference, so that
//! both say the same.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    ops::Range,
    str::FromStr,
    sync::Arc,
};

use festoon_spec::{Canonical, Milli, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::report::{Mistake, Place, SourceFile};

/// The keys of one kind of table.
#[derive(Debug)]
pub struct Section {
    /// How the table is written, for example `[canvas]`.
    pub title: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// One key of a [`Section`].
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub holds: &'static str,
    /// What holds if it is left out; `None` if it may not be.
    pub default: Option<&'static str>,
    /// What it means, with units and limits.
    pub about: &'static str,
}

impl Key {
    /// A key that must be there.
    pub const fn needed(name: &'static str, holds: &'static str, about: &'static str) -> Self {
        Self { name, holds, default: None, about }
    }

    /// A key that may be left out.
    pub const fn optional(name: &'static str, holds: &'static str, default: &'static str, about: &'static str) -> Self {
        Self { name, holds, default: Some(default), about }
    }
}

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its bytes.
    pub span: Range<usize>,
}

/// How the codes of mistakes begin that tell what is not there.
const ABSENT: [&str; 6] = ["missing-", "unused-", "no-", "too-few", "unknown-parameter", "unknown-palette"];

/// One file while it is read.
pub struct Page {
    /// The file.
    pub file: Arc<SourceFile>,
    mistakes: RefCell<Vec<Mistake>>,
    is_broken: Cell<bool>,
}

impl Page {
    /// Starts to read `file`.
    pub fn new(file: Arc<SourceFile>) -> Self {
        Self { file, mistakes: RefCell::default(), is_broken: Cell::new(false) }
    }

    /// Notes a mistake. In a file whose syntax is broken nothing can be said about what is not there.
    pub fn mistake(&self, code: &'static str, span: Range<usize>, message: impl Into<String>, hint: impl Into<Option<String>>) {
        if self.is_broken.get() && ABSENT.iter().any(|absent| code.starts_with(absent)) {
            return;
        }
        let place = Place { file: self.file.clone(), span };
        self.mistakes.borrow_mut().push(Mistake { code, message: message.into(), hint: hint.into(), place });
    }

    /// How many mistakes there have been so far.
    pub fn count(&self) -> usize {
        self.mistakes.borrow().len()
    }

    /// Whether the syntax of the file is broken.
    pub fn is_broken(&self) -> bool {
        self.is_broken.get()
    }

    /// The mistakes, in the order of the file.
    pub fn finish(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|mistake| mistake.place.span.start);
        mistakes
    }

    /// Parses the file. Mistakes of syntax are noted; what can be understood around them is still there.
    pub fn parse(&self) -> Spanned<DeTable<'_>> {
        let (document, errors) = DeTable::parse_recoverable(self.file.text());
        for error in errors {
            self.is_broken.set(true);
            self.mistake("syntax", error.span().unwrap_or(0..0), error.message().to_owned(), None);
        }
        document
    }

    /// Opens a whole document as a table with the keys of `section`.
    pub fn open<'a>(&'a self, document: &'a Spanned<DeTable<'a>>, section: &'static Section) -> Table<'a> {
        Table::open(self, section, document.get_ref(), 0..0)
    }
}

/// A table while it is read.
#[derive(Clone)]
pub struct Table<'a> {
    /// The file that it stands in.
    pub page: &'a Page,
    /// Its place; of a whole document, the start of the file.
    pub span: Range<usize>,
    section: &'static Section,
    table: &'a DeTable<'a>,
    /// What stands here takes the place of what stands in `table`.
    over: Option<&'a DeTable<'a>>,
}

impl<'a> Table<'a> {
    /// Opens a table and notes every key that `section` does not have.
    fn open(page: &'a Page, section: &'static Section, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        for key in table.keys() {
            if !section.keys.iter().any(|known| known.name == key.get_ref()) {
                let names = section.keys.iter().map(|known| known.name);
                page.mistake(
                    "unknown-key",
                    key.span(),
                    format!("there is no key `{}` in {}", key.get_ref(), section.title),
                    did_you_mean(key.get_ref(), names.clone())
                        .unwrap_or_else(|| format!("the keys are: {}", names.collect::<Vec<_>>().join(", "))),
                );
            }
        }
        Self { page, span, section, table, over: None }
    }

    /// The table with the keys of another, which stands at `item`, laid over it. Those keys are read as its own.
    pub fn with(&self, item: &Item<'a>) -> Option<Table<'a>> {
        let over = item.table(self.section)?;
        Some(Table { over: Some(over.table), span: over.span, ..self.clone() })
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.over.and_then(|over| over.get(key)).or_else(|| self.table.get(key))
    }

    /// Notes a mistake at the value of `key`, or at the table if the key is not there.
    pub fn mistake(&self, code: &'static str, key: &str, message: impl Into<String>, hint: impl Into<Option<String>>) {
        let span = self.get(key).map_or(self.span.clone(), Spanned::span);
        self.page.mistake(code, span, message, hint);
    }

    /// Notes a mistake at the value that `path` leads to, or at the last table on the way that is there.
    pub fn mistake_at(&self, code: &'static str, path: &[&str], message: impl Into<String>, hint: impl Into<Option<String>>) {
        let (mut table, mut span) = (Some(self.table), self.span.clone());
        for key in path {
            let Some(value) = table.and_then(|table| table.get(*key)) else { break };
            (table, span) = (value.get_ref().as_table(), value.span());
        }
        self.page.mistake(code, span, message, hint);
    }

    /// Whether `key` is there.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of `key`. One that the section gives no default must be there.
    pub fn find(&self, key: &str) -> Option<Item<'a>> {
        let documented = self.section.keys.iter().find(|known| known.name == key);
        let documented =
            documented.unwrap_or_else(|| panic!("{} documents every key that is read, also `{key}`", self.section.title));
        let found = self.get(key);
        if found.is_none() && documented.default.is_none() && !self.is_misspelt(key) {
            self.page.mistake(
                "missing-key",
                self.span.clone(),
                format!("{} needs the key `{key}`", self.section.title),
                format!("write `{key} = …`: {}", documented.holds),
            );
        }
        found.map(|value| Item { page: self.page, name: Cow::Borrowed(documented.name), value })
    }

    /// Whether one of the unknown keys, which is a mistake already, looks like `key`.
    fn is_misspelt(&self, key: &str) -> bool {
        let unknown = self.table.keys().filter(|written| !self.section.keys.iter().any(|known| known.name == written.get_ref()));
        unknown
            .into_iter()
            .any(|written| closest(written.get_ref(), self.section.keys.iter().map(|known| known.name)) == Some(key))
    }

    /// The text of `key`.
    pub fn text(&self, key: &str) -> Option<Located<&'a str>> {
        self.find(key)?.text()
    }

    /// A text that is read by its type, for example a locale.
    pub fn read<T: FromStr<Err: std::fmt::Display>>(&self, key: &str) -> Option<Located<T>> {
        self.find(key)?.read()
    }

    /// The whole number of `key`, between two limits.
    pub fn whole(&self, key: &str, limits: std::ops::RangeInclusive<u32>) -> Option<u32> {
        self.find(key)?.whole(limits)
    }

    /// The truth of `key`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.find(key)?.flag()
    }

    /// The items of the list `key`, at most `limit`; empty if the key is not there.
    pub fn list(&self, key: &str, limit: usize) -> Vec<Item<'a>> {
        self.find(key).map(|item| item.list(limit)).unwrap_or_default()
    }

    /// The table `key`.
    pub fn table(&self, key: &str, section: &'static Section) -> Option<Table<'a>> {
        self.find(key)?.table(section)
    }

    /// The entries of the table `key`, whose keys are names that the author chose, in the order of the file; at most `limit`.
    pub fn entries(&self, key: &str, limit: usize) -> Vec<(Located<&'a str>, Item<'a>)> {
        self.find(key).map(|item| item.entries(limit)).unwrap_or_default()
    }

    /// Writes keys of the table `inner` as [`Table::write`] does.
    pub fn write_inside(&self, form: &mut Canonical, inner: &str, keys: &[&str]) {
        let Some(table) = self.get(inner).and_then(|value| value.get_ref().as_table()) else { return };
        form.group(inner, |form| Table { table, over: None, ..self.clone() }.write(form, keys));
    }

    /// Writes the table `inner` as [`Table::write`] does, as if it had nothing but these keys, which must all be there.
    pub fn write_table(&self, form: &mut Canonical, inner: &str, keys: &[&str]) {
        let Some(table) = self.get(inner).and_then(|value| value.get_ref().as_table()) else { return };
        form.group(inner, |form| {
            form.integer("len", keys.len() as i64);
            Table { table, over: None, ..self.clone() }.write(form, keys);
        });
    }

    /// Writes what stands at the keys into a canonical form: blanks, comments and the order of keys do not count.
    pub fn write(&self, form: &mut Canonical, keys: &[&str]) {
        for key in keys {
            match self.get(key) {
                Some(value) => write_value(form, key, value.get_ref()),
                None => form.put(key, Value::Absent),
            }
        }
    }
}

/// One value while it is read.
#[derive(Clone)]
pub struct Item<'a> {
    /// The file that it stands in.
    pub page: &'a Page,
    /// What it is called in messages.
    name: Cow<'a, str>,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Item<'a> {
    /// Its place.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// Its key; of an item of a list, what it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes a mistake here.
    pub fn mistake(&self, code: &'static str, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.page.mistake(code, self.span(), message, hint);
    }

    fn wrong_type(&self, expected: &str) {
        let message = format!("`{}` is of type {}, expected {expected}", self.name, self.value.get_ref().type_str());
        self.mistake("wrong-type", message, None);
    }

    /// The text, if it is one; no mistake otherwise.
    pub fn as_text(&self) -> Option<&'a str> {
        self.value.get_ref().as_str()
    }

    /// The text at `key`, if this is a table with one; no mistake otherwise.
    pub fn peek(&self, key: &str) -> Option<&'a str> {
        self.value.get_ref().as_table()?.get(key)?.get_ref().as_str()
    }

    /// Whether this is a table with `key`.
    pub fn has(&self, key: &str) -> bool {
        self.value.get_ref().as_table().is_some_and(|table| table.contains_key(key))
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// A text.
    pub fn text(&self) -> Option<Located<&'a str>> {
        let text = self.value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type("a text in quotes");
        }
        text.map(|value| Located { value, span: self.span() })
    }

    /// A text that is read by its type.
    pub fn read<T: FromStr<Err: std::fmt::Display>>(&self) -> Option<Located<T>> {
        let text = self.text()?;
        match text.value.parse() {
            Ok(value) => Some(Located { value, span: text.span }),
            Err(error) => {
                self.mistake("bad-value", error.to_string(), None);
                None
            }
        }
    }

    /// A whole number between two limits.
    pub fn whole(&self, limits: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let expected = format!("a whole number from {} to {}", limits.start(), limits.end());
        let DeValue::Integer(integer) = self.value.get_ref() else {
            self.wrong_type(&expected);
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| limits.contains(number));
        if number.is_none() {
            self.mistake("out-of-range", format!("`{}` is {integer}, expected {expected}", self.name), None);
        }
        number
    }

    /// A number between two limits, to a thousandth.
    pub fn milli(&self, limits: std::ops::RangeInclusive<Milli>) -> Option<Milli> {
        let expected = format!("a number from {} to {}", limits.start(), limits.end());
        let Some(written) = number(self.value.get_ref()) else {
            self.wrong_type(&expected);
            return None;
        };
        let number = Milli::new(written).filter(|number| limits.contains(number));
        if number.is_none() {
            self.mistake("out-of-range", format!("`{}` is {written}, expected {expected}", self.name), None);
        }
        number
    }

    /// A number, which counts twice, or two.
    pub fn pair(&self, limits: std::ops::RangeInclusive<Milli>) -> Option<[Milli; 2]> {
        if !self.is_list() {
            return self.milli(limits).map(|number| [number; 2]);
        }
        let items = self.list(2);
        let [first, second] = items.as_slice() else {
            self.mistake("wrong-type", format!("`{}` needs a number or two", self.name), None);
            return None;
        };
        Some([first.milli(limits.clone())?, second.milli(limits)?])
    }

    /// True or false.
    pub fn flag(&self) -> Option<bool> {
        let flag = self.value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type("`true` or `false`");
        }
        flag
    }

    /// What would be written for it in a query string: texts as they are, numbers and truths in digits and words.
    pub fn plain(&self) -> Option<Located<String>> {
        let value = match self.value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            value => number(value).map(|number| number.to_string()),
        };
        if value.is_none() {
            self.wrong_type("a text, a number, `true` or `false`");
        }
        value.map(|value| Located { value, span: self.span() })
    }

    /// The items of a list, at most `limit`.
    pub fn list(&self, limit: usize) -> Vec<Item<'a>> {
        let Some(array) = self.value.get_ref().as_array() else {
            self.wrong_type("a list");
            return Vec::new();
        };
        if array.len() > limit {
            self.mistake("too-many", format!("`{}` has {} items, at most {limit} are allowed", self.name, array.len()), None);
        }
        let items = array.iter().take(limit);
        items.map(|value| Item { page: self.page, name: Cow::Owned(format!("an item of {}", self.name)), value }).collect()
    }

    /// A table with the keys of `section`.
    pub fn table(&self, section: &'static Section) -> Option<Table<'a>> {
        let table = self.value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type("a table");
        }
        table.map(|table| Table::open(self.page, section, table, self.span()))
    }

    /// The entries of a table whose keys are names that the author chose, in the order of the file; at most `limit`.
    pub fn entries(&self, limit: usize) -> Vec<(Located<&'a str>, Item<'a>)> {
        let Some(table) = self.value.get_ref().as_table() else {
            self.wrong_type("a table");
            return Vec::new();
        };
        if table.len() > limit {
            self.mistake("too-many", format!("`{}` has {} entries, at most {limit} are allowed", self.name, table.len()), None);
        }
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let located = |(key, value): (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| {
            let name: &'a str = key.get_ref();
            (Located { value: name, span: key.span() }, Item { page: self.page, name: Cow::Borrowed(name), value })
        };
        entries.into_iter().take(limit).map(located).collect()
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|number| number as f64),
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    }
}

fn write_value(form: &mut Canonical, name: &str, value: &DeValue<'_>) {
    match value {
        DeValue::String(text) => form.text(name, text),
        DeValue::Boolean(flag) => form.put(name, Value::Flag(*flag)),
        DeValue::Datetime(datetime) => form.text(name, datetime.to_string()),
        DeValue::Integer(_) | DeValue::Float(_) => {
            let milli = number(value).and_then(Milli::new);
            form.put(name, milli.map_or(Value::Absent, Value::Milli));
        }
        DeValue::Array(array) => form.list(name, array, |form, item| write_value(form, "item", item.get_ref())),
        DeValue::Table(table) => form.group(name, |form| {
            form.integer("len", table.len() as i64);
            for (key, value) in table {
                write_value(form, key.get_ref(), value.get_ref());
            }
        }),
    }
}

/// A hint that names the one of `names` that `given` looks like.
pub fn did_you_mean<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    closest(given, names).map(|name| format!("did you mean `{name}`?"))
}

/// The one of `names` that `given` looks like: at least half of its letters stand where they should.
pub fn closest<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let alike = |name: &&str| strsim::normalized_damerau_levenshtein(given, name);
    let best = names.into_iter().max_by(|left, right| alike(left).total_cmp(&alike(right)))?;
    (alike(&best) >= 0.5).then_some(best)
}
