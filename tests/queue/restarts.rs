//! What outlives the process.

use super::*;

sentences!(
    everything_acknowledged_is_there_after_a_restart,
    a_pause_outlives_a_restart,
    a_lease_outlives_a_restart_by_a_whole_term,
    epochs_and_attempts_go_on_after_a_restart,
    shares_outlive_a_restart,
);

async fn everything_acknowledged_is_there_after_a_restart(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    for number in 1..=6 {
        queue.order(Order { lane: Lane::ALL[number as usize % 3], ..order(number) }).await.unwrap();
    }
    let (done, dead, leased) = (lease(queue).await, lease(queue).await, lease(queue).await);
    queue.complete(&done.job, done.epoch).await.unwrap();
    queue.fail(&dead.job, &failure(&dead, FailureKind::Permanent)).await.unwrap();
    queue.order(Order { key: leased.key, ..order(leased.spec.variation) }).await.unwrap();
    let before = queue.list(&JobFilter::default()).await.unwrap();
    bench.restart(Policy::default()).await;
    assert_eq!(bench.queue().list(&JobFilter::default()).await.unwrap(), before);
    let queue = bench.queue();
    queue.complete(&leased.job, leased.epoch).await.unwrap();
}

async fn a_pause_outlives_a_restart(bench: &mut dyn QueueBench) {
    bench.queue().order(order(1)).await.unwrap();
    let held = lease(bench.queue()).await;
    let failed = bench.queue().fail(&held.job, &failure(&held, FailureKind::Transient)).await.unwrap();
    bench.restart(Policy::default()).await;
    assert_eq!(run_at(&job(bench.queue(), &held.job).await), run_at(&failed));
    assert!(bench.queue().lease(&ask("r1")).await.unwrap().is_none());
    bench.clock().set(run_at(&failed));
    assert_eq!(lease(bench.queue()).await.attempt, 2);
}

async fn a_lease_outlives_a_restart_by_a_whole_term(bench: &mut dyn QueueBench) {
    bench.queue().order(order(1)).await.unwrap();
    let held = lease(bench.queue()).await;
    // The server was away for an hour; its renderer painted on.
    bench.clock().advance(3_600_000);
    bench.restart(Policy::default()).await;
    let queue = bench.queue();
    assert_eq!(queue.reap().await.unwrap(), []);
    bench.clock().advance(held.lease_millis - 1);
    queue.complete(&held.job, held.epoch).await.unwrap();
}

async fn epochs_and_attempts_go_on_after_a_restart(bench: &mut dyn QueueBench) {
    bench.queue().order(order(1)).await.unwrap();
    for attempt in 1..=3 {
        let held = lease(bench.queue()).await;
        assert_eq!((held.attempt, held.epoch), (attempt, attempt));
        bench.restart(Policy::default()).await;
        bench.clock().advance(held.lease_millis);
        let back = bench.queue().reap().await.unwrap();
        if attempt < 3 {
            bench.clock().set(run_at(&back[0]));
        }
    }
    assert_eq!(bench.queue().depth().await.unwrap().dead, 1);
}

async fn shares_outlive_a_restart(bench: &mut dyn QueueBench) {
    bench.queue().order(order(1)).await.unwrap();
    bench.restart(Policy::default()).await;
    assert_eq!(bench.queue().order(order(2)).await.unwrap().job.deadline.since(START), 60_000);
}
