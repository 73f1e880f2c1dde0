//! Disks that fill up or forget, processes that are killed, indexes that are damaged: nothing acknowledged is lost,
//! nothing corrupt is served.
#![allow(clippy::unwrap_used)]

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use festoon::{
    cache::{Cache, CacheError, CacheOptions, Examination, Problem},
    clock::{RandomIds, SystemClock},
    queue::{EmbeddedQueue, JobFilter, JobQueue, Policy, QueueError},
    store::{Batch, Store, StoreError, Table},
};
use festoon_spec::*;

use crate::bench::*;

const PLATES: u32 = 25;

/// Twenty-five plates, and jobs in every state: 30 queued, 31 leased, 32 done, 33 dead.
async fn fill(bench: &Bench) -> Vec<Job> {
    let store = bench.store();
    let cache = bench.cache(&store);
    for number in 0..PLATES {
        keep(&cache, number, &footage(number, 2000)).await;
    }
    let queue = bench.queue(&store, Policy::default());
    for number in [31, 32, 33] {
        queue.order(order(number)).await.unwrap();
    }
    queue.lease(&ask("r1")).await.unwrap().unwrap();
    let done = queue.lease(&ask("r1")).await.unwrap().unwrap();
    queue.complete(&done.job, done.epoch).await.unwrap();
    let dead = queue.lease(&ask("r1")).await.unwrap().unwrap();
    let failure = Failure { epoch: dead.epoch, reason: "no".into(), kind: FailureKind::Permanent };
    queue.fail(&dead.job, &failure).await.unwrap();
    queue.order(order(30)).await.unwrap();
    live(&queue).await
}

async fn live(queue: &dyn JobQueue) -> Vec<Job> {
    let jobs = queue.list(&JobFilter { limit: usize::MAX, ..JobFilter::default() }).await.unwrap();
    jobs.into_iter().filter(Job::is_live).collect()
}

async fn everything_is_there(cache: &Cache, queue: &dyn JobQueue, jobs: &[Job]) {
    for number in 0..PLATES {
        let entry = cache.find(&key(number)).await.unwrap().unwrap_or_else(|| panic!("plate {number} is lost"));
        assert_eq!(cache.load(&entry.blob).await.unwrap(), Some(footage(number, 2000)));
    }
    assert_eq!((cache.usage().entries, cache.usage().bytes), (u64::from(PLATES), u64::from(PLATES) * 2000));
    assert_eq!(live(queue).await, jobs);
    let held = jobs.iter().find(|job| job.epoch == 1).unwrap();
    queue.held(&held.id, 1).await.unwrap();
    assert_eq!(queue.lease(&ask("r2")).await.unwrap().unwrap().key, key(30), "nothing that ended comes back");
    assert!(queue.lease(&ask("r2")).await.unwrap().is_none());
}

/// Opens the state folder after `harm` was done to its index.
async fn survives(harm: impl FnOnce(&Path)) -> u64 {
    let bench = Bench::new();
    let jobs = fill(&bench).await;
    harm(&bench.state().join("index"));
    let store = bench.store();
    let cache = bench.cache(&store);
    let queue = bench.queue(&store, Policy::default());
    everything_is_there(&cache, &queue, &jobs).await;
    store.damages()
}

fn database(index: &Path) -> (fs::File, u64) {
    let file = fs::File::options().read(true).write(true).open(index.join("db")).unwrap();
    let length = file.metadata().unwrap().len();
    (file, length)
}

#[tokio::test]
async fn an_index_with_flipped_bits_is_rebuilt_from_the_files() {
    let mut damages = 0;
    for round in 0..12u32 {
        damages += survives(|index| {
            let (file, length) = database(index);
            let mut random = [0; 128];
            blake3::Hasher::new().update(b"flips").update(&round.to_be_bytes()).finalize_xof().fill(&mut random);
            for place in random.chunks(8) {
                let at = u64::from_be_bytes(place.try_into().unwrap()) % length;
                let mut byte = [0];
                file.read_exact_at(&mut byte, at).unwrap();
                file.write_all_at(&[byte[0] ^ (1 << (at % 8))], at).unwrap();
            }
        })
        .await;
    }
    assert!(damages > 0, "no flip did any harm");
}

