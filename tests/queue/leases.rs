//! Leases: who has a job, for how long, and what becomes of it when he is never heard of again.

use super::*;

sentences!(
    a_renderer_gets_only_what_it_can_paint,
    many_renderers_at_once_get_each_job_once,
    an_attempt_counts_when_it_is_claimed,
    a_renewal_keeps_the_lease_and_tells_progress,
    a_lost_lease_is_given_back,
    a_stale_lease_can_do_nothing,
    an_expired_lease_that_nobody_took_can_be_renewed,
    a_job_that_kills_its_renderers_reaches_the_dead_letter,
    nobody_leases_what_is_not_there,
    a_clock_set_back_does_not_keep_a_lost_job_from_others,
    a_clock_set_back_does_not_prolong_a_pause,
    a_clock_set_forward_costs_an_attempt_and_no_job,
);

async fn a_renderer_gets_only_what_it_can_paint(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    let other = PlateSpec { encoder: EncoderId("another encoder".into()), ..plate(1) };
    queue.order(order_of(other)).await.unwrap();
    queue.order(order(2)).await.unwrap();
    assert_eq!(lease(queue).await.spec.variation, 2, "the more urgent job needs another encoder");
    assert!(queue.lease(&ask("r1")).await.unwrap().is_none());
    let mut able = ask("r2");
    able.capabilities.encoders.push(EncoderId("another encoder".into()));
    assert_eq!(queue.lease(&able).await.unwrap().unwrap().spec.variation, 1);
    let unable = LeaseRequest { capabilities: Capabilities::default(), ..ask("r3") };
    queue.order(order(3)).await.unwrap();
    assert!(queue.lease(&unable).await.unwrap().is_none());
}

async fn many_renderers_at_once_get_each_job_once(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    futures_util::future::try_join_all((0..40).map(|number| queue.order(order(number)))).await.unwrap();
    let claimer = async |renderer: u32| {
        let mut leased = Vec::new();
        while let Some(lease) = queue.lease(&ask(&format!("r{renderer}"))).await.unwrap() {
            leased.push(lease.spec.variation);
        }
        leased
    };
    let mut leased = futures_util::future::join_all((0..8).map(claimer)).await.concat();
    leased.sort_unstable();
    assert_eq!(leased, (0..40).collect::<Vec<_>>());
}

async fn an_attempt_counts_when_it_is_claimed(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    assert_eq!((held.attempt, held.epoch, held.key, &held.spec), (1, 1, key(1), &plate(1)));
    let job = job(queue, &held.job).await;
    assert_eq!(job.attempts, 1);
    let until = START.plus_millis(held.lease_millis);
    assert_eq!(job.state, JobState::Leased { renderer: "r1".into(), until });
}

async fn a_renewal_keeps_the_lease_and_tells_progress(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    for _ in 0..5 {
        bench.clock().advance(held.lease_millis - 1);
        let answer = queue.renew(&held.job, &renewal(&held, Some(250))).await.unwrap();
        assert_eq!(answer, RenewalAnswer { cancel: false, lease_millis: held.lease_millis });
        assert_eq!(queue.reap().await.unwrap(), []);
    }
    let renewed = queue.held(&held.job, held.epoch).await.unwrap();
    assert_eq!(renewed.progress.unwrap().permille, 250);
    queue.renew(&held.job, &renewal(&held, None)).await.unwrap();
    assert_eq!(job(queue, &held.job).await.progress.unwrap().permille, 250, "silence does not forget progress");
}

async fn a_lost_lease_is_given_back(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let first = lease(queue).await;
    queue.renew(&first.job, &renewal(&first, Some(900))).await.unwrap();
    bench.clock().advance(first.lease_millis);
    let back = queue.reap().await.unwrap();
    assert_eq!((back.len(), back[0].progress), (1, None));
    assert!(queue.lease(&ask("r2")).await.unwrap().is_none(), "it pauses first");
    bench.clock().set(run_at(&back[0]));
    let second = queue.lease(&ask("r2")).await.unwrap().unwrap();
    assert_eq!((second.job.clone(), second.attempt, second.epoch), (first.job, 2, 2));
    assert_eq!(queue.complete(&second.job, second.epoch).await.unwrap().state, JobState::Done);
}

