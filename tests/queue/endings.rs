//! Failing, stopping, ending, being forgotten.

use festoon::clock::Clock;

use super::*;

sentences!(
    completing_twice_is_harmless,
    each_transient_failure_pauses_longer_up_to_a_limit,
    pauses_of_jobs_that_failed_together_differ,
    a_permanent_failure_is_dead_at_once_with_its_reason,
    an_attempt_that_is_handed_back_does_not_count,
    cancelling_a_queued_job_ends_it,
    cancelling_a_leased_job_is_told_at_the_next_renewal,
    a_job_to_be_cancelled_whose_renderer_vanished_ends_cancelled,
    a_job_to_be_cancelled_that_was_done_in_time_is_done,
    the_last_waiter_that_leaves_cancels,
    nobody_takes_back_the_order_of_another,
    of_very_many_orders_the_last_ones_stay,
    the_plan_waits_as_one_and_nobody_else_leaves_for_it,
    a_job_past_its_half_is_finished_though_nobody_waits,
    ended_jobs_are_forgotten_beyond_a_number,
    ended_jobs_are_forgotten_after_a_while,
    subscribers_hear_the_life_of_a_job,
);

async fn completing_twice_is_harmless(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    let first = queue.complete(&held.job, held.epoch).await.unwrap();
    let second = queue.complete(&held.job, held.epoch).await.unwrap();
    assert_eq!(first, second, "the first answer may have been lost on the way");
}

async fn each_transient_failure_pauses_longer_up_to_a_limit(bench: &mut dyn QueueBench) {
    bench.restart(Policy { backoff_limit_millis: 60_000, ..Policy::default() }).await;
    let queue = bench.queue();
    queue.order(Order { max_attempts: 7, ..order(1) }).await.unwrap();
    let mut pauses = Vec::new();
    for attempt in 1..=7 {
        let held = lease(queue).await;
        assert_eq!(held.attempt, attempt);
        let failed = queue.fail(&held.job, &failure(&held, FailureKind::Transient)).await.unwrap();
        if attempt == 7 {
            let reason = "the device fell off the bus (attempt 7 of 7)".to_owned();
            assert_eq!(failed.state, JobState::Dead { reason });
            break;
        }
        pauses.push(run_at(&failed).since(bench.clock().now()));
        assert!(queue.lease(&ask("r1")).await.unwrap().is_none());
        bench.clock().set(run_at(&failed));
    }
    for (pause, full) in pauses.into_iter().zip([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]) {
        assert!((full * 3 / 4..=full).contains(&pause), "{pause} of {full}");
    }
}

async fn pauses_of_jobs_that_failed_together_differ(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let mut pauses = Vec::new();
    for number in 0..16 {
        queue.order(order(number)).await.unwrap();
        let held = lease(queue).await;
        pauses.push(run_at(&queue.fail(&held.job, &failure(&held, FailureKind::Transient)).await.unwrap()));
    }
    pauses.sort_unstable();
    pauses.dedup();
    assert!(pauses.len() > 12, "{pauses:?}");
}

async fn a_permanent_failure_is_dead_at_once_with_its_reason(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    let dead = queue.fail(&held.job, &failure(&held, FailureKind::Permanent)).await.unwrap();
    assert_eq!(dead.state, JobState::Dead { reason: "the device fell off the bus".into() });
    assert_eq!(queue.live(&key(1)).await.unwrap(), None);
}

async fn an_attempt_that_is_handed_back_does_not_count(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(Order { max_attempts: 1, ..order(1) }).await.unwrap();
    for epoch in 1..=4 {
        let held = lease(queue).await;
        assert_eq!((held.attempt, held.epoch), (1, epoch));
        let back = queue.fail(&held.job, &failure(&held, FailureKind::HandedBack)).await.unwrap();
        assert_eq!((back.attempts, run_at(&back)), (0, START), "at once");
    }
}

