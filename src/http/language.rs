//! Which locale a visitor gets: `Accept-Language` against what a template speaks (RFC 4647 §3.4, lookup).

use festoon_spec::Locale;

/// More entries than this in one field are not looked at.
const MAX_ENTRIES: usize = 32;

/// The first of `spoken` that the field asks for, most wanted first; `None` if it asks for none of them.
/// Likely subtags count, so that `zh-TW` finds `zh-Hant` and not `zh-Hans`.
pub fn wanted<'a>(field: &str, spoken: &[&'a Locale]) -> Option<&'a Locale> {
    let mut entries: Vec<(&str, u32)> = field
        .split(',')
        .take(MAX_ENTRIES)
        .filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let range = parts.next().filter(|range| !range.is_empty() && *range != "*")?;
            let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            let quality = quality.map_or(1.0, |quality| quality.trim().parse::<f64>().unwrap_or(0.0));
            (quality > 0.0).then_some((range, (quality.min(1.0) * 1000.0) as u32))
        })
        .collect();
    // Stable: equal qualities keep the order of the field.
    entries.sort_by_key(|(_, quality)| std::cmp::Reverse(*quality));
    entries.into_iter().filter_map(|(range, _)| range.parse().ok()).find_map(|range: Locale| closest(&range, spoken))
}

/// The first region that the field names: where the visitor lives, as far as a browser says.
pub fn first_region(field: &str) -> Option<String> {
    let tags = field.split(',').take(MAX_ENTRIES).filter_map(|entry| entry.split(';').next());
    tags.filter_map(|tag| tag.trim().parse::<Locale>().ok()).find_map(|locale| locale.region())
}

/// The one of `spoken` that serves a reader of `locale`: the same, else the same language and script, with the same
/// region if there is one.
pub fn closest<'a>(locale: &Locale, spoken: &[&'a Locale]) -> Option<&'a Locale> {
    let same = spoken.iter().find(|candidate| **candidate == locale);
    let reads = |candidate: &&&Locale| candidate.language() == locale.language() && candidate.script() == locale.script();
    let region = locale.maximized().region();
    same.or_else(|| spoken.iter().filter(reads).find(|candidate| candidate.maximized().region() == region))
        .or_else(|| spoken.iter().find(reads))
        .copied()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_visitor_gets_what_the_browser_asks_for() {
        let spoken: Vec<Locale> =
            ["en", "zh-Hans", "zh-Hant", "ja", "pt-BR", "pt-PT", "ar"].iter().map(|tag| tag.parse().unwrap()).collect();
        let spoken: Vec<&Locale> = spoken.iter().collect();
        for (field, expected) in [
            ("ja", Some("ja")),
            ("ja-JP", Some("ja")),
            ("fr, ja;q=0.5", Some("ja")),
            ("en;q=0.3, ar;q=0.9", Some("ar")),
            ("zh-TW", Some("zh-Hant")),
            ("zh-CN", Some("zh-Hans")),
            ("zh", Some("zh-Hans")),
            ("pt", Some("pt-BR")),
            ("pt-PT", Some("pt-PT")),
            ("pt-AO", Some("pt-BR")),
            ("ja;q=0, en", Some("en")),
            ("*", None),
            ("fr", None),
            ("", None),
            (";;q=,,=", None),
            ("en;q=broken, ar;q=0.1", Some("ar")),
        ] {
            assert_eq!(wanted(field, &spoken).map(Locale::as_str), expected, "{field}");
        }
    }
}
