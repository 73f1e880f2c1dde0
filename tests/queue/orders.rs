//! Ordering, and who comes first.

use super::*;

sentences!(
    an_order_makes_a_job_with_what_was_ordered,
    ordering_a_live_key_joins_its_job,
    many_orders_of_one_key_at_once_make_one_job,
    an_ended_key_can_be_ordered_again,
    a_joining_order_raises_lane_and_deadline_and_never_lowers_them,
    a_joining_order_takes_back_the_wish_to_cancel,
    a_key_that_is_not_the_specs_is_refused,
    a_full_queue_refuses_new_jobs_but_lets_orders_join,
    paid_comes_before_free_before_prerender,
    a_free_order_that_waited_comes_before_a_later_paid_one,
    a_prerender_comes_first_once_its_date_is_near,
    a_late_campaign_does_not_keep_paid_orders_waiting,
    a_tenant_that_floods_a_lane_queues_behind_itself,
    a_share_runs_ahead_of_the_clock_no_further_than_the_horizon,
    jobs_are_listed_by_state_lane_and_tenant_the_newest_first,
    the_depth_counts_what_waits_and_what_it_costs,
    what_stands_before_a_job_is_what_is_leased_before_it,
);

async fn an_order_makes_a_job_with_what_was_ordered(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let ordered = queue.order(order(1)).await.unwrap();
    assert!(ordered.fresh);
    let job = ordered.job;
    assert_eq!((job.key, &job.spec, job.lane), (key(1), &plate(1), Lane::Paid));
    assert_eq!((job.deadline, job.ordered_at, job.state.clone()), (START, START, JobState::Queued { run_at: START }));
    assert_eq!((job.attempts, job.max_attempts, job.epoch, job.waiters), (0, 3, 0, 1));
    assert_eq!(queue.get(&job.id).await.unwrap(), Some(job.clone()));
    assert_eq!(queue.live(&key(1)).await.unwrap(), Some(job));
    assert_eq!(queue.live(&key(2)).await.unwrap(), None);
}

async fn ordering_a_live_key_joins_its_job(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let first = queue.order(order(1)).await.unwrap();
    let second = queue.order(order(1)).await.unwrap();
    assert!(!second.fresh);
    assert_eq!((second.job.id.clone(), second.job.waiters), (first.job.id.clone(), 2));
    lease(queue).await;
    let third = queue.order(order(1)).await.unwrap();
    assert!(!third.fresh, "a leased job is joined as well");
    assert_eq!((third.job.id, third.job.waiters), (first.job.id, 3));
    assert!(queue.lease(&ask("r2")).await.unwrap().is_none(), "one flight per key");
}

async fn many_orders_of_one_key_at_once_make_one_job(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let orders = (0..64).map(|number| queue.order(order(number % 4)));
    let ordered = futures_util::future::try_join_all(orders).await.unwrap();
    assert_eq!(ordered.iter().filter(|ordered| ordered.fresh).count(), 4);
    let jobs = queue.list(&JobFilter::default()).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.waiters).collect::<Vec<_>>(), [16; 4]);
}

async fn an_ended_key_can_be_ordered_again(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let first = queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    queue.complete(&held.job, held.epoch).await.unwrap();
    assert_eq!(queue.live(&key(1)).await.unwrap(), None);
    let again = queue.order(order(1)).await.unwrap();
    assert!(again.fresh);
    assert_ne!(again.job.id, first.job.id);
    assert_eq!(job(queue, &first.job.id).await.state, JobState::Done, "the first is still remembered");
}

async fn a_joining_order_raises_lane_and_deadline_and_never_lowers_them(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let due = Some(START.plus_millis(30 * 24 * 3_600_000));
    let prerender = Order { lane: Lane::Prerender, due, ..order(1) };
    let first = queue.order(prerender.clone()).await.unwrap().job;
    assert_eq!(first.deadline, START.plus_millis(29 * 24 * 3_600_000));
    let raised = queue.order(order(1)).await.unwrap().job;
    assert_eq!((raised.lane, raised.deadline), (Lane::Paid, START));
    let joined = queue.order(prerender).await.unwrap().job;
    assert_eq!((joined.lane, joined.deadline), (Lane::Paid, START));
}

