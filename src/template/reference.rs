//! docs/templates.md, made from the tables that the reader checks against.

use std::fmt::Write;

use festoon_spec::{CameraMove, Motif};

use super::{
    RESERVED, audio, canvas, declared, delivery, folder, overlay::sections, prerender, prompt, public, reader::Section, scene,
    words,
};

/// Every table, in the order of the page.
const SECTIONS: [&Section; 40] = [
    &folder::TEMPLATE,
    &canvas::CANVAS,
    &declared::CHOICE_PARAMETER,
    &declared::CHOICE,
    &declared::TEXT_PARAMETER,
    &declared::COLOUR_PARAMETER,
    &declared::NUMBER_PARAMETER,
    &declared::IMAGE_PARAMETER,
    &declared::BOOLEAN_PARAMETER,
    &scene::PALETTE,
    &scene::PALETTE_LOCALE,
    &scene::SCENE,
    &scene::LAYER,
    &scene::CAMERA,
    &scene::FINISH,
    &scene::SCENE_LOCALE,
    &prompt::PROMPT,
    &prompt::SAMPLING,
    &prompt::LORA,
    &sections::OVERLAY,
    &sections::SAFE_AREA,
    &sections::OVERLAY_AT,
    &sections::WINDOW,
    &sections::TEXT_LAYER,
    &sections::IMAGE_LAYER,
    &sections::SHAPE_LAYER,
    &sections::SCRIM_LAYER,
    &sections::BAR_LAYER,
    &sections::ANIMATION,
    &sections::SHADOW,
    &sections::OUTLINE,
    &sections::PANEL,
    &sections::FACE,
    &audio::AUDIO,
    &public::PUBLIC,
    &delivery::DELIVERY,
    &prerender::RULE,
    &prerender::BUDGET,
    &words::WORDS,
    &words::PARAMETER_WORDS,
];

/// The whole page, in Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Template fields\n\n\
         <!-- Written by `festoon check --reference`; a test refuses drift. Do not edit. -->\n\n\
         `festoon check` reports every mistake in a folder of templates with its file, line and column, and what would be right. \
         A running server reads a saved change at once; a template that a save breaks stays as it was.\n",
    );
    for section in SECTIONS {
        write(&mut page, section);
    }
    let names = |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let lists = [
        ("Motifs", names(Motif::ALL.iter().map(|motif| motif.name()).collect())),
        ("Camera moves", names(CameraMove::ALL.iter().map(|movement| movement.name()).collect())),
        ("Names that no parameter may have", names(RESERVED.to_vec())),
    ];
    for (title, names) in lists {
        page.push_str(&format!("\n## {title}\n\n{names}\n"));
    }
    page
}

fn write(page: &mut String, section: &Section) {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut put = |line: std::fmt::Arguments<'_>| page.write_fmt(line).expect("a String takes everything");
    put(format_args!("\n## {}\n\n{}\n", title(section.title), section.about));
    if section.keys.is_empty() {
        return;
    }
    put(format_args!("\n| key | holds | if left out | meaning |\n|---|---|---|---|\n"));
    for key in section.keys {
        let default = key.default.unwrap_or("must be there");
        put(format_args!("| `{}` | {} | {} | {} |\n", key.name, cell(key.holds), cell(default), cell(key.about)));
    }
}

/// The title with its table in code: `[parameters.<name>] of kind …`.
fn title(title: &str) -> String {
    match title.split_once(" of ") {
        Some((table, rest)) => format!("`{table}` of {rest}"),
        None => format!("`{title}`"),
    }
}