async fn a_stale_lease_can_do_nothing(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let stale = lease(queue).await;
    bench.clock().advance(stale.lease_millis);
    let back = queue.reap().await.unwrap();
    bench.clock().set(run_at(&back[0]));
    let held = queue.lease(&ask("r2")).await.unwrap().unwrap();
    let before = job(queue, &held.job).await;
    assert!(is_lost(queue.renew(&stale.job, &renewal(&stale, Some(999))).await));
    assert!(is_lost(queue.complete(&stale.job, stale.epoch).await));
    assert!(is_lost(queue.fail(&stale.job, &failure(&stale, FailureKind::Permanent)).await));
    assert!(is_lost(queue.held(&stale.job, stale.epoch).await));
    assert!(is_lost(queue.complete(&held.job, held.epoch + 1).await), "nor one that was never given");
    assert_eq!(job(queue, &held.job).await, before);
    queue.complete(&held.job, held.epoch).await.unwrap();
    assert!(is_lost(queue.complete(&stale.job, stale.epoch).await));
}

async fn an_expired_lease_that_nobody_took_can_be_renewed(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    bench.clock().advance(10 * held.lease_millis);
    queue.renew(&held.job, &renewal(&held, None)).await.unwrap();
    assert_eq!(queue.reap().await.unwrap(), []);
    queue.complete(&held.job, held.epoch).await.unwrap();
}

async fn a_job_that_kills_its_renderers_reaches_the_dead_letter(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    for attempt in 1..=3 {
        let held = lease(queue).await;
        assert_eq!(held.attempt, attempt);
        bench.clock().advance(held.lease_millis);
        let back = queue.reap().await.unwrap();
        if attempt < 3 {
            bench.clock().set(run_at(&back[0]));
        } else {
            let JobState::Dead { reason } = &back[0].state else { panic!("expected a dead job: {:?}", back[0].state) };
            assert_eq!(reason, "renderer `r1` was not heard of again (attempt 3 of 3)");
        }
    }
    bench.clock().advance(24 * 3_600_000);
    assert!(queue.lease(&ask("r1")).await.unwrap().is_none());
    assert_eq!(queue.live(&key(1)).await.unwrap(), None);
    assert_eq!(queue.depth().await.unwrap().dead, 1);
}

async fn nobody_leases_what_is_not_there(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    assert!(queue.lease(&ask("r1")).await.unwrap().is_none());
    let nobody = JobId("0".repeat(32));
    assert_eq!(queue.get(&nobody).await.unwrap(), None);
    let answers = [
        queue.renew(&nobody, &Renewal { epoch: 1, progress: None }).await.map(drop),
        queue.complete(&nobody, 1).await.map(drop),
        queue.held(&nobody, 1).await.map(drop),
        queue.cancel(&nobody).await.map(drop),
        queue.leave(&nobody, &OrderId::read(&"0".repeat(32)).unwrap()).await.map(drop),
    ];
    assert!(answers.iter().all(|answer| matches!(answer, Err(QueueError::NoSuchJob(id)) if *id == nobody)), "{answers:?}");
}

async fn a_clock_set_back_does_not_keep_a_lost_job_from_others(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    bench.clock().set(START.plus_millis(24 * 3_600_000));
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    bench.clock().set(START);
    assert_eq!(queue.reap().await.unwrap(), [], "the lease is cut down, not ended");
    bench.clock().advance(held.lease_millis);
    assert_eq!(queue.reap().await.unwrap().len(), 1);
}

async fn a_clock_set_back_does_not_prolong_a_pause(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    bench.clock().set(START.plus_millis(24 * 3_600_000));
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    queue.fail(&held.job, &failure(&held, FailureKind::Transient)).await.unwrap();
    bench.clock().set(START);
    assert_eq!(lease(queue).await.attempt, 2);
}

async fn a_clock_set_forward_costs_an_attempt_and_no_job(bench: &mut dyn QueueBench) {
    let queue = bench.queue();
    queue.order(order(1)).await.unwrap();
    let held = lease(queue).await;
    bench.clock().advance(400 * 24 * 3_600_000);
    assert_eq!(queue.reap().await.unwrap().len(), 1);
    assert!(is_lost(queue.renew(&held.job, &renewal(&held, None)).await));
    bench.clock().set(START);
    assert_eq!(lease(queue).await.attempt, 2);
}
