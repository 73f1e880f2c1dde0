//! The parameters that a template declares, read from `[parameters]` of template.toml.

use festoon_spec::Milli;

use super::{
    Choice, Chosen, Kind, Parameter, Pattern, RESERVED, Touches,
    reader::{Item, Key, Located, Section, Table, did_you_mean},
};

/// Most parameters of a template.
const MAX_PARAMETERS: usize = 32;
/// Most choices of a parameter.
const MAX_CHOICES: usize = 64;

const KIND: Key = Key::needed("kind", "`choice`, `text`, `colour`, `number`, `image` or `boolean`", "What may be chosen.");
const TOUCHES: Key = Key::needed(
    "touches",
    "`plate`, `overlay` or `sound`",
    "What a change moves: the expensive footage, or only what is drawn on it, or only what sounds under it.",
);

macro_rules! parameter_section {
    ($name:ident, $kind:literal, $about:literal, [$($key:expr),* $(,)?]) => {
        #[doc = concat!("`[parameters.<name>]` of kind `", $kind, "`.")]
        pub static $name: Section = Section {
            title: concat!("[parameters.<name>] of kind `", $kind, "`"),
            about: $about,
            keys: &[KIND, TOUCHES, $($key),*],
        };
    };
}

parameter_section!(
    CHOICE_PARAMETER,
    "choice",
    "One of a few.",
    [
        Key::needed(
            "choices",
            "a list of ids, or a table of `[parameters.<name>.choices.<id>]`",
            "What may be chosen: one to 64 ids of lower-case letters, digits and single hyphens."
        ),
        Key::optional("default", "one of the choices", "the first choice", "Taken when nothing is chosen."),
    ]
);
parameter_section!(
    TEXT_PARAMETER,
    "text",
    "Free text. Control characters and those that turn the direction of writing are refused; it is brought to Unicode NFC, and blanks around it are dropped.",
    [
        Key::needed("max_graphemes", "a whole number from 1 to 500", "Most characters, as a reader counts them."),
        Key::optional("lines", "a whole number from 1 to 10", "1", "Most lines."),
        Key::optional("pattern", "a regular expression", "none", "What the whole text must match."),
        Key::optional(
            "in_prompt",
            "`true` or `false`",
            "`false`",
            "Whether what people type may be put into a prompt; it is inserted as data, never read as a skeleton."
        ),
        Key::optional("default", "a text", "the `default` in the words of each locale", "Taken when nothing is typed."),
    ]
);
parameter_section!(
    COLOUR_PARAMETER,
    "colour",
    "An sRGB colour.",
    [Key::needed("default", "a colour, `#rrggbb`", "Taken when nothing is chosen."),]
);
parameter_section!(
    NUMBER_PARAMETER,
    "number",
    "A number on a grid, to a thousandth.",
    [
        Key::needed("min", "a number", "The smallest."),
        Key::needed("max", "a number", "The largest."),
        Key::needed("step", "a number above 0", "The distance of neighbours, counted from `min`."),
        Key::needed("default", "a number on the grid", "Taken when nothing is chosen."),
    ]
);
parameter_section!(
    IMAGE_PARAMETER,
    "image",
    "An uploaded picture, named by the blake3 of its bytes. Without one there is none.",
    []
);
parameter_section!(
    BOOLEAN_PARAMETER,
    "boolean",
    "Yes or no.",
    [Key::optional("default", "`true` or `false`", "`false`", "Taken when nothing is chosen."),]
);

/// `[parameters.<name>.choices.<id>]`.
pub static CHOICE: Section = Section {
    title: "[parameters.<name>.choices.<id>]",
    about: "One of the choices.",
    keys: &[Key::optional("prompt", "a text", "the id", "What the prompt says for it.")],
};

/// Each kind's name and keys.
const KINDS: [(&str, &Section); 6] = [
    ("choice", &CHOICE_PARAMETER),
    ("text", &TEXT_PARAMETER),
    ("colour", &COLOUR_PARAMETER),
    ("number", &NUMBER_PARAMETER),
    ("image", &IMAGE_PARAMETER),
    ("boolean", &BOOLEAN_PARAMETER),
];

