//! The queue against a model that is too simple to be wrong: a list of jobs.

use std::collections::{HashMap, HashSet};

use festoon::clock::Clock;
use proptest::prelude::*;

use super::*;

/// One thing that happens. Jobs and leases are named by their place in the order in which they were made, modulo their
/// number.
#[derive(Debug, Clone)]
enum Step {
    Order { number: u32, lane: Lane, tenant: u8 },
    Lease,
    Renew { lease: usize, permille: u16 },
    Complete { lease: usize },
    Fail { lease: usize, kind: FailureKind },
    Cancel { job: usize },
    Leave { order: usize },
    Reap,
    Advance { millis: u64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let lane = prop::sample::select(Lane::ALL.to_vec());
    let kind = prop::sample::select(vec![FailureKind::Transient, FailureKind::Permanent, FailureKind::HandedBack]);
    prop_oneof![
        6 => (0..6u32, lane, 0..2u8).prop_map(|(number, lane, tenant)| Step::Order { number, lane, tenant }),
        6 => Just(Step::Lease),
        2 => (0..8usize, 0..1000u16).prop_map(|(lease, permille)| Step::Renew { lease, permille }),
        2 => (0..8usize).prop_map(|lease| Step::Complete { lease }),
        3 => (0..8usize, kind).prop_map(|(lease, kind)| Step::Fail { lease, kind }),
        1 => (0..8usize).prop_map(|job| Step::Cancel { job }),
        2 => (0..8usize).prop_map(|order| Step::Leave { order }),
        2 => Just(Step::Reap),
        3 => prop::sample::select(vec![1, 5_000, 30_000, 60_000, 600_000]).prop_map(|millis| Step::Advance { millis }),
        1 => Just(Step::Restart),
    ]
}

/// Jobs in the order in which they were made; the rest follows from them.
#[derive(Default)]
struct Model {
    jobs: Vec<Job>,
    shares: HashMap<(Lane, u8), u64>,
    policy: Policy,
}

impl Model {
    fn deadline(&mut self, lane: Lane, tenant: u8, now: UnixMillis, cost: u64, fresh: bool) -> UnixMillis {
        if lane == Lane::Prerender {
            return now.plus_millis(self.policy.prerender_margin_millis);
        }
        let share = self.shares.entry((lane, tenant)).or_default();
        let start = now.0.max(*share);
        if fresh {
            *share = start + cost;
        }
        UnixMillis(start + if lane == Lane::Free { self.policy.free_delay_millis } else { 0 })
    }

    fn order(&mut self, order: &Order, tenant: u8, id: &JobId, now: UnixMillis) -> bool {
        let live = self.jobs.iter().position(|job| job.is_live() && job.key == order.key);
        let deadline = self.deadline(order.lane, tenant, now, order.cost_millis, live.is_none());
        if let Some(live) = live {
            let job = &mut self.jobs[live];
            job.waiters += 1;
            job.lane = job.lane.min(order.lane);
            job.deadline = job.deadline.min(deadline);
            job.cancel = false;
            return false;
        }
        self.jobs.push(Job {
            id: id.clone(),
            key: order.key,
            spec: order.spec.clone(),
            lane: order.lane,
            tenant: order.tenant.clone(),
            deadline,
            ordered_at: now,
            attempts: 0,
            max_attempts: order.max_attempts,
            epoch: 0,
            waiters: 1,
            progress: None,
            cancel: false,
            state: JobState::Queued { run_at: now },
        });
        true
    }

    fn lease(&mut self, now: UnixMillis) -> Option<(JobId, u32)> {
        let until = now.plus_millis(self.policy.lease_millis);
        let ready = |job: &&mut Job| matches!(job.state, JobState::Queued { run_at } if run_at <= now);
        let job = self.jobs.iter_mut().filter(ready).min_by_key(|job| (job.deadline, job.id.clone()))?;
        job.attempts += 1;
        job.epoch += 1;
        job.progress = None;
        job.state = JobState::Leased { renderer: "r1".into(), until };
        Some((job.id.clone(), job.epoch))
    }

    fn held(&mut self, lease: &Lease) -> Option<&mut Job> {
        let job = self.jobs.iter_mut().find(|job| job.id == lease.job)?;
        (matches!(job.state, JobState::Leased { .. }) && job.epoch == lease.epoch).then_some(job)
    }

