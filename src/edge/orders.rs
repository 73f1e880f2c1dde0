//! Takes the orders of the plan: into the queue's lane `prerender`, pins into the cache.

use std::collections::BTreeSet;

use async_trait::async_trait;
use festoon_spec::{Lane, RenderKey, TenantId};

use super::Edge;
use crate::{
    queue::Order,
    schedule::{OrderError, Orders, PlannedPlate},
};

fn not_taken<E: std::error::Error + Send + Sync + 'static>(key: RenderKey) -> impl FnOnce(E) -> OrderError {
    move |source| OrderError { key, source: Box::new(source) }
}

#[async_trait]
impl Orders for Edge {
    async fn order(&self, plate: &PlannedPlate) -> Result<(), OrderError> {
        let (spec, key) = self.in_its_place(&plate.spec);
        let inner = &self.inner;
        if self.turned_down(&key).is_some() {
            return Ok(());
        }
        if self.allowed(Some(&plate.spec.template), &[key], None).is_err() {
            return Ok(());
        }
        if inner.cache.find(&key).await.map_err(not_taken(key))?.is_some()
            || inner.cache.refusal(&key).await.map_err(not_taken(key))?.is_some()
        {
            return Ok(());
        }
        let order = Order {
            spec,
            key,
            lane: Lane::Prerender,
            tenant: TenantId::default(),
            due: Some(plate.due),
            cost_millis: plate.cost_millis,
            max_attempts: inner.config.queue.max_attempts,
            planned: true,
        };
        inner.queue.order(order).await.map_err(not_taken(key))?;
        Ok(())
    }

    async fn withdraw(&self, key: &RenderKey) -> Result<(), OrderError> {
        self.inner.queue.withdraw(key).await.map_err(not_taken(*key))
    }

    async fn pin(&self, schedule: &str, plates: &BTreeSet<RenderKey>) -> Result<(), OrderError> {
        let cache = &self.inner.cache;
        match plates.first() {
            // What stands in a plate's place as well.
            Some(first) => {
                cache.pin(schedule, plates.iter().flat_map(|key| self.chain(*key))).await.map_err(not_taken(*first))?
            }
            None => cache.unpin(schedule).await.map_err(not_taken(RenderKey::from_bytes([0; 32])))?,
        }
        // Edges have it warm as well.
        self.inner.children.move_on();
        Ok(())
    }
}