/// The parameters that a template declares, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// Those without a mistake.
    pub sound: Vec<Parameter>,
    /// The names of the others: what refers to them is not a second mistake.
    broken: Vec<String>,
}

impl Declared {
    /// The parameter called `name`. `None` if it has a mistake of its own.
    ///
    /// # Errors
    /// If there is none: with a hint.
    pub fn find(&self, name: &str) -> Result<Option<&Parameter>, String> {
        match self.sound.iter().find(|parameter| parameter.name == name) {
            Some(parameter) => Ok(Some(parameter)),
            None if self.broken.iter().any(|broken| broken == name) => Ok(None),
            None => {
                let names = self.sound.iter().map(|parameter| &parameter.name).chain(&self.broken).map(String::as_str);
                Err(did_you_mean(name, names).unwrap_or_else(|| format!("declare it as [parameters.{name}] in template.toml")))
            }
        }
    }
}

/// Reads the parameters of a template.
pub(super) fn read_parameters(template: &Table<'_>) -> Declared {
    let mut declared = Declared::default();
    for (name, item) in template.entries("parameters", MAX_PARAMETERS) {
        if RESERVED.contains(&name.value) {
            let message =
                format!("`{}` cannot be the name of a parameter: a query string uses it for something else", name.value);
            template.page.mistake("reserved-name", name.span, message, "choose another name".to_owned());
        } else if !is_name(name.value, '_') || name.value.starts_with(|first: char| first.is_ascii_digit()) {
            let message = format!("`{}` is not the name of a parameter", name.value);
            let hint = "expected at most 32 lower-case letters, digits and underscores, a letter first".to_owned();
            template.page.mistake("bad-name", name.span, message, hint);
        } else if let Some(parameter) = read_parameter(name.value, &item) {
            declared.sound.push(parameter);
            continue;
        }
        declared.broken.push(name.value.to_owned());
    }
    declared
}

/// Up to 32 lower-case letters and digits in parts between single separators.
fn is_name(name: &str, separator: char) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.len() <= 32 && name.split(separator).all(part)
}

fn read_parameter(name: &str, item: &Item<'_>) -> Option<Parameter> {
    let kind = item.peek("kind");
    let Some((_, section)) = KINDS.iter().find(|(known, _)| kind == Some(*known)) else {
        let hint = kind.and_then(|kind| did_you_mean(kind, KINDS.iter().map(|(name, _)| *name)));
        let kinds = || format!("the kinds are: {}", KINDS.map(|(name, _)| name).join(", "));
        let message = match kind {
            Some(kind) => format!("there is no kind of parameter `{kind}`"),
            None => format!("the parameter `{name}` needs its `kind`"),
        };
        item.mistake("unknown-kind", message, hint.unwrap_or_else(kinds));
        return None;
    };
    let table = item.table(section)?;
    let touches = table.text("touches").and_then(|touches| match touches.value {
        "plate" => Some(Touches::Plate),
        "overlay" => Some(Touches::Overlay),
        "sound" => Some(Touches::Sound),
        other => {
            let message = format!("`touches` is `{other}`, expected `plate`, `overlay` or `sound`");
            table.mistake("bad-value", "touches", message, None);
            None
        }
    });
    let kind = match kind {
        Some("choice") => read_choices(&table).map(|choices| Kind::Choice { choices }),
        Some("text") => read_text(&table),
        Some("colour") => Some(Kind::Colour),
        Some("number") => read_number(&table),
        Some("image") => Some(Kind::Image),
        _ => Some(Kind::Boolean),
    }?;
    let usual = match &kind {
        Kind::Choice { choices } => choices.first().map(|choice| Chosen::Choice(choice.id.clone())),
        Kind::Boolean => Some(Chosen::Boolean(false)),
        _ => None,
    };
    let mut parameter = Parameter { name: name.to_owned(), kind, touches: touches?, default: usual };
    if !matches!(parameter.kind, Kind::Image)
        && let Some(item) = table.find("default")
        && let Some(written) = item.plain()
    {
        match parameter.read(&written.value) {
            Ok(value) => parameter.default = Some(value),
            Err(error) => item.mistake(error.code(), format!("the default of `{name}` is refused: {error}"), error.hint()),
        }
    }
    if let Kind::Text { in_prompt: true, .. } = parameter.kind
        && parameter.touches != Touches::Plate
    {
        let hint = "write `touches = \"plate\"`".to_owned();
        let message = format!("`{name}` touches the {}, so it cannot be in a prompt", parameter.touches.name());
        table.mistake("misplaced-key", "in_prompt", message, hint);
    }
    Some(parameter)
}

