//! What the cache promises.
#![allow(clippy::unwrap_used)]

use crate::bench::*;

#[tokio::test]
async fn what_is_kept_is_found_and_loaded() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let footage = footage(1, 100_000);
    let kept = keep(&cache, 1, &footage).await;
    assert_eq!(cache.find(&key(1)).await.unwrap(), Some(kept.clone()));
    assert_eq!(cache.load(&kept.blob).await.unwrap(), Some(footage));
    assert_eq!(cache.usage().bytes, 100_000);
}
