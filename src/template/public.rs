//! `[public]`: what somebody who shows neither a key nor a signature may cause to be made.

use std::collections::BTreeMap;

use festoon_spec::Locale;
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Chosen, Kind, Parameter, Template,
    declared::Declared,
    reader::{Key, Section, Table},
};

/// Most values that a parameter may be narrowed to.
const MAX_VALUES: usize = 64;
/// Takes that are public where none are named.
const VARIATIONS: u32 = 8;

/// `[public]`.
pub static PUBLIC: Section = Section {
    title: "[public]",
    about: "What a stranger, who shows neither a signature nor the installation's token, may cause to be made; see `may` of `[strangers]` in the settings. Without this table that is the clip with the defaults alone, in each ratio and form. What was made already is delivered in any case.",
    keys: &[
        Key::optional("parameters", "a list of parameters", "none", "What a stranger may set. The others keep their defaults."),
        Key::optional("variations", "a whole number from 1 to 1000", "8", "How many takes a stranger may ask for."),
        Key::optional(
            "values",
            "a table of lists by parameter",
            "every value",
            "The only values that a stranger may set a parameter to, for example `{ palette = [\"gold\", \"rose\"] }`.",
        ),
        Key::optional(
            "max_graphemes",
            "a table of whole numbers by parameter",
            "the parameter's own",
            "Most characters of a text that a stranger may write, for example `{ title = 24 }`.",
        ),
    ],
};

/// What strangers may cause to be made with a template.
#[derive(Debug, Clone, Default)]
pub struct Public {
    parameters: BTreeMap<String, Allowed>,
    variations: u32,
}

/// What of a parameter is public.
#[derive(Debug, Clone, Default)]
struct Allowed {
    values: Option<Vec<Chosen>>,
    max_graphemes: Option<usize>,
}

/// Why a pick is not for strangers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPublic {
    /// Nothing is.
    #[error("nothing is made here for who shows no signature")]
    Anything,
    /// A parameter that strangers may not set.
    #[error("`{parameter}` is not public")]
    Parameter {
        /// Which.
        parameter: String,
        /// Those that are.
        public: Vec<String>,
    },
    /// A value that strangers may not choose.
    #[error("`{parameter}`: `{given}` is not public")]
    Value {
        /// Which parameter.
        parameter: String,
        /// As asked.
        given: String,
        /// Those that are.
        public: Vec<String>,
    },
    /// A text that is too long for strangers.
    #[error("`{parameter}` has {given} characters, {limit} are public")]
    Length {
        /// Which parameter.
        parameter: String,
        /// As asked.
        given: usize,
        /// Most.
        limit: usize,
    },
    /// A take that is not public.
    #[error("`variation` is {given}, public are 0 to {}", limit - 1)]
    Variation {
        /// As asked.
        given: u32,
        /// How many are.
        limit: u32,
    },
}

impl NotPublic {
    /// What would be right.
    pub fn hint(&self) -> String {
        let instead = match self {
            NotPublic::Parameter { public, .. } if public.is_empty() => "leave it out".to_owned(),
            NotPublic::Parameter { public, .. } => format!("public are: {}", public.join(", ")),
            NotPublic::Value { public, .. } => format!("choose one of: {}", public.join(", ")),
            _ => String::new(),
        };
        let sign = "or sign the address (`festoon sign url`)";
        if instead.is_empty() { sign[3..].to_owned() } else { format!("{instead}; {sign}") }
    }
}

impl Public {
    /// Reads `[public]`; every mistake is noted.
    pub(super) fn read(table: &Table<'_>, declared: &Declared) -> Self {
        let mut public = Self { variations: VARIATIONS, ..Self::default() };
        if table.has("variations") {
            public.variations = table.whole("variations", 1..=1000).unwrap_or(VARIATIONS);
        }
        for item in table.list("parameters", usize::MAX) {
            let Some(name) = item.text() else { continue };
            match declared.find(name.value) {
                Ok(_) if public.parameters.contains_key(name.value) => {
                    item.mistake("repeated-name", format!("`{}` is there twice", name.value), None);
                }
                Ok(_) => drop(public.parameters.insert(name.value.to_owned(), Allowed::default())),
                Err(hint) => item.mistake("unknown-parameter", format!("there is no parameter `{}`", name.value), hint),
            }
        }
        for (name, item) in table.entries("values", usize::MAX) {
            let Some((parameter, allowed)) = public.narrowed(table, declared, name.value, "values") else { continue };
            let mut values = Vec::new();
            for value in item.list(MAX_VALUES) {
                let Some(written) = value.plain() else { continue };
                match parameter.read(&written.value) {
                    Ok(chosen) => values.push(chosen),
                    Err(error) => value.mistake(error.code(), error.to_string(), error.hint()),
                }
            }
            allowed.values = Some(values);
        }
        for (name, item) in table.entries("max_graphemes", usize::MAX) {
            let Some((parameter, allowed)) = public.narrowed(table, declared, name.value, "max_graphemes") else { continue };
            let Kind::Text { max_graphemes, .. } = parameter.kind else {
                item.mistake("misplaced-key", format!("`{}` is no text: it has no characters to count", name.value), None);
                continue;
            };
            allowed.max_graphemes = item.whole(1..=max_graphemes as u32).map(|most| most as usize);
        }
        public
    }

    /// The parameter that `key` narrows; notes a mistake if there is none or it is not public.
    fn narrowed<'a>(
        &'a mut self,
        table: &Table<'_>,
        declared: &'a Declared,
        name: &str,
        key: &str,
    ) -> Option<(&'a Parameter, &'a mut Allowed)> {
        let wrong = |message: String, hint: String| table.mistake_at("unknown-parameter", &[key, name], message, hint);
        match (declared.find(name), self.parameters.get_mut(name)) {
            (Ok(parameter), Some(allowed)) => return parameter.map(|parameter| (parameter, allowed)),
            (Ok(_), None) => wrong(format!("`{name}` is not public"), format!("add `{name}` to `parameters` of [public]")),
            (Err(hint), _) => wrong(format!("there is no parameter `{name}`"), hint),
        }
        None
    }

    /// Whether these values, which the parameters of its template take, and this take are for strangers.
    ///
    /// # Errors
    /// What of it is not.
    pub fn check(
        &self,
        template: &Template,
        locale: &Locale,
        parameters: &BTreeMap<String, String>,
        variation: u32,
    ) -> Result<(), NotPublic> {
        let (_, words) = template.words(locale);
        for (name, given) in parameters {
            // It takes the value; that of a picture that is left out is none.
            let Some(parameter) = template.parameter(name) else { continue };
            let Ok(value) = parameter.read(given) else { continue };
            if Template::usual(parameter, words).as_ref() == Some(&value) {
                continue;
            }
            let Some(allowed) = self.parameters.get(name) else {
                let public = self.parameters.keys().cloned().collect();
                return Err(NotPublic::Parameter { parameter: name.clone(), public });
            };
            if let Some(values) = allowed.values.as_ref().filter(|values| !values.contains(&value)) {
                let public = values.iter().map(Chosen::to_string).collect();
                return Err(NotPublic::Value { parameter: name.clone(), given: value.to_string(), public });
            }
            if let Some(limit) = allowed.max_graphemes {
                let given = value.to_string().graphemes(true).count();
                if given > limit {
                    return Err(NotPublic::Length { parameter: name.clone(), given, limit });
                }
            }
        }
        let limit = self.variations.max(1);
        if variation >= limit {
            return Err(NotPublic::Variation { given: variation, limit });
        }
        Ok(())
    }
}