async fn a_joining_order_takes_back_the_wish_to_cancel(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    assert!(queue.cancel(&held.job).await.unwrap().cancel);
    assert!(!queue.order(order(1)).await.unwrap().job.cancel);
    assert!(!queue.renew(&held.job, &renewal(&held, None)).await.unwrap().cancel);
}

async fn a_key_that_is_not_the_specs_is_refused(bench: &mut dyn QueueBench) {
    let result = bench.queue().order(Order { key: key(2), ..order(1) }).await;
    assert!(matches!(result, Err(QueueError::WrongKey { given, expected }) if given == key(2) && expected == key(1)));
    assert_eq!(bench.queue().list(&JobFilter::default()).await.unwrap(), []);
}

async fn a_full_queue_refuses_new_jobs_but_lets_orders_join(bench: &mut dyn QueueBench) {
    bench.restart(Policy { live_limit: 2, ..Policy::default() }).await;
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    queue.order(order(2)).await.unwrap();
    assert!(matches!(queue.order(order(3)).await, Err(QueueError::Full { limit: 2 })));
    assert!(!queue.order(order(2)).await.unwrap().fresh);
    let held = lease(queue).await;
    assert!(matches!(queue.order(order(3)).await, Err(QueueError::Full { .. })), "leased jobs count");
    queue.complete(&held.job, held.epoch).await.unwrap();
    assert!(queue.order(order(3)).await.unwrap().fresh);
}

/// Leases everything that may be leased and says in which order it came.
async fn numbers(queue: &dyn JobQueue) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some(lease) = queue.lease(&ask("r1")).await.unwrap() {
        numbers.push(lease.spec.variation);
    }
    numbers
}

async fn paid_comes_before_free_before_prerender(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let due = Some(START.plus_millis(7 * 24 * 3_600_000));
    queue.order(Order { lane: Lane::Prerender, due, ..order(1) }).await.unwrap();
    queue.order(Order { lane: Lane::Prerender, due: None, ..order(2) }).await.unwrap();
    queue.order(Order { lane: Lane::Free, ..order(3) }).await.unwrap();
    queue.order(order(4)).await.unwrap();
    assert_eq!(numbers(queue).await, [4, 3, 2, 1]);
}

async fn a_free_order_that_waited_comes_before_a_later_paid_one(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(Order { lane: Lane::Free, ..order(1) }).await.unwrap();
    bench.clock().advance(10 * 60_000 - 1);
    queue.order(order(2)).await.unwrap();
    bench.clock().advance(2);
    queue.order(Order { tenant: TenantId("other".into()), ..order(3) }).await.unwrap();
    assert_eq!(numbers(queue).await, [2, 1, 3]);
}

async fn a_prerender_comes_first_once_its_date_is_near(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let margin = Policy::default().prerender_margin_millis;
    let due = Some(START.plus_millis(margin + 1000));
    queue.order(Order { lane: Lane::Prerender, due, ..order(1) }).await.unwrap();
    bench.clock().advance(1001);
    queue.order(order(2)).await.unwrap();
    assert_eq!(numbers(queue).await, [1, 2]);
}

async fn a_late_campaign_does_not_keep_paid_orders_waiting(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    for number in 1..=5 {
        queue.order(Order { lane: Lane::Prerender, due: Some(START), ..order(number) }).await.unwrap();
    }
    bench.clock().advance(1);
    queue.order(order(9)).await.unwrap();
    assert_eq!(numbers(queue).await, [1, 9, 2, 3, 4, 5]);
}

async fn a_tenant_that_floods_a_lane_queues_behind_itself(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    for number in 1..=20 {
        queue.order(Order { tenant: TenantId("loud".into()), ..order(number) }).await.unwrap();
    }
    bench.clock().advance(1);
    queue.order(Order { tenant: TenantId("quiet".into()), ..order(99) }).await.unwrap();
    assert_eq!(numbers(queue).await[..3], [1, 99, 2]);
}

