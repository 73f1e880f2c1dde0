//! The plates that a campaign or a pre-render rule wants, the most wanted first, as far as its budget goes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use festoon_spec::{Locale, PlateSpec, RenderKey};
use serde::Serialize;

use super::Costs;
use crate::{
    makers::Makers,
    pick::{Pick, PickError, RankedPick},
    template::{Budget, Template},
};

/// One plate and everybody who wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The plate's key; no two cells have the same.
    pub key: RenderKey,
    /// What to paint.
    pub plate: PlateSpec,
    /// How much it is wanted: the smallest rank of its picks, 0 the most.
    pub rank: u32,
    /// The picks that share it, in canonical form, the most wanted first; never empty.
    pub picks: Vec<Pick>,
    /// Forecast of its painting time.
    pub cost_millis: u64,
}

impl Cell {
    /// The locales that share it.
    pub fn locales(&self) -> BTreeSet<&Locale> {
        self.picks.iter().map(|pick| &pick.locale).collect()
    }
}

/// Cells in the order in which they should be painted, cut at a budget.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matrix {
    /// What is within the budget.
    pub cells: Vec<Cell>,
    /// What is beyond it.
    pub beyond: Vec<Cell>,
}

/// A pick of a campaign or rule that cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} for {}: {error}", pick.template, pick.locale)]
pub struct Unresolved {
    /// The pick.
    pub pick: Box<Pick>,
    /// What is wrong with it.
    pub error: PickError,
}

/// What a matrix comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sum {
    /// Plates.
    pub plates: usize,
    /// Picks that share them.
    pub picks: usize,
    /// Forecast of the painting time.
    pub cost_millis: u64,
}

impl Sum {
    /// Of some cells.
    pub fn of(cells: &[Cell]) -> Self {
        Self {
            plates: cells.len(),
            picks: cells.iter().map(|cell| cell.picks.len()).sum(),
            cost_millis: cells.iter().map(|cell| cell.cost_millis).sum(),
        }
    }
}

impl Matrix {
    /// Resolves picks, joins those that share a plate, ranks the plates and cuts them at the budget.
    ///
    /// A smaller rank goes first; of equal ones what more locales share, then what costs less: the most hits for a second of
    /// painting. The cut is at the first cell that no longer fits, so that a larger budget only ever adds cells.
    ///
    /// # Errors
    /// With the first pick that cannot be resolved.
    pub fn of<'a>(
        asked: impl IntoIterator<Item = (&'a Template, RankedPick)>,
        makers: &Makers,
        costs: &Costs,
        budget: Budget,
    ) -> Result<Self, Unresolved> {
        let mut cells: Vec<Cell> = Vec::new();
        let mut place_of: BTreeMap<RenderKey, usize> = BTreeMap::new();
        for (template, RankedPick { rank, pick }) in asked {
            let resolved = match pick.resolve(template, makers) {
                Ok(resolved) => resolved,
                Err(error) => return Err(Unresolved { pick: Box::new(pick), error }),
            };
            if let Some(place) = place_of.get(&resolved.plate_key) {
                let cell = &mut cells[*place];
                cell.rank = cell.rank.min(rank);
                if !cell.picks.contains(&resolved.pick) {
                    cell.picks.push(resolved.pick);
                }
                continue;
            }
            place_of.insert(resolved.plate_key, cells.len());
            let cost_millis = costs.millis(&resolved.plate);
            cells.push(Cell { key: resolved.plate_key, plate: resolved.plate, rank, picks: vec![resolved.pick], cost_millis });
        }
        cells.sort_by_key(|cell| (cell.rank, Reverse(cell.locales().len()), cell.cost_millis));
        let beyond = cells.split_off(within(&cells, budget));
        Ok(Self { cells, beyond })
    }

    /// What is within the budget, in sum.
    pub fn sum(&self) -> Sum {
        Sum::of(&self.cells)
    }
}

/// How many of the first cells a budget pays for.
fn within(cells: &[Cell], budget: Budget) -> usize {
    let most_plates = budget.plates.map_or(usize::MAX, |plates| plates as usize);
    let most_millis = budget.gpu_seconds.map_or(u64::MAX, |seconds| u64::from(seconds) * 1000);
    let mut spent = 0;
    let affordable = cells.iter().take_while(|cell| {
        spent += cell.cost_millis;
        spent <= most_millis
    });
    affordable.count().min(most_plates)
}