fn read_choices(table: &Table<'_>) -> Option<Vec<Choice>> {
    let item = table.find("choices")?;
    let before = item.page.count();
    let mut choices: Vec<Choice> = Vec::new();
    let mut add = |id: Located<&str>, prompt| {
        if !is_name(id.value, '-') || id.value == "by" {
            let hint = "expected at most 32 lower-case letters, digits and single hyphens, and not `by`".to_owned();
            item.page.mistake("bad-name", id.span, format!("`{}` is not the id of a choice", id.value), hint);
        } else if choices.iter().any(|choice| choice.id == id.value) {
            item.page.mistake("repeated-name", id.span, format!("the choice `{}` is there twice", id.value), None);
        } else {
            choices.push(Choice { id: id.value.to_owned(), prompt });
        }
    };
    if item.is_table() {
        for (id, choice) in item.entries(MAX_CHOICES) {
            let prompt = choice.table(&CHOICE).and_then(|table| table.text("prompt")).map(|prompt| prompt.value.to_owned());
            add(id, prompt);
        }
    } else {
        item.list(MAX_CHOICES).iter().filter_map(Item::text).for_each(|id| add(id, None));
    }
    if choices.is_empty() && item.page.count() == before {
        item.mistake("too-few", "a choice parameter needs at least one choice", None);
    }
    (!choices.is_empty()).then_some(choices)
}

fn read_text(table: &Table<'_>) -> Option<Kind> {
    let max_graphemes = table.whole("max_graphemes", 1..=500);
    let lines = if table.has("lines") { table.whole("lines", 1..=10) } else { Some(1) };
    let in_prompt = table.flag("in_prompt").unwrap_or(false);
    let pattern = table.text("pattern").and_then(|written| {
        let compiled = Pattern::new(written.value);
        compiled.map_err(|error| table.mistake("bad-pattern", "pattern", error.to_string(), None)).ok()
    });
    Some(Kind::Text { max_graphemes: max_graphemes? as usize, lines: lines? as usize, pattern, in_prompt })
}

fn read_number(table: &Table<'_>) -> Option<Kind> {
    const LIMIT: i64 = 1_000_000_000;
    let number = |key| table.find(key).and_then(|item| item.milli(Milli(-LIMIT)..=Milli(LIMIT)));
    let (min, max, step) = (number("min"), number("max"), number("step"));
    let (min, max, step) = (min?, max?, step?);
    if min >= max {
        table.mistake("out-of-range", "max", format!("`max` is {max}, which is not above `min`, {min}"), None);
    } else if step <= Milli(0) {
        table.mistake("out-of-range", "step", format!("`step` is {step}, expected a number above 0"), None);
    } else if (max.0 - min.0) % step.0 != 0 {
        let last = Milli(max.0 - (max.0 - min.0) % step.0);
        let hint = format!("the last number of the grid is {last}");
        table.mistake(
            "number-off-step",
            "max",
            format!("`max` is {max}, which is not on the grid from {min} in steps of {step}"),
            hint,
        );
    } else {
        return Some(Kind::Number { min, max, step });
    }
    None
}