    fn find(&mut self, id: &JobId) -> &mut Job {
        self.jobs.iter_mut().find(|job| job.id == *id).unwrap()
    }
}

fn end(job: &mut Job, state: JobState) {
    job.state = state;
    job.cancel = false;
}

/// Queues the job again, pausing as long as the queue says if that is a pause the policy allows.
fn retry(job: &mut Job, reason: &str, told: &Job, now: UnixMillis, policy: &Policy) {
    if job.attempts >= job.max_attempts {
        return end(job, JobState::Dead { reason: format!("{reason} (attempt {} of {})", job.attempts, job.max_attempts) });
    }
    let full = (policy.backoff_millis << (job.attempts - 1)).min(policy.backoff_limit_millis);
    let pause = run_at(told).since(now);
    assert!((full - full / 4..=full).contains(&pause), "a pause of {pause} where {full} is the most");
    job.progress = None;
    job.state = JobState::Queued { run_at: run_at(told) };
}

fn cancel(job: &mut Job) {
    match job.state {
        JobState::Queued { .. } => end(job, JobState::Cancelled),
        JobState::Leased { .. } => job.cancel = true,
        _ => {}
    }
}

async fn run(steps: Vec<Step>) {
    let mut bench = Embedded::open();
    let mut model = Model::default();
    let mut leases: Vec<Lease> = Vec::new();
    let (mut orders, mut left): (Vec<(JobId, OrderId)>, HashSet<OrderId>) = Default::default();
    for step in steps {
        let now = bench.clock().now();
        let queue = bench.queue();
        match step {
            Step::Order { number, lane, tenant } => {
                let order = Order { lane, tenant: TenantId(format!("t{tenant}")), ..order(number) };
                let ordered = queue.order(order.clone()).await.unwrap();
                assert_eq!(ordered.fresh, model.order(&order, tenant, &ordered.job.id, now));
                orders.push((ordered.job.id, ordered.order.unwrap()));
            }
            Step::Lease => {
                let lease = queue.lease(&ask("r1")).await.unwrap();
                assert_eq!(lease.as_ref().map(|lease| (lease.job.clone(), lease.epoch)), model.lease(now));
                leases.extend(lease);
            }
            Step::Renew { lease, permille } if !leases.is_empty() => {
                let lease = &leases[lease % leases.len()];
                let renewal = renewal(lease, Some(permille));
                let answer = queue.renew(&lease.job, &renewal).await;
                let until = now.plus_millis(model.policy.lease_millis);
                match model.held(lease) {
                    Some(job) => {
                        assert_eq!(answer.unwrap().cancel, job.cancel);
                        job.progress = renewal.progress;
                        job.state = JobState::Leased { renderer: "r1".into(), until };
                    }
                    None => assert!(is_lost(answer)),
                }
            }
            Step::Complete { lease } if !leases.is_empty() => {
                let lease = &leases[lease % leases.len()];
                let answer = queue.complete(&lease.job, lease.epoch).await;
                let known = model.find(&lease.job);
                if known.state == JobState::Done && known.epoch == lease.epoch {
                    answer.unwrap();
                } else if let Some(job) = model.held(lease) {
                    answer.unwrap();
                    end(job, JobState::Done);
                } else {
                    assert!(is_lost(answer));
                }
            }
            Step::Fail { lease, kind } if !leases.is_empty() => {
                let lease = &leases[lease % leases.len()];
                let failure = failure(lease, kind);
                let answer = queue.fail(&lease.job, &failure).await;
                let policy = model.policy.clone();
                match (model.held(lease), kind) {
                    (None, _) => assert!(is_lost(answer)),
                    (Some(job), _) if job.cancel => end(job, JobState::Cancelled),
                    (Some(job), FailureKind::Permanent) => end(job, JobState::Dead { reason: failure.reason }),
                    (Some(job), FailureKind::Transient) => retry(job, &failure.reason, &answer.unwrap(), now, &policy),
                    (Some(job), FailureKind::HandedBack) => {
                        job.attempts -= 1;
                        job.progress = None;
                        job.state = JobState::Queued { run_at: now };
                    }
                }
            }
            Step::Cancel { job } if !model.jobs.is_empty() => {
                let id = model.jobs[job % model.jobs.len()].id.clone();
                queue.cancel(&id).await.unwrap();
                cancel(model.find(&id));
            }
            Step::Leave { order } if !orders.is_empty() => {
                let (id, order) = orders[order % orders.len()].clone();
                queue.leave(&id, &order).await.unwrap();
                let leaves = left.insert(order);
                let job = model.find(&id);
                if leaves && job.is_live() {
                    job.waiters -= 1;
                    if job.waiters == 0 && job.progress.is_none_or(|progress| progress.permille < 500) {
                        cancel(job);
                    }
                }
            }
            Step::Reap => {
                let mut back = queue.reap().await.unwrap();
                let policy = model.policy.clone();
                for job in &mut model.jobs {
                    let JobState::Leased { until, .. } = job.state else { continue };
                    if until > now {
                        continue;
                    }
                    let place = back.iter().position(|told| told.id == job.id).expect("an expired lease is reaped");
                    let told = back.swap_remove(place);
                    if job.cancel {
                        end(job, JobState::Cancelled);
                    } else {
                        retry(job, "renderer `r1` was not heard of again", &told, now, &policy);
                    }
                }
                assert_eq!(back, [], "nothing else is reaped");
            }
            Step::Advance { millis } => bench.clock().advance(millis),
            Step::Restart => {
                bench.restart(Policy::default()).await;
                let until = now.plus_millis(model.policy.lease_millis);
                for job in &mut model.jobs {
                    if let JobState::Leased { until: end, .. } = &mut job.state {
                        *end = until;
                    }
                }
            }
            Step::Renew { .. } | Step::Complete { .. } | Step::Fail { .. } | Step::Cancel { .. } | Step::Leave { .. } => {}
        }
        let filter = JobFilter { limit: usize::MAX, ..JobFilter::default() };
        let mut jobs = bench.queue().list(&filter).await.unwrap();
        jobs.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(jobs, model.jobs);
        let depth = bench.queue().depth().await.unwrap();
        let count = |name| model.jobs.iter().filter(|job| StateName::of(&job.state) == name).count() as u64;
        assert_eq!(depth.queued.iter().sum::<u64>(), count(StateName::Queued));
        assert_eq!((depth.leased, depth.dead), (count(StateName::Leased), count(StateName::Dead)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_leaves_the_queue_as_the_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
