//! The takes of a pick: which there are, which is offered next, and what people say of them.

use std::{collections::BTreeSet, sync::Arc};

use festoon_spec::{Digest, Scene};

use super::{Edge, EdgeError, Found, Shown};
use crate::{
    opinion::{Heard, Opinion, Topic},
    pick::{MAX_VARIATION, Pick, PickError, Resolved},
};

/// Takes that are looked for. Who turned that many down gets new ones.
const MOST_TAKES: u32 = 24;

/// The take that is shown after one was turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Its number.
    pub variation: u32,
    /// Whether it is painted.
    pub ready: bool,
}

impl Edge {
    /// The takes of a pick that are painted, the best liked in front.
    ///
    /// # Errors
    /// As [`Edge::peek`].
    pub async fn takes(&self, pick: &Pick) -> Result<Vec<Shown>, EdgeError> {
        let template = self.template(pick)?;
        let topic = topic(&pick.resolve(&template, &self.makers())?);
        let mut takes = Vec::new();
        for variation in self.inner.opinions.ranked(&topic, 0..MOST_TAKES) {
            let resolved = Pick { variation, ..pick.clone() }.resolve(&template, &self.makers())?;
            if let Found::Ready(entry) = self.find(&resolved).await? {
                takes.push(Shown { entry: *entry, resolved });
            }
        }
        Ok(takes)
    }

    /// Turns a take down, and says which one is shown instead: the best liked of those that are painted and were not `seen`, else
    /// the first that was not. A take that was refused is not shown.
    ///
    /// # Errors
    /// As [`Edge::say`]; [`EdgeError::Pick`] if there are no more takes.
    pub async fn another(&self, pick: &Pick, seen: &BTreeSet<u32>) -> Result<Next, EdgeError> {
        self.say(pick, Opinion::Another).await?;
        let fresh = |variation: u32| variation != pick.variation && !seen.contains(&variation);
        let takes = self.takes(pick).await?;
        let mut painted = takes.iter().map(|shown| shown.resolved.pick.variation);
        if let Some(variation) = painted.find(|variation| fresh(*variation)) {
            return Ok(Next { variation, ready: true });
        }
        let template = self.template(pick)?;
        for variation in (0..=MAX_VARIATION).filter(|variation| fresh(*variation)) {
            let resolved = Pick { variation, ..pick.clone() }.resolve(&template, &self.makers())?;
            match self.find(&resolved).await? {
                Found::Refused { .. } => {}
                Found::Ready(_) => return Ok(Next { variation, ready: true }),
                Found::Nothing => return Ok(Next { variation, ready: false }),
            }
        }
        Err(PickError::BadVariation { given: "one more than there can be".into() }.into())
    }

    /// Counts what somebody says of a take. Only of one that can be seen: of others nobody has an opinion, and strangers cannot
    /// make up topics.
    ///
    /// # Errors
    /// [`EdgeError::NotPainted`], [`EdgeError::Pick`], or if it cannot be written.
    pub async fn say(&self, pick: &Pick, opinion: Opinion) -> Result<(), EdgeError> {
        let Some(shown) = self.peek(pick, false).await? else {
            return Err(EdgeError::NotPainted { template: pick.template.clone() });
        };
        let (opinions, topic, now) = (Arc::clone(&self.inner.opinions), topic(&shown.resolved), self.now());
        let variation = shown.resolved.pick.variation;
        match tokio::task::spawn_blocking(move || opinions.say(topic, variation, opinion, now)).await {
            Ok(said) => Ok(said?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// What people said, what is turned down most in front.
    pub fn opinions(&self) -> Vec<Heard> {
        self.inner.opinions.all()
    }
}

/// What the painter was told: all takes of it are one topic, whatever their size.
fn topic(resolved: &Resolved) -> Topic {
    let told = match &resolved.plate.scene {
        Scene::Wan(wan) if wan.negative.is_empty() => wan.prompt.clone(),
        Scene::Wan(wan) => format!("{} – without: {}", wan.prompt, wan.negative),
        Scene::Motion(_) => {
            let drawn = &resolved.clip.overlay.values;
            let painted = resolved.pick.parameters.iter().filter(|(name, _)| !drawn.contains_key(*name));
            painted.map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
        }
    };
    Topic {
        template: resolved.pick.template.clone(),
        locale: resolved.pick.locale.minimized(),
        prompt: Digest::of(told.as_bytes()),
        told,
    }
}
