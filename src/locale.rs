//! Which words a locale is served with, when a template does not have its own.

use std::collections::BTreeMap;

use festoon_spec::Locale;

/// Ways from one locale to another that CLDR does not know, for example `zh-Hant` to `zh-Hans`; declared by a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fallbacks(BTreeMap<Locale, Locale>);

impl Fallbacks {
    /// Declares each pair: words for the first may come from the second.
    pub fn new(declared: impl IntoIterator<Item = (Locale, Locale)>) -> Self {
        Self(declared.into_iter().map(|(from, to)| (from.minimized(), to)).collect())
    }

    /// Where to look for `locale`, nearest first, each tag [minimized](Locale::minimized): the locale, its parents after
    /// CLDR, then what was declared for any of them. `fr-CA` leads to `fr`; `zh-TW` leads to `zh-Hans` only if declared.
    /// A circle of declarations ends where it began.
    pub fn chain(&self, locale: &Locale) -> Vec<Locale> {
        let mut chain = locale.ancestry();
        let mut at = 0;
        while at < chain.len() {
            let declared = self.0.get(&chain[at]).map(Locale::ancestry).unwrap_or_default();
            at += 1;
            for ancestor in declared {
                if !chain.contains(&ancestor) {
                    chain.push(ancestor);
                }
            }
        }
        chain
    }

    /// Where to look for what is painted for `locale`: as [`chain`](Self::chain), then each of its languages alone. A picture
    /// is in no script, so what is painted for `zh` is painted for `zh-Hant-TW` too.
    pub fn picture_chain(&self, locale: &Locale) -> Vec<Locale> {
        let mut chain = self.chain(locale);
        for at in 0..chain.len() {
            let language = chain[at].language_alone();
            if !chain.contains(&language) {
                chain.push(language);
            }
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn chain(declared: &[(&str, &str)], locale: &str) -> Vec<String> {
        let declared = declared.iter().map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap()));
        Fallbacks::new(declared).chain(&locale.parse().unwrap()).iter().map(Locale::to_string).collect()
    }

    #[test]
    fn a_region_falls_back_to_its_language() {
        assert_eq!(chain(&[], "fr-CA"), ["fr-CA", "fr"]);
        assert_eq!(chain(&[], "es_mx"), ["es-MX", "es-419", "es"]);
    }

    #[test]
    fn traditional_chinese_never_falls_to_simplified_unless_the_template_says_so() {
        assert_eq!(chain(&[], "zh-HK"), ["zh-HK", "zh-TW"]);
        assert_eq!(chain(&[("zh-Hant", "zh-Hans")], "zh-HK"), ["zh-HK", "zh-TW", "zh"]);
    }

    #[test]
    fn a_picture_is_in_no_script() {
        let chain = |declared: &[(&str, &str)], locale: &str| {
            let declared = declared.iter().map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap()));
            let chain = Fallbacks::new(declared).picture_chain(&locale.parse().unwrap());
            chain.iter().map(Locale::to_string).collect::<Vec<_>>()
        };
        assert_eq!(chain(&[], "zh-Hant-HK"), ["zh-HK", "zh-TW", "zh"]);
        assert_eq!(chain(&[], "zh-Hans"), ["zh"]);
        assert_eq!(chain(&[], "fr-CA"), ["fr-CA", "fr"]);
        assert_eq!(chain(&[("ko", "zh-Hant")], "ko-KR"), ["ko", "zh-TW", "zh"]);
    }

    #[test]
    fn spellings_of_one_locale_have_one_chain() {
        for spelling in ["zh_CN", "zh-cn", "zh-Hans-CN", "zh-Hans", "zh"] {
            assert_eq!(chain(&[], spelling), ["zh"], "{spelling}");
        }
    }

    #[test]
    fn a_circle_of_declarations_ends() {
        assert_eq!(chain(&[("nb", "da"), ("da", "nb")], "nb-NO"), ["nb", "no", "da"]);
    }
}
