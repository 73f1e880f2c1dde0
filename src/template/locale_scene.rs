//! Which locale sees which scene: what an author looks at after saying something differently for a locale.

use std::collections::BTreeMap;

use festoon_spec::{Locale, MotionScene};
use serde::Serialize;

use super::{Parameter, PromptError, SceneSource, Template};

/// A scene and the locales that see it when nothing is chosen: they share its plate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocaleScene {
    /// As the template writes them; the default locale first, then in the order of the alphabet.
    pub locales: Vec<Locale>,
    /// What they see.
    #[serde(flatten)]
    pub shows: Shows,
}

/// What is painted, without what only says how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "painter")]
pub enum Shows {
    /// A scene of motion graphics.
    Motion {
        /// The whole scene.
        scene: MotionScene,
    },
    /// What the model is told.
    Wan {
        /// The whole prompt.
        prompt: String,
        /// The parts of it that may differ by locale.
        fragments: BTreeMap<String, String>,
    },
}

impl Template {
    /// Each scene that a locale sees when nothing is chosen, with its locales: those that have words, and those for which a
    /// scene, a palette or a prompt says something differently.
    ///
    /// # Errors
    /// If a prompt does not render.
    pub fn locale_scenes(&self) -> Result<Vec<LocaleScene>, PromptError> {
        let mut locales = vec![&self.default_locale];
        let said: Vec<_> = match &self.source {
            SceneSource::Motion(motion) => motion.locales().collect(),
            SceneSource::Wan(wan) => wan.locales().collect(),
        };
        let mut others: Vec<&Locale> = self.locales().collect();
        others.extend(said.into_iter().filter(|said| !self.words.contains_key(said)));
        others.sort();
        locales.extend(others.into_iter().filter(|locale| locale.minimized() != self.default_locale.minimized()));
        locales.dedup();
        let mut scenes: Vec<LocaleScene> = Vec::new();
        for locale in locales {
            let shows = self.shows(locale)?;
            match scenes.iter_mut().find(|scene| scene.shows == shows) {
                Some(scene) => scene.locales.push(locale.clone()),
                None => scenes.push(LocaleScene { locales: vec![locale.clone()], shows }),
            }
        }
        Ok(scenes)
    }

    fn shows(&self, locale: &Locale) -> Result<Shows, PromptError> {
        let (_, words) = self.words(locale);
        let usual = |parameter: &Parameter| Some((parameter.name.clone(), Template::usual(parameter, words)?));
        let values = self.parameters.iter().filter_map(usual).collect();
        let chain = self.fallbacks.picture_chain(locale);
        Ok(match &self.source {
            SceneSource::Motion(motion) => Shows::Motion { scene: motion.build(&chain, &values) },
            SceneSource::Wan(wan) => {
                let fragments = wan.fragments(&chain).map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
                Shows::Wan { prompt: wan.prompt(&chain, &values)?, fragments }
            }
        })
    }
}
