//! What every queue promises.
#![allow(clippy::unwrap_used)]

use festoon::queue::*;
use festoon_spec::*;

use crate::bench::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_leased_and_completed() {
    let bench = Bench::new();
    let queue = bench.queue(&bench.store(), Policy::default());
    let ordered = queue.order(order(1)).await.unwrap();
    assert!(ordered.fresh);
    let lease = queue.lease(&ask("r1")).await.unwrap().unwrap();
    assert_eq!(lease.job, ordered.job.id);
    let done = queue.complete(&lease.job, lease.epoch).await.unwrap();
    assert_eq!(done.state, JobState::Done);
}
