//! What a pre-render rule asks for, as picks.

use std::collections::BTreeMap;

use super::Pick;
use crate::template::{PrerenderRule, Template};

/// A pick and how much it is wanted: 0 is the most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankedPick {
    /// The sum of the places in the rule's lists.
    pub rank: u32,
    /// What would be asked for.
    pub pick: Pick,
}

impl RankedPick {
    /// Every pick of a rule, the most wanted first, before any budget: a pick ranks by how far down its locale, its values, its
    /// ratio and its variation stand in their lists, taken together; ties stay in the order of the lists.
    pub fn of(rule: &PrerenderRule, template: &Template) -> Vec<Self> {
        let mut combinations: Vec<(u32, BTreeMap<String, String>)> = vec![(0, BTreeMap::new())];
        for (name, values) in &rule.choices {
            combinations = combinations
                .iter()
                .flat_map(|(rank, chosen)| {
                    values.iter().zip(0..).map(move |(value, place)| {
                        let mut chosen = chosen.clone();
                        chosen.insert(name.clone(), value.clone());
                        (rank + place, chosen)
                    })
                })
                .collect();
        }
        let usual = [template.canvases.usual()];
        let ratios = if rule.ratios.is_empty() { &usual[..] } else { &rule.ratios };
        let takes = ratios.iter().zip(0..).flat_map(|(ratio, place)| (0..rule.variations).map(move |take| (*ratio, place, take)));
        let mut picks = Vec::new();
        for (locale, locale_place) in rule.locales.iter().zip(0..) {
            for (choice_rank, parameters) in &combinations {
                picks.extend(takes.clone().map(|(ratio, ratio_place, variation)| Self {
                    rank: locale_place + choice_rank + ratio_place + variation,
                    pick: Pick {
                        parameters: parameters.clone(),
                        ratio: Some(ratio),
                        variation,
                        ..Pick::usual(template.id.clone(), locale.clone())
                    },
                }));
            }
        }
        picks.sort_by_key(|ranked| ranked.rank);
        picks
    }
}