async fn cancelling_a_queued_job_ends_it(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let ordered = queue.order(order(1)).await.unwrap();
    queue.order(order(1)).await.unwrap();
    assert_eq!(queue.cancel(&ordered.job.id).await.unwrap().state, JobState::Cancelled);
    assert!(queue.lease(&ask("r1")).await.unwrap().is_none());
    assert_eq!(queue.live(&key(1)).await.unwrap(), None);
    assert_eq!(queue.cancel(&ordered.job.id).await.unwrap().state, JobState::Cancelled, "twice is harmless");
}

async fn cancelling_a_leased_job_is_told_at_the_next_renewal(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    assert!(queue.cancel(&held.job).await.unwrap().is_live());
    assert!(queue.renew(&held.job, &renewal(&held, None)).await.unwrap().cancel);
    let ended = queue.fail(&held.job, &failure(&held, FailureKind::HandedBack)).await.unwrap();
    assert_eq!(ended.state, JobState::Cancelled);
}

async fn a_job_to_be_cancelled_whose_renderer_vanished_ends_cancelled(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    queue.cancel(&held.job).await.unwrap();
    bench.clock().advance(held.lease_millis);
    assert_eq!(queue.reap().await.unwrap()[0].state, JobState::Cancelled);
}

async fn a_job_to_be_cancelled_that_was_done_in_time_is_done(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    queue.cancel(&held.job).await.unwrap();
    let done = queue.complete(&held.job, held.epoch).await.unwrap();
    assert_eq!((done.state, done.cancel), (JobState::Done, false));
    assert_eq!(queue.cancel(&held.job).await.unwrap().state, JobState::Done);
}

async fn the_last_waiter_that_leaves_cancels(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let (id, one) = waits(queue, 1).await;
    let (_, other) = waits(queue, 1).await;
    assert!(queue.leave(&id, &one).await.unwrap().is_live());
    assert_eq!(queue.leave(&id, &other).await.unwrap().state, JobState::Cancelled);
    let left = queue.leave(&id, &other).await.unwrap();
    assert_eq!((left.waiters, left.state), (0, JobState::Cancelled));

    let (_, only) = waits(queue, 2).await;
    let held = lease(queue).await;
    queue.renew(&held.job, &renewal(&held, Some(499))).await.unwrap();
    assert!(queue.leave(&held.job, &only).await.unwrap().cancel);
}

/// Orders a plate: the job, and what takes this order back.
async fn waits(queue: &dyn JobQueue, number: u32) -> (JobId, OrderId) {
    let ordered = queue.order(order(number)).await.unwrap();
    (ordered.job.id, ordered.order.unwrap())
}

async fn nobody_takes_back_the_order_of_another(bench: &mut dyn QueueBench) {
    let (id, mine) = waits(bench.queue(), 1).await;
    let (_, theirs) = waits(bench.queue(), 1).await;
    assert_ne!(mine, theirs);
    let (_, of_another_job) = waits(bench.queue(), 2).await;
    let guessed = OrderId::read(&"0123456789abcdef".repeat(2)).unwrap();
    for leaving in [&mine, &mine, &of_another_job, &guessed] {
        assert_eq!(bench.queue().leave(&id, leaving).await.unwrap().waiters, 1, "{leaving:?}");
    }
    bench.restart(Policy::default()).await;
    assert_eq!(bench.queue().leave(&id, &mine).await.unwrap().waiters, 1, "it is remembered who left");
    assert_eq!(bench.queue().leave(&id, &theirs).await.unwrap().state, JobState::Cancelled);
}

async fn of_very_many_orders_the_last_ones_stay(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let mut orders = Vec::new();
    for _ in 0..257 {
        orders.push(queue.order(order(1)).await.unwrap());
    }
    let last = orders.pop().unwrap();
    assert_eq!((last.order, last.job.waiters), (None, 257));
    for ordered in orders {
        queue.leave(&ordered.job.id, &ordered.order.unwrap()).await.unwrap();
    }
    let job = queue.live(&key(1)).await.unwrap().unwrap();
    assert_eq!((job.waiters, job.cancel), (1, false));
}