async fn a_share_runs_ahead_of_the_clock_no_further_than_the_horizon(bench: &mut dyn QueueBench) {
    bench.restart(Policy { share_horizon_millis: 100_000, ..Policy::default() }).await;
    let queue = bench.queue();
    let mut deadlines = Vec::new();
    for number in 1..=4 {
        deadlines.push(queue.order(order(number)).await.unwrap().job.deadline.since(START));
    }
    assert_eq!(deadlines, [0, 60_000, 100_000, 100_000]);
    // The clock was a year ahead for a moment: the share it left behind is cut down.
    bench.clock().set(START.plus_millis(365 * 24 * 3_600_000));
    queue.order(order(5)).await.unwrap();
    bench.clock().set(START);
    assert_eq!(queue.order(order(6)).await.unwrap().job.deadline.since(START), 100_000);
}

async fn jobs_are_listed_by_state_lane_and_tenant_the_newest_first(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let other = TenantId("other".into());
    queue.order(order(1)).await.unwrap();
    queue.order(Order { lane: Lane::Free, ..order(2) }).await.unwrap();
    let third = queue.order(Order { tenant: other.clone(), ..order(3) }).await.unwrap().job;
    let list = async |filter: JobFilter| -> Vec<u32> {
        queue.list(&filter).await.unwrap().iter().map(|job| job.spec.variation).collect()
    };
    let all = JobFilter::default();
    assert_eq!(list(all.clone()).await, [3, 2, 1]);
    assert_eq!(list(JobFilter { limit: 2, ..all.clone() }).await, [3, 2]);
    assert_eq!(list(JobFilter { before: Some(third.id), ..all.clone() }).await, [2, 1]);
    assert_eq!(list(JobFilter { lane: Some(Lane::Free), ..all.clone() }).await, [2]);
    assert_eq!(list(JobFilter { tenant: Some(other), ..all.clone() }).await, [3]);
    lease(queue).await;
    assert_eq!(list(JobFilter { state: Some(StateName::Leased), ..all.clone() }).await, [1]);
    assert_eq!(list(JobFilter { state: Some(StateName::Queued), ..all }).await, [3, 2]);
}

async fn the_depth_counts_what_waits_and_what_it_costs(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
    for number in 1..=3 {
        queue.order(order(number)).await.unwrap();
    }
    queue.order(Order { lane: Lane::Free, cost_millis: 1000, ..order(4) }).await.unwrap();
    let (first, second) = (lease(queue).await, lease(queue).await);
    queue.fail(&first.job, &failure(&first, FailureKind::Transient)).await.unwrap();
    queue.fail(&second.job, &failure(&second, FailureKind::Permanent)).await.unwrap();
    lease(queue).await;
    let expected = Depth { queued: [1, 1, 0], delayed: 1, leased: 1, queued_cost_millis: [60_000, 1000, 0], dead: 1 };
    assert_eq!(queue.depth().await.unwrap(), expected);
    bench.restart(Policy::default()).await;
    assert_eq!(bench.queue().depth().await.unwrap(), expected, "also after a restart");
}

async fn what_stands_before_a_job_is_what_is_leased_before_it(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let free = |number| Order { lane: Lane::Free, cost_millis: 1000 * u64::from(number), ..order(number) };
    let mut jobs = Vec::new();
    for number in 1..=3 {
        jobs.push(queue.order(free(number)).await.unwrap().job.id);
    }
    let ahead = |job: &JobId| {
        let job = job.clone();
        async move { queue.ahead(&job).await.unwrap().map(|ahead| (ahead.jobs, ahead.cost_millis)) }
    };
    assert_eq!((ahead(&jobs[0]).await, ahead(&jobs[2]).await), (Some((0, 0)), Some((2, 3000))));
    queue.order(Order { cost_millis: 500, ..order(4) }).await.unwrap();
    assert_eq!(ahead(&jobs[0]).await, Some((1, 500)), "a paid order goes first");
    lease(queue).await;
    lease(queue).await;
    assert_eq!((ahead(&jobs[0]).await, ahead(&jobs[2]).await), (None, Some((1, 2000))), "who is leased waits no longer");
}
