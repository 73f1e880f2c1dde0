//! Places of a template that hold a value, or take it from a parameter.
//!
//! A place may hold a value (`amount = 1.4`), a parameter (`amount = "{crowd}"`), or a table that picks by a parameter
//! (`amount = { by = "crowd", few = 0.6, many = 1.8 }`). That every value a parameter can take fits its place is proved when
//! the template is read, so taking one cannot fail.

use std::{cell::RefCell, collections::BTreeMap, collections::BTreeSet, ops::Range, ops::RangeInclusive};

use festoon_spec::{Colour, Locale, Milli};

use super::{
    Chosen, Kind, Parameter, Touches,
    declared::Declared,
    reader::{Item, Page, Table, did_you_mean},
};

/// Most locales with something of their own in one table.
const MAX_LOCALES: usize = 200;

/// The values of the parameters of one pick.
pub(super) type Values = BTreeMap<String, Chosen>;

/// The declared parameters while a part of a template is read, and which of them it uses.
pub(super) struct Uses<'p> {
    declared: &'p Declared,
    part: Touches,
    used: RefCell<BTreeSet<String>>,
}

impl<'p> Uses<'p> {
    /// Nothing is used yet. The plate part may only use what touches the plate, the overlay also what touches itself, and what
    /// sounds may depend on anything.
    pub fn of(declared: &'p Declared, part: Touches) -> Self {
        Self { declared, part, used: RefCell::default() }
    }

    /// What is declared.
    pub fn declared(&self) -> &'p Declared {
        self.declared
    }

    /// Notes that a parameter is used.
    pub fn note(&self, name: &str) {
        self.used.borrow_mut().insert(name.to_owned());
    }

    /// The parameter called `name`, which is used from now on. Notes a mistake if there is none that this part may use.
    pub fn parameter(&self, page: &Page, span: Range<usize>, name: &str) -> Option<&'p Parameter> {
        let parameter = match self.declared.find(name) {
            Ok(parameter) => parameter?,
            Err(hint) => {
                page.mistake("unknown-parameter", span, format!("there is no parameter `{name}`"), hint);
                return None;
            }
        };
        self.note(name);
        if parameter.touches > self.part {
            let (part, touches) = (self.part.name(), parameter.touches.name());
            let hint = format!("write `touches = \"{part}\"` in [parameters.{name}]");
            let code = if self.part == Touches::Plate { "not-in-plate" } else { "not-in-overlay" };
            page.mistake(code, span, format!("the parameter `{name}` touches the {touches}, but is used in the {part}"), hint);
            return None;
        }
        Some(parameter)
    }

    /// Notes each parameter of `template` that touches this part and that nothing of it uses; `told` says what is wrong with the
    /// one of this name, and what would be right.
    pub fn note_unused(&self, template: &Table<'_>, told: impl Fn(&str) -> (String, String)) {
        for (name, item) in template.entries("parameters", usize::MAX) {
            let touches = |parameter: &Parameter| parameter.name == name.value && parameter.touches == self.part;
            if self.declared.sound.iter().any(touches) && !self.used.borrow().contains(name.value) {
                let (message, hint) = told(name.value);
                item.page.mistake("unused-parameter", name.span, message, hint);
            }
        }
    }
}

/// A place of a scene.
#[derive(Debug, Clone)]
pub(super) enum Source<T> {
    /// Holds a value.
    Fixed(T),
    /// Takes what was chosen.
    Of(String),
    /// Takes the value beside what was chosen.
    By { parameter: String, values: BTreeMap<String, T> },
}

/// What a place of a scene can take from a parameter.
pub(super) trait FromChosen: Clone {
    /// The kind of parameter that fits, in words.
    const FITS: &'static str;
    /// The value, if one of this kind was chosen.
    fn from_chosen(chosen: &Chosen) -> Option<Self>;
}

impl FromChosen for Milli {
    const FITS: &'static str = "a number parameter whose range fits this place";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Number(number) = chosen { Some(*number) } else { None }
    }
}

impl FromChosen for Colour {
    const FITS: &'static str = "a colour parameter";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Colour(colour) = chosen { Some(*colour) } else { None }
    }
}

impl FromChosen for bool {
    const FITS: &'static str = "a boolean parameter";
    fn from_chosen(chosen: &Chosen) -> Option<Self> {
        if let Chosen::Boolean(flag) = chosen { Some(*flag) } else { None }
    }
}

impl<T: FromChosen> Source<T> {
    pub fn take(&self, values: &Values) -> T {
        const PROVED: &str = "the template was checked: the parameter exists and each of its values fits";
        match self {
            Source::Fixed(value) => value.clone(),
            Source::Of(name) => values.get(name).and_then(T::from_chosen).expect(PROVED),
            Source::By { parameter, values: cases } => {
                let chosen = values.get(parameter).map(Chosen::to_string).expect(PROVED);
                cases.get(&chosen).cloned().expect(PROVED)
            }
        }
    }
}