async fn the_plan_waits_as_one_and_nobody_else_leaves_for_it(bench: &mut dyn QueueBench) {
    let planned = || Order { lane: Lane::Prerender, planned: true, ..order(1) };
    let (id, mine) = waits(bench.queue(), 1).await;
    for _ in 0..3 {
        let ordered = bench.queue().order(planned()).await.unwrap();
        assert_eq!((ordered.job.waiters, ordered.order), (2, None));
    }
    for _ in 0..3 {
        let left = bench.queue().leave(&id, &mine).await.unwrap();
        assert_eq!((left.waiters, left.is_live()), (1, true));
    }
    bench.restart(Policy::default()).await;
    let queue = bench.queue();
    queue.withdraw(&key(1)).await.unwrap();
    assert_eq!(queue.get(&id).await.unwrap().unwrap().state, JobState::Cancelled);

    // Who ordered keeps the place that the plan never had, or gives up.
    let id = queue.order(order(1)).await.unwrap().job.id;
    queue.withdraw(&key(1)).await.unwrap();
    assert_eq!(queue.get(&id).await.unwrap().unwrap().waiters, 1);
    queue.withdraw(&key(2)).await.unwrap();
}

async fn a_job_past_its_half_is_finished_though_nobody_waits(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let (_, only) = waits(queue, 1).await;
    let held = lease(queue).await;
    queue.renew(&held.job, &renewal(&held, Some(500))).await.unwrap();
    let left = queue.leave(&held.job, &only).await.unwrap();
    assert_eq!((left.waiters, left.cancel), (0, false));
    assert_eq!(queue.complete(&held.job, held.epoch).await.unwrap().state, JobState::Done);
}

async fn end(queue: &dyn JobQueue, number: u32) -> JobId {
    let id = queue.order(order(number)).await.unwrap().job.id;
    queue.cancel(&id).await.unwrap().id
}

async fn ended_jobs_are_forgotten_beyond_a_number(bench: &mut dyn QueueBench) {
    bench.restart(Policy { ended_limit: 2, ..Policy::default() }).await;
    let queue = bench.queue();
    let mut ended = Vec::new();
    for number in 1..=5 {
        bench.clock().advance(1);
        ended.push(end(queue, number).await);
    }
    let live = queue.order(order(9)).await.unwrap().job.id;
    queue.reap().await.unwrap();
    let left: Vec<_> = queue.list(&JobFilter::default()).await.unwrap().into_iter().map(|job| job.id).collect();
    assert_eq!(left, [live, ended[4].clone(), ended[3].clone()]);
}

async fn ended_jobs_are_forgotten_after_a_while(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let old = end(queue, 1).await;
    bench.clock().advance(Policy::default().ended_millis - 1);
    let young = end(queue, 2).await;
    queue.reap().await.unwrap();
    assert!(queue.get(&old).await.unwrap().is_some());
    bench.clock().advance(1);
    queue.reap().await.unwrap();
    assert_eq!(queue.get(&old).await.unwrap(), None);
    assert!(queue.get(&young).await.unwrap().is_some());
}

async fn subscribers_hear_the_life_of_a_job(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let mut events = queue.subscribe();
    queue.order(order(1)).await.unwrap();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    queue.renew(&held.job, &renewal(&held, Some(10))).await.unwrap();
    queue.fail(&held.job, &failure(&held, FailureKind::HandedBack)).await.unwrap();
    let held = lease(queue).await;
    queue.complete(&held.job, held.epoch).await.unwrap();
    let mut kinds = Vec::new();
    while let Ok(event) = events.try_recv() {
        assert_eq!(event.job.id, held.job);
        kinds.push(event.kind);
    }
    use JobEventKind::*;
    assert_eq!(kinds, [Queued, Joined, Leased, Progress, Queued, Leased, Ended]);
}
