//! A template as the gallery shows it.

use std::cmp::Reverse;

use chrono::NaiveDate;
use festoon_spec::{Checkpoint, CheckpointKind, Locale, Painter, Profile, Still};
use serde::Serialize;

use super::visitor::{LOCALE, Visitor};
use crate::{
    edge::{Edge, EdgeError, Shown},
    http::{address, problem::Problem},
    pick::Pick,
    schedule::Feasts,
    template::Template,
};

/// One template.
#[derive(Debug, Serialize)]
pub struct Card {
    /// Its name in addresses.
    pub id: String,
    /// Its title, in the page's language where it has words for it.
    pub title: String,
    /// A sentence about it.
    pub description: String,
    /// Who paints it, honestly.
    pub badge: String,
    /// Whether the text-to-video model paints it.
    pub by_model: bool,
    /// Whether that model is for demonstration.
    pub demonstration: bool,
    /// Whether it stands behind the others.
    pub behind: bool,
    /// The words' locale, where it is not the page's.
    pub lang: Option<Locale>,
    /// Its page.
    pub href: String,
    /// A clip that is ready.
    pub clip: Option<String>,
    /// One picture of it.
    pub poster: Option<String>,
    /// What it is due for next.
    pub due: Option<Due>,
    /// What a search looks through.
    pub search: String,
}

/// The next day for which a template is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Due {
    /// The day.
    pub date: NaiveDate,
    /// How many days away.
    pub days: i64,
    /// The feast.
    pub feast: String,
    /// Its name, in the page's language.
    pub name: String,
}

/// The poster of a clip that is shown.
pub fn poster(shown: &Shown) -> String {
    address::of_clip(&Pick { profile: Profile::Poster(Still::Webp), at: None, ..shown.resolved.pick.clone() })
}

impl Card {
    /// The card of a template for a visitor. What plays in it is what is ready now; nothing is ordered.
    pub async fn of(
        edge: &Edge,
        feasts: &Feasts,
        template: &Template,
        visitor: &Visitor,
        today: NaiveDate,
    ) -> Result<Self, Problem> {
        let (page, locale) = (visitor.language, visitor.locale_of(template));
        let (spoken, words) = template.words(&page.locale);
        let shown = match edge.peek(&Pick::usual(template.id.clone(), locale), true).await {
            Ok(shown) => shown,
            // Without its model a template is shown, only not playing.
            Err(EdgeError::Pick(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let makers = edge.makers();
        let checkpoint = template.model().map(|model| makers.models.get(model));
        let badge = match checkpoint {
            Some(Some(Checkpoint { abilities, .. })) => format!("{}: {}", page.words["by_model"], abilities.title),
            Some(None) => page.words["by_model"].clone(),
            None => page.words["by_motion"].clone(),
        };
        let due = Due::of(feasts, template, visitor, today);
        let choices = words.parameters.values().flat_map(|parameter| parameter.choices.values());
        let feast = due.iter().map(|due| &due.name);
        let search: Vec<&String> = [&words.title, &words.description].into_iter().chain(choices).chain(feast).collect();
        let search = search.into_iter().map(|text| text.to_lowercase()).collect::<Vec<_>>().join(" ");
        let path = format!("/t/{}", template.id);
        Ok(Self {
            search: format!("{} {search}", template.id),
            href: visitor.link(&path, &[(LOCALE, visitor.says(LOCALE).unwrap_or_default())]),
            id: template.id.to_string(),
            title: words.title.clone(),
            description: words.description.clone(),
            by_model: template.painter() == Painter::wan(),
            demonstration: checkpoint.flatten().is_some_and(|it| it.abilities.kind == CheckpointKind::Demonstration),
            behind: checkpoint.is_some_and(|checkpoint| !checkpoint.is_some_and(Checkpoint::may_lead)),
            badge,
            lang: (spoken.language() != page.locale.language()).then(|| spoken.clone()),
            poster: shown.as_ref().map(poster),
            clip: shown.map(|shown| address::of_clip(&shown.resolved.pick)),
            due,
        })
    }

    /// Where it stands among the others: what is due next in front, what a model paints that may not lead at the end.
    pub fn place(&self) -> impl Ord + use<> {
        (self.behind, self.due.is_none(), self.due.clone(), Reverse(self.clip.is_some()), self.id.clone())
    }
}

impl Due {
    /// The nearest of the feasts that a template prepares, where the visitor lives.
    fn of(feasts: &Feasts, template: &Template, visitor: &Visitor, today: NaiveDate) -> Option<Self> {
        let named = template.prerender.iter().filter_map(|rule| feasts.get(rule.feast.as_deref()?));
        let dates = named.filter_map(|feast| {
            let date = feast.next(&visitor.region, today)?.date;
            let name = visitor.language.feasts.get(&feast.id).unwrap_or(&feast.name).clone();
            Some(Self { date, days: (date - today).num_days(), feast: feast.id.clone(), name })
        });
        dates.min()
    }
}