/// The values that decide whether a parameter fits a place: all of a few, or both ends of a range.
fn samples(kind: &Kind) -> Vec<Chosen> {
    match kind {
        Kind::Choice { choices } => choices.iter().map(|choice| Chosen::Choice(choice.id.clone())).collect(),
        Kind::Number { min, max, .. } => vec![Chosen::Number(*min), Chosen::Number(*max)],
        Kind::Colour => vec![Chosen::Colour(Colour([0, 0, 0]))],
        Kind::Boolean => vec![Chosen::Boolean(false), Chosen::Boolean(true)],
        Kind::Text { .. } | Kind::Image => Vec::new(),
    }
}

/// Reads a place. `fixed` reads a value that is written there and notes what is wrong with it; `fits` decides on a value that
/// a parameter would bring.
pub(super) fn place<T: FromChosen>(
    item: &Item<'_>,
    uses: &Uses<'_>,
    fixed: impl Fn(&Item<'_>) -> Option<T>,
    fits: impl Fn(&T) -> bool,
) -> Option<Source<T>> {
    if let Some(name) = item.as_text().and_then(|text| text.strip_prefix('{')?.strip_suffix('}')) {
        let parameter = uses.parameter(item.page, item.span(), name)?;
        let samples = samples(&parameter.kind);
        let misfit = samples.iter().find(|sample| !T::from_chosen(sample).is_some_and(|value| fits(&value)));
        if samples.is_empty() || misfit.is_some() {
            let value = misfit.map(|misfit| format!(": `{misfit}` does not")).unwrap_or_default();
            let message = format!("the {} parameter `{name}` does not fit here{value}", parameter.kind.name());
            item.mistake("misfit", message, format!("expected {}", T::FITS));
            return None;
        }
        return Some(Source::Of(name.to_owned()));
    }
    if item.is_table() {
        return by(item, uses, fixed);
    }
    fixed(item).map(Source::Fixed)
}

/// Reads `{ by = "parameter", choice = value, … }`.
fn by<T: FromChosen>(item: &Item<'_>, uses: &Uses<'_>, fixed: impl Fn(&Item<'_>) -> Option<T>) -> Option<Source<T>> {
    let entries = item.entries(64);
    let Some((_, by)) = entries.iter().find(|(key, _)| key.value == "by") else {
        item.mistake(
            "missing-key",
            "a table in this place needs the key `by`",
            "write `{ by = \"parameter\", choice = value, … }`".to_owned(),
        );
        return None;
    };
    let name = by.text()?;
    let parameter = uses.parameter(item.page, name.span, name.value)?;
    if !matches!(parameter.kind, Kind::Choice { .. } | Kind::Boolean) {
        by.mistake(
            "misfit",
            format!("`by` needs a choice or boolean parameter, `{}` is a {}", name.value, parameter.kind.name()),
            None,
        );
        return None;
    }
    let mut expected: Vec<String> = samples(&parameter.kind).iter().map(Chosen::to_string).collect();
    let mut values = BTreeMap::new();
    for (key, value) in entries.iter().filter(|(key, _)| key.value != "by") {
        if let Some(at) = expected.iter().position(|choice| choice == key.value) {
            expected.remove(at);
        } else {
            let hint = did_you_mean(key.value, expected.iter().map(String::as_str));
            let message = format!("`{}` is not a choice of the parameter `{}`", key.value, parameter.name);
            item.page.mistake("unknown-choice", key.span.clone(), message, hint);
        }
        if let Some(value) = fixed(value) {
            values.insert(key.value.to_owned(), value);
        }
    }
    if !expected.is_empty() {
        item.mistake("missing-choice", format!("there is no value for: {}", expected.join(", ")), None);
    }
    Some(Source::By { parameter: parameter.name.clone(), values })
}

fn milli_place(item: &Item<'_>, uses: &Uses<'_>, limits: RangeInclusive<Milli>) -> Option<Source<Milli>> {
    place(item, uses, |item| item.milli(limits.clone()), |value| limits.contains(value))
}

/// The number at `key`, or `usual` if it is not there.
pub(super) fn number(
    table: &Table<'_>,
    uses: &Uses<'_>,
    key: &str,
    limits: RangeInclusive<Milli>,
    usual: Milli,
) -> Option<Source<Milli>> {
    match table.find(key) {
        Some(item) => milli_place(&item, uses, limits),
        None => Some(Source::Fixed(usual)),
    }
}

/// The entries of `locale`, whose keys are locales, each [minimized](Locale::minimized); what is no locale, or means the same
/// as another, is noted.
pub(super) fn by_locale<'a>(table: &Table<'a>) -> Vec<(Locale, Item<'a>)> {
    let mut locales: Vec<(Locale, Item<'a>)> = Vec::new();
    for (name, item) in table.entries("locale", MAX_LOCALES) {
        match name.value.parse::<Locale>() {
            Ok(locale) if !locale.is_known() => {
                let message = format!("`{locale}` names no language that festoon knows");
                table.page.mistake("bad-locale", name.span, message, "for example `ja`, `zh-Hant` or `pt-BR`".to_owned());
            }
            Ok(locale) if locales.iter().any(|(other, _)| *other == locale.minimized()) => {
                let message = format!("`{}` means the same as an earlier locale", name.value);
                table.page.mistake("repeated-locale", name.span, message, None);
            }
            Ok(locale) => locales.push((locale.minimized(), item)),
            Err(error) => table.page.mistake("bad-locale", name.span, error.to_string(), None),
        }
    }
    locales
}