#[tokio::test]
async fn a_truncated_index_is_rebuilt_from_the_files() {
    for parts in 0..8u64 {
        survives(|index| {
            let (file, length) = database(index);
            file.set_len(length * parts / 8).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn an_index_with_a_file_missing_or_replaced_is_rebuilt_from_the_files() {
    survives(|index| fs::remove_dir_all(index).unwrap()).await;
    survives(|index| fs::remove_file(index.join("db")).unwrap()).await;
    survives(|index| fs::remove_file(index.join("conf")).unwrap()).await;
    survives(|index| fs::write(index.join("db"), footage(1, 100_000)).unwrap()).await;
    let damages = survives(|index| {
        fs::remove_dir_all(index).unwrap();
        fs::write(index, "no folder").unwrap();
    })
    .await;
    assert_eq!(damages, 1);
}

#[tokio::test]
async fn damage_that_is_met_while_running_is_repaired_without_a_restart() {
    let bench = Bench::new();
    let jobs = fill(&bench).await;
    let store = bench.store();
    let queue = bench.queue(&store, Policy::default());
    let spoil = |table: Table, key: Vec<u8>| {
        store.run(move |index| {
            let mut batch = Batch::default();
            batch.put(table, key.clone(), b"\x01no row".as_slice());
            index.commit(&batch)
        })
    };
    spoil(Table::Entries, key(7).as_bytes().to_vec()).await.unwrap();
    let cache = bench.cache(&store);
    assert!(cache.find(&key(7)).await.unwrap().is_some());
    assert_eq!(store.damages(), 1);
    spoil(Table::Jobs, jobs[0].id.0.clone().into_bytes()).await.unwrap();
    assert_eq!(queue.get(&jobs[0].id).await.unwrap().as_ref(), Some(&jobs[0]));
    assert_eq!(store.damages(), 2);
    everything_is_there(&cache, &queue, &jobs).await;
    let set_aside = fs::read_dir(bench.state())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("index.damaged-"));
    assert_eq!(set_aside.count(), 2);
}

#[tokio::test]
async fn an_index_that_lost_rows_in_silence_is_set_aside() {
    let bench = Bench::new();
    let jobs = fill(&bench).await;
    {
        let store = bench.store();
        store
            .run(|index| {
                let mut batch = Batch::default();
                for number in 0..10 {
                    batch.remove(Table::Entries, key(number).as_bytes().as_slice());
                }
                index.commit(&batch)?;
                index.flush()
            })
            .await
            .unwrap();
    }
    let store = bench.store();
    let cache = bench.cache(&store);
    assert_eq!(store.damages(), 1);
    everything_is_there(&cache, &bench.queue(&store, Policy::default()), &jobs).await;
}

#[tokio::test]
async fn an_index_that_forgot_the_queues_last_changes_hears_them_from_the_journal() {
    let bench = Bench::new();
    let old = bench.folder.path().join("old");
    {
        let queue = bench.queue(&bench.store(), Policy::default());
        queue.order(order(1)).await.unwrap();
        queue.order(order(2)).await.unwrap();
    }
    let copy = |from: &Path, to: &Path| {
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    copy(&bench.state().join("index"), &old);
    let (held, done) = {
        let queue = bench.queue(&bench.store(), Policy::default());
        let done = queue.lease(&ask("r1")).await.unwrap().unwrap();
        queue.complete(&done.job, done.epoch).await.unwrap();
        queue.order(order(3)).await.unwrap();
        (queue.lease(&ask("r1")).await.unwrap().unwrap(), done)
    };
    // What a power cut does: the disk has the index of a moment ago.
    fs::remove_dir_all(bench.state().join("index")).unwrap();
    copy(&old, &bench.state().join("index"));
    let queue = bench.queue(&bench.store(), Policy::default());
    assert_eq!(queue.get(&done.job).await.unwrap().unwrap().state, JobState::Done);
    queue.held(&held.job, held.epoch).await.unwrap();
    assert_eq!(queue.lease(&ask("r2")).await.unwrap().unwrap().key, key(3));
    assert!(queue.lease(&ask("r2")).await.unwrap().is_none());
}

fn journal(bench: &Bench) -> PathBuf {
    bench.state().join("journal").join("queue.jsonl")
}

#[tokio::test]
async fn a_torn_line_at_the_end_of_the_journal_is_cut_off_and_a_damaged_one_is_skipped() {
    let bench = Bench::new();
    let jobs = fill(&bench).await;
    let mut text = fs::read(journal(&bench)).unwrap();
    let middle = text.iter().position(|byte| *byte == b'\n').unwrap() - 5;
    text[middle] ^= 1;
    text.extend_from_slice(b"0123456789abcdef {\"job\":{\"id\":\"00");
    fs::write(journal(&bench), &text).unwrap();
    let check = EmbeddedQueue::check_journal(&bench.state()).unwrap();
    assert_eq!((check.damaged_lines, check.live_jobs), (1, 2), "a line that is still being written is not damage");
    fs::remove_dir_all(bench.state().join("index")).unwrap();
    {
        let store = bench.store();
        let (cache, queue) = (bench.cache(&store), bench.queue(&store, Policy::default()));
        everything_is_there(&cache, &queue, &jobs).await;
        let depth = queue.depth().await.unwrap();
        assert_eq!((depth.leased, depth.dead), (2, 1), "ended jobs come back as well");
    }
    assert_eq!(EmbeddedQueue::check_journal(&bench.state()).unwrap().damaged_lines, 1);
}

#[tokio::test]
async fn a_state_folder_that_another_process_has_is_refused_by_its_name() {
    let bench = Bench::new();
    let store = bench.store();
    let error = Store::open(&bench.state(), bench.clock.clone()).unwrap_err();
    let (folder, pid) = (bench.state(), std::process::id());
    let expected = format!("the state folder {} is in use by another festoon process (pid {pid})", folder.display());
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("stop the other process"));
    drop(store);
    bench.store();
}

/// Runs the program on a state folder.
fn festoon(state: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_festoon"));
    command.args(arguments).arg("--state").arg(state).env_clear().env("NO_COLOR", "1").env("PATH", "/usr/bin:/bin");
    command.current_dir(state.parent().unwrap()).output().unwrap()
}

#[tokio::test]
async fn the_verbs_on_the_state_folder_wait_for_no_server_but_the_doctor_may_look() {
    let bench = Bench::new();
    fill(&bench).await;
    let store = bench.store();
    for verb in [&["gc"][..], &["reindex"], &["doctor", "--repair"]] {
        let output = festoon(&bench.state(), verb);
        // The terminal's report is wrapped and drawn with a margin.
        let error = String::from_utf8(output.stderr).unwrap().replace('│', " ");
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {error}");
        assert!(error.contains("is in use by another festoon process"), "{verb:?}: {error}");
    }
    let looked = festoon(&bench.state(), &["doctor", "--json"]);
    assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
    let diagnosis: serde_json::Value = serde_json::from_slice(&looked.stdout).unwrap();
    assert_eq!((&diagnosis["in_use_by"], &diagnosis["rows"]), (&std::process::id().into(), &serde_json::Value::Null));
    let tools = ["encoder", "decoder"].map(|tool| diagnosis[tool].as_str().unwrap().split(' ').next().unwrap().to_owned());
    assert_eq!(tools, ["x264", "ffmpeg"]);
    assert_eq!((&diagnosis["blobs"], &diagnosis["journal"]["live_jobs"]), (&25.into(), &2.into()));
    drop(store);

    let text = festoon(&bench.state(), &["doctor"]);
    assert!(String::from_utf8(text.stdout).unwrap().ends_with("nothing is wrong\n"));
    let collected = festoon(&bench.state(), &["gc", "--budget", "10000", "--json"]);
    let collected: serde_json::Value = serde_json::from_slice(&collected.stdout).unwrap();
    assert_eq!((&collected["entries"], &collected["kept_bytes"]), (&20.into(), &10_000.into()));
    let indexed = festoon(&bench.state(), &["reindex", "--json"]);
    let indexed: serde_json::Value = serde_json::from_slice(&indexed.stdout).unwrap();
    assert_eq!((&indexed["entries"], &indexed["set_aside"]), (&5.into(), &0.into()));

    let kept =
        fs::read_dir(bench.state().join("manifests")).unwrap().flat_map(|part| fs::read_dir(part.unwrap().path()).unwrap());
    fs::remove_file(kept.map(|file| file.unwrap().path()).next().unwrap()).unwrap();
    assert_eq!(festoon(&bench.state(), &["doctor"]).status.code(), Some(3));
    let repaired = festoon(&bench.state(), &["doctor", "--repair", "--json"]);
    assert!(repaired.status.success(), "{}", String::from_utf8_lossy(&repaired.stderr));
    assert!(festoon(&bench.state(), &["doctor"]).status.success());

    let missing = festoon(&bench.folder.path().join("nowhere"), &["gc"]);
    assert!(String::from_utf8(missing.stderr).unwrap().contains("there is no state folder"));
}

/// A small disk of its own. `None`, with the reason printed, where mounting is not allowed.
pub struct Disk(PathBuf);

impl Disk {
    pub fn mount(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(at).output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            Ok(output) => {
                eprintln!("skipped: cannot mount a small disk: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("skipped: there is no `mount`: {error}");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking(), "the small disk stays mounted");
    }
}

#[tokio::test]
async fn a_disk_that_fills_up_loses_nothing_and_the_service_goes_on() {
    let bench = Bench::new();
    let Some(disk) = Disk::mount(&bench.state(), "24m") else { return };
    let store = bench.store();
    let cache = bench.cache(&store);
    let queue = bench.queue(&store, Policy::default());
    let mut kept = 0;
    let error = loop {
        assert!(kept < 100, "the disk never fills up");
        let bytes = footage(kept, 1 << 20);
        let staged = match cache.stage_bytes(bytes.clone()).await {
            Ok(staged) => staged,
            Err(error) => break error,
        };
        let manifest =
            festoon::cache::Manifest::new(festoon::cache::Recipe::Plate(Box::new(plate(kept))), outcome(&bytes), START);
        match cache.keep(staged, manifest).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, CacheError::Store(StoreError::Full { .. })), "{error:?}");
    assert!(kept > 5);
    assert_eq!(fs::read_dir(bench.state().join("staging")).unwrap().count(), 0, "half a blob stays");
    // To the last byte, so that not even a line fits.
    let mut rest = fs::File::create(bench.state().join("rest")).unwrap();
    while rest.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    let (mut ordered, mut refused) = (Vec::new(), 0);
    for number in 100..140 {
        match queue.order(order(number)).await {
            Ok(order) => ordered.push(order.job.id),
            Err(QueueError::Store(StoreError::Full { .. })) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(refused > 0, "the journal grew on a full disk");
    for number in 0..kept {
        let entry = cache.find(&key(number)).await.unwrap().unwrap();
        assert_eq!(cache.load(&entry.blob).await.unwrap(), Some(footage(number, 1 << 20)), "what is there is served");
    }

    drop(rest);
    fs::remove_file(bench.state().join("rest")).unwrap();
    disk.remount("size=64m");
    keep(&cache, 99, &footage(99, 1 << 20)).await;
    ordered.push(queue.order(order(200)).await.unwrap().job.id);
    let check = async |cache: &Cache, queue: &dyn JobQueue| {
        for number in (0..kept).chain([99]) {
            assert!(cache.find(&key(number)).await.unwrap().is_some(), "plate {number} is lost");
        }
        for id in &ordered {
            assert!(queue.get(id).await.unwrap().is_some_and(|job| job.is_live()), "job {id} is lost");
        }
    };
    check(&cache, &queue).await;
    drop((cache, queue, store));
    let problems = Examination::of_files(&bench.state()).unwrap().problems;
    assert!(problems.iter().all(|problem| matches!(problem, Problem::OrphanBlob { .. })), "{problems:#?}");
    {
        let store = bench.store();
        check(&bench.cache(&store), &bench.queue(&store, Policy::default())).await;
    }
}

#[tokio::test]
async fn a_read_only_state_folder_is_refused_by_its_name() {
    let bench = Bench::new();
    let Some(disk) = Disk::mount(&bench.state(), "16m") else { return };
    disk.remount("ro");
    let error = Store::open(&bench.state(), bench.clock.clone()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&format!("the state folder {} is read-only", bench.state().display())));
}

/// The state folder of the child below.
const CHILD: &str = "FESTOON_TEST_CHILD_STATE";

/// Keeps plates and moves jobs, and says so, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of the next test"]
async fn work_until_killed() {
    let state = PathBuf::from(std::env::var_os(CHILD).expect("started by the next test"));
    let clock = Arc::new(SystemClock);
    let store = Store::open(&state, clock.clone()).unwrap();
    let cache = Cache::open(&store, CacheOptions::default(), clock.clone()).unwrap();
    let queue = EmbeddedQueue::open(&store, Policy::default(), clock, Arc::new(RandomIds)).unwrap();
    let first = queue.list(&JobFilter { limit: usize::MAX, ..JobFilter::default() }).await.unwrap().len() as u32;
    for number in (first.div_ceil(3) * 3..).step_by(3) {
        let work = (number..number + 3).map(|number| {
            let (cache, queue) = (&cache, &queue);
            async move {
                let ordered = queue.order(order(number)).await.unwrap();
                // One `println` a line: a line is written whole.
                println!("ordered {number} {}", ordered.job.id);
                if let Some(lease) = queue.lease(&ask("r1")).await.unwrap() {
                    println!("leased {} {}", lease.spec.variation, lease.epoch);
                    keep(cache, lease.spec.variation, &footage(lease.spec.variation, 50_000)).await;
                    println!("kept {}", lease.spec.variation);
                    queue.complete(&lease.job, lease.epoch).await.unwrap();
                    println!("completed {} {}", lease.spec.variation, lease.job);
                }
            }
        });
        futures_util::future::join_all(work).await;
    }
}

#[test]
fn a_process_killed_in_mid_work_loses_nothing_that_it_acknowledged() {
    let bench = Bench::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut ordered, mut kept, mut completed) = (HashMap::new(), Vec::new(), HashMap::new());
    for round in 0..25 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["faults_store::work_until_killed", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, bench.state())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Killed after ever other amounts of work; what was said but not read yet counts as well.
        let mut left = 3 + round * 5 % 17;
        let mut said = Vec::new();
        for line in lines.by_ref() {
            said.push(line.unwrap());
            left -= 1;
            if left == 0 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(left, 0, "the child ended by itself: {said:#?}");
        said.extend(lines.map(Result::unwrap));
        for line in said {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["ordered", number, id] => drop(ordered.insert(JobId(id.into()), number.parse::<u32>().unwrap())),
                ["kept", number] => kept.push(number.parse::<u32>().unwrap()),
                ["completed", number, id] => drop(completed.insert(JobId(id.into()), number.parse::<u32>().unwrap())),
                _ => {}
            }
        }

        let problems = Examination::of_files(&bench.state()).unwrap().problems;
        assert!(problems.iter().all(|problem| matches!(problem, Problem::OrphanBlob { .. })), "{problems:#?}");
        let clock = Arc::new(SystemClock);
        let store = Store::open(&bench.state(), clock.clone()).unwrap();
        assert_eq!(fs::read_dir(bench.state().join("staging")).unwrap().count(), 0);
        let cache = Cache::open(&store, CacheOptions::default(), clock.clone()).unwrap();
        let queue = EmbeddedQueue::open(&store, Policy::default(), clock, Arc::new(RandomIds)).unwrap();
        assert_eq!(store.damages(), 0, "a kill is no damage");
        runtime.block_on(async {
            for number in &kept {
                let entry = cache.find(&key(*number)).await.unwrap().unwrap_or_else(|| panic!("plate {number} is lost"));
                assert_eq!(cache.load(&entry.blob).await.unwrap(), Some(footage(*number, 50_000)));
            }
            for (id, number) in &ordered {
                let job = queue.get(id).await.unwrap().unwrap_or_else(|| panic!("job {id} is lost"));
                assert_eq!(job.key, key(*number));
            }
            for id in completed.keys() {
                assert_eq!(queue.get(id).await.unwrap().unwrap().state, JobState::Done);
            }
        });
    }
    assert!(completed.len() > 25, "{} jobs in all rounds", completed.len());
}
