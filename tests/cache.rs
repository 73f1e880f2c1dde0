//! What the cache promises.
#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::FileExt, sync::Arc};

use bytes::Bytes;
use festoon::{
    cache::{Cache, CacheError, CacheOptions, Evicted, Examination, Manifest, Problem, Recipe, Usage},
    store::Store,
};
use festoon_spec::*;
use sha2::{Digest as _, Sha256};

use crate::bench::*;

fn flip_a_bit(path: &std::path::Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

fn files(folder: &std::path::Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn what_is_kept_is_found_and_loaded_also_after_a_restart() {
    let bench = Bench::new();
    // 1 byte is the least; 1 MiB is the piece in which files are hashed; one more crosses it.
    let sizes = [1, 100_000, 1 << 20, (1 << 20) + 1];
    let mut kept = Vec::new();
    for restart in 0..2 {
        let cache = bench.cache(&bench.store());
        for (number, size) in (0..).zip(sizes) {
            let footage = footage(number, size);
            if restart == 0 {
                kept.push(keep(&cache, number, &footage).await);
            }
            let entry = cache.find(&key(number)).await.unwrap().unwrap();
            assert_eq!(entry, kept[number as usize]);
            assert_eq!(cache.load(&entry.blob).await.unwrap(), Some(footage));
        }
        assert_eq!(cache.find(&key(99)).await.unwrap(), None);
        let expected = Usage { entries: 4, bytes: sizes.iter().sum::<usize>() as u64, ..Usage::default() };
        let usage = cache.usage();
        assert_eq!((usage.entries, usage.bytes, usage.disk_reads), (expected.entries, expected.bytes, 4));
    }
}

#[tokio::test]
async fn a_manifest_tells_everything_that_made_the_bytes() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let footage = footage(1, 1000);
    keep(&cache, 1, &footage).await;
    let manifest = cache.manifest(&key(1)).await.unwrap().unwrap();
    let sha256 = [(BlobHash::of(&footage), Digest::from_bytes(Sha256::digest(&footage).into()))].into();
    assert_eq!(manifest, Manifest { sha256, ..Manifest::new(Recipe::Plate(Box::new(plate(1))), outcome(&footage), START) });
    let file: serde_json::Value = serde_json::from_slice(&fs::read(bench.manifest_path(&key(1))).unwrap()).unwrap();
    assert_eq!(file["manifest"]["key"], key(1).to_string());
    assert_eq!(file["manifest"]["outcome"]["md5"], outcome(&footage).md5);
    assert_eq!(file["manifest"]["recipe"]["plate"]["scene"]["layers"][0]["motif"], "fireworks");
}

#[tokio::test]
async fn clips_are_kept_beside_plates_and_plates_are_found_by_template() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    keep(&cache, 1, &footage(1, 10)).await;
    keep(&cache, 2, &footage(2, 10)).await;
    let overlay = OverlaySpec { digest: Digest::of(b"words"), locale: "ja-JP".parse().unwrap(), values: Default::default() };
    let clip = ClipSpec { plate: key(1), overlay, profile: Profile::Mp4, frame: None, sound: None, compositor: "none/1".into() };
    let bytes = footage(3, 10);
    let staged = cache.stage_bytes(bytes.clone()).await.unwrap();
    let entry = cache.keep(staged, Manifest::new(Recipe::Clip(clip.clone()), outcome(&bytes), START)).await.unwrap();
    assert_eq!(cache.find(&clip.key()).await.unwrap(), Some(entry));
    let mut expected = [key(1), key(2)];
    expected.sort_unstable();
    let plates = async |template: &str, limit| -> Vec<RenderKey> {
        let plates = cache.plates_of(&template.parse().unwrap(), limit).await.unwrap();
        plates.into_iter().map(|entry| entry.key).collect()
    };
    assert_eq!(plates("new-year", 10).await, expected);
    assert_eq!(plates("new-year", 1).await, expected[..1]);
    assert_eq!(plates("new", 10).await, [], "a template is not found by its beginning");
}

#[tokio::test]
async fn the_first_take_of_a_key_stays_unless_the_gate_refused_it() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let (refused, first, second) = (footage(1, 100), footage(2, 100), footage(3, 100));
    let keep_as = async |bytes: &Bytes, verdict: Verdict| {
        let staged = cache.stage_bytes(bytes.clone()).await.unwrap();
        let outcome = Outcome { verdict, ..outcome(bytes) };
        cache.keep(staged, Manifest::new(Recipe::Plate(Box::new(plate(1))), outcome, START)).await.unwrap()
    };
    let failed = keep_as(&refused, Verdict::Failed { reasons: Vec::new() }).await;
    let passed = keep_as(&first, Verdict::Passed).await;
    assert_eq!(passed.blob, BlobHash::of(&first));
    assert!(!bench.blob_path(&failed.blob).exists());
    let again = keep_as(&second, Verdict::Passed).await;
    assert_eq!(again, passed, "a job that ran twice changes nothing");
    assert!(!bench.blob_path(&BlobHash::of(&second)).exists());
    assert_eq!((cache.usage().entries, cache.usage().bytes), (1, 100));
    assert_eq!(files(&bench.state().join("staging")), 0);
}

#[tokio::test]
async fn the_sha256_of_every_part_is_noted_when_it_is_kept() {
    let bench = Bench::new();
    let (whole, parts) = (footage(1, 100), [footage(2, 10), footage(3, 20), footage(4, 30)]);
    {
        let cache = bench.cache(&bench.store());
        keep_in_segments(&cache, 1, &whole, &parts).await;
    }
    let cache = bench.cache(&bench.store());
    for part in parts.iter().chain([&whole]) {
        // The bytes that are shown are others: what is told was noted, and nobody hashed anything.
        let told = cache.sha256(&BlobHash::of(part), &Bytes::from_static(b"others")).await.unwrap();
        assert_eq!(told, Digest::from_bytes(Sha256::digest(part).into()));
    }
    let unknown = Bytes::from_static(b"a copy that no entry here has");
    let made = cache.sha256(&BlobHash::of(&unknown), &unknown).await.unwrap();
    assert_eq!(made, Digest::from_bytes(Sha256::digest(&unknown).into()));
}

#[tokio::test]
async fn bytes_that_are_not_what_was_announced_are_not_kept() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let (bytes, other) = (footage(1, 100), footage(2, 100));
    let told = [
        ("number of bytes", Outcome { bytes: 99, ..outcome(&bytes) }),
        ("blake3", Outcome { blob: BlobHash::of(&other), ..outcome(&bytes) }),
        ("MD5", Outcome { md5: outcome(&other).md5, ..outcome(&bytes) }),
    ];
    for (expected, outcome) in told {
        let staged = cache.stage_bytes(bytes.clone()).await.unwrap();
        let result = cache.keep(staged, Manifest::new(Recipe::Plate(Box::new(plate(1))), outcome, START)).await;
        assert!(matches!(&result, Err(CacheError::Mismatch { what, .. }) if *what == expected), "{result:?}");
    }
    let staged = cache.stage_bytes(bytes.clone()).await.unwrap();
    let manifest = Manifest { key: key(2), ..Manifest::new(Recipe::Plate(Box::new(plate(1))), outcome(&bytes), START) };
    assert!(matches!(cache.keep(staged, manifest).await, Err(CacheError::Mismatch { what: "recipe's key", .. })));
    assert_eq!((cache.usage().entries, files(&bench.state().join("staging"))), (0, 0));
    assert!(matches!(cache.stage_bytes(Bytes::new()).await, Err(CacheError::Empty)));
}

#[tokio::test]
async fn a_stream_that_is_too_long_is_cut_off_and_leaves_nothing() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let mut staging = cache.stage(100).await.unwrap();
    staging.write(footage(1, 60)).await.unwrap();
    staging.write(footage(2, 40)).await.unwrap();
    assert_eq!(files(&bench.state().join("staging")), 1);
    assert!(matches!(staging.write(Bytes::from_static(b"!")).await, Err(CacheError::TooLarge { limit: 100 })));
    assert!(staging.finish().await.is_err(), "what was refused cannot be kept");
    assert_eq!(files(&bench.state().join("staging")), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_blob_that_many_ask_for_at_once_is_read_once() {
    let bench = Bench::new();
    let store = bench.store();
    let footage = footage(1, 1 << 20);
    let entry = keep(&bench.cache(&store), 1, &footage).await;
    let cache = bench.cache(&store);
    let loads = futures_util::future::try_join_all((0..50).map(|_| cache.load(&entry.blob))).await.unwrap();
    assert!(loads.iter().all(|bytes| bytes.as_ref() == Some(&footage)));
    assert_eq!(cache.usage().disk_reads, 1);
    cache.load(&entry.blob).await.unwrap();
    assert_eq!(cache.usage().disk_reads, 1, "memory has it");
}

#[tokio::test]
async fn a_blob_too_large_for_memory_is_served_from_disk() {
    let bench = Bench::new();
    let cache = bench.cache_of(&bench.store(), CacheOptions { memory_bytes: 8000, ..CacheOptions::default() });
    let (small, large) = (footage(1, 1000), footage(2, 1001));
    let (small_entry, large_entry) = (keep(&cache, 1, &small).await, keep(&cache, 2, &large).await);
    for _ in 0..3 {
        assert_eq!(cache.load(&small_entry.blob).await.unwrap(), Some(small.clone()));
        assert_eq!(cache.load(&large_entry.blob).await.unwrap(), Some(large.clone()));
    }
    assert_eq!((cache.usage().disk_reads, cache.usage().memory_hits), (4, 2));
}

#[tokio::test]
async fn memory_stays_within_its_bytes_and_forgets_nothing_on_disk() {
    let bench = Bench::new();
    let cache = bench.cache_of(&bench.store(), CacheOptions { memory_bytes: 50_000, ..CacheOptions::default() });
    for number in 0..40 {
        let entry = keep(&cache, number, &footage(number, 5000)).await;
        cache.load(&entry.blob).await.unwrap();
    }
    cache.maintain().await.unwrap();
    assert!(cache.usage().memory_bytes <= 50_000, "{:?}", cache.usage());
    for number in 0..40 {
        let entry = cache.find(&key(number)).await.unwrap().unwrap();
        assert_eq!(cache.load(&entry.blob).await.unwrap(), Some(footage(number, 5000)));
    }
}

#[tokio::test]
async fn a_corrupt_blob_is_quarantined_and_painted_again() {
    let bench = Bench::new();
    let store = bench.store();
    let footage = footage(1, 5000);
    let entry = keep(&bench.cache(&store), 1, &footage).await;
    flip_a_bit(&bench.blob_path(&entry.blob), 4321);
    let cache = bench.cache(&store);
    assert_eq!(cache.find(&key(1)).await.unwrap(), Some(entry.clone()));
    assert_eq!(cache.load(&entry.blob).await.unwrap(), None);
    assert_eq!(cache.find(&key(1)).await.unwrap(), None, "asking again is a miss");
    assert_eq!((cache.usage().corrupt, cache.usage().entries, cache.usage().bytes), (1, 0, 0));
    assert_eq!(files(&bench.state().join("quarantine")), 1);
    assert!(!bench.manifest_path(&key(1)).exists(), "the index would bring it back");
    keep(&cache, 1, &footage).await;
    assert_eq!(cache.load(&entry.blob).await.unwrap(), Some(footage));
}

#[tokio::test]
async fn a_truncated_blob_is_corrupt_and_a_missing_one_is_a_miss() {
    let bench = Bench::new();
    let store = bench.store();
    let (short, gone) = {
        let cache = bench.cache(&store);
        (keep(&cache, 1, &footage(1, 5000)).await, keep(&cache, 2, &footage(2, 5000)).await)
    };
    fs::File::options().write(true).open(bench.blob_path(&short.blob)).unwrap().set_len(4999).unwrap();
    fs::remove_file(bench.blob_path(&gone.blob)).unwrap();
    let cache = bench.cache(&store);
    assert_eq!(cache.load(&short.blob).await.unwrap(), None);
    assert_eq!(cache.load(&gone.blob).await.unwrap(), None);
    assert_eq!((cache.usage().corrupt, cache.usage().missing, cache.usage().entries), (1, 1, 0));
    assert_eq!(cache.load(&BlobHash::of(b"never kept")).await.unwrap(), None);
    assert_eq!(cache.usage().missing, 1, "what nobody promised is not missing");
}

#[tokio::test]
async fn a_corrupt_blob_takes_all_its_entries_with_it() {
    let bench = Bench::new();
    let store = bench.store();
    let shared = footage(1, 100);
    let entry = {
        let cache = bench.cache(&store);
        keep(&cache, 1, &shared).await;
        keep(&cache, 2, &shared).await
    };
    flip_a_bit(&bench.blob_path(&entry.blob), 0);
    let cache = bench.cache(&store);
    assert_eq!((cache.usage().entries, cache.usage().bytes), (2, 100));
    assert_eq!(cache.load(&entry.blob).await.unwrap(), None);
    assert_eq!(cache.find(&key(1)).await.unwrap(), None);
    assert_eq!(cache.find(&key(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_refusal_lasts_until_its_time_or_until_the_key_is_kept() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let reasons = vec![Reason { code: "black".into(), detail: "48 of 48 frames are black".into() }];
    let until = START.plus_millis(1000);
    for number in 1..=3 {
        cache.refuse(&key(number), reasons.clone(), until).await.unwrap();
    }
    assert_eq!(cache.refusal(&key(1)).await.unwrap().unwrap().reasons, reasons);
    assert_eq!(cache.refusal(&key(4)).await.unwrap(), None);
    keep(&cache, 2, &footage(2, 10)).await;
    assert_eq!(cache.refusal(&key(2)).await.unwrap(), None);
    cache.forgive(&key(3)).await.unwrap();
    assert_eq!(cache.refusal(&key(3)).await.unwrap(), None);
    bench.clock.advance(999);
    assert!(cache.refusal(&key(1)).await.unwrap().is_some());
    bench.clock.advance(1);
    assert_eq!(cache.refusal(&key(1)).await.unwrap(), None);
    cache.maintain().await.unwrap();
    bench.clock.set(START);
    assert_eq!(cache.refusal(&key(1)).await.unwrap(), None, "it was forgotten, not only too old");
}

/// Keeps plates 0 to 9, a second apart.
async fn ten_plates(bench: &Bench, cache: &Cache) {
    for number in 0..10 {
        keep(cache, number, &footage(number, 1000)).await;
        bench.clock.advance(1000);
    }
}

async fn present(cache: &Cache) -> Vec<u32> {
    let mut present = Vec::new();
    for number in 0..10 {
        if cache.find(&key(number)).await.unwrap().is_some() {
            present.push(number);
        }
    }
    present
}

#[tokio::test]
async fn what_was_used_longest_ago_makes_room_first() {
    let bench = Bench::new();
    let store = bench.store();
    let cache = bench.cache(&store);
    ten_plates(&bench, &cache).await;
    cache.find(&key(0)).await.unwrap();
    cache.find(&key(3)).await.unwrap();
    let evicted = cache.gc(4500).await.unwrap();
    assert_eq!(evicted, Evicted { entries: 6, bytes: 6000, kept_bytes: 4000, over_bytes: 0 });
    drop((cache, store));
    let cache = bench.cache(&bench.store());
    assert_eq!(cache.usage().bytes, 4000);
    assert_eq!(present(&cache).await, [0, 3, 8, 9]);
    assert!(!bench.blob_path(&BlobHash::of(&footage(1, 1000))).exists());
    assert!(!bench.manifest_path(&key(1)).exists());
}

#[tokio::test]
async fn uses_are_remembered_over_a_restart_once_they_were_written() {
    let bench = Bench::new();
    {
        let cache = bench.cache(&bench.store());
        ten_plates(&bench, &cache).await;
        cache.find(&key(0)).await.unwrap();
        cache.maintain().await.unwrap();
    }
    let cache = bench.cache(&bench.store());
    cache.gc(1000).await.unwrap();
    assert_eq!(present(&cache).await, [0]);
}

#[tokio::test]
async fn what_a_campaign_pins_is_never_dropped() {
    let bench = Bench::new();
    {
        let cache = bench.cache(&bench.store());
        ten_plates(&bench, &cache).await;
        cache.pin("new year ../../etc", [key(0), key(1), key(77)]).await.unwrap();
        cache.pin("spring", [key(1), key(2)]).await.unwrap();
        cache.pin("spring", [key(2)]).await.unwrap();
    }
    let cache = bench.cache(&bench.store());
    assert_eq!(cache.usage().pinned_keys, 4);
    let evicted = cache.gc(1500).await.unwrap();
    assert_eq!(evicted, Evicted { entries: 7, bytes: 7000, kept_bytes: 3000, over_bytes: 1500 });
    assert_eq!(present(&cache).await, [0, 1, 2]);
    cache.unpin("new year ../../etc").await.unwrap();
    assert_eq!(cache.gc(0).await.unwrap().over_bytes, 1000);
    assert_eq!(present(&cache).await, [2]);
    cache.pin("spring", []).await.unwrap();
    assert_eq!(cache.gc(0).await.unwrap().kept_bytes, 0);
    assert_eq!(files(&bench.state().join("pins")), 0);
}

#[tokio::test]
async fn an_entry_whose_blob_a_campaign_needs_is_not_dropped_for_nothing() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let shared = footage(1, 1000);
    keep(&cache, 1, &shared).await;
    keep(&cache, 2, &shared).await;
    cache.pin("spring", [key(2)]).await.unwrap();
    assert_eq!(cache.gc(0).await.unwrap(), Evicted { kept_bytes: 1000, over_bytes: 1000, ..Evicted::default() });
    cache.unpin("spring").await.unwrap();
    assert_eq!(cache.gc(0).await.unwrap(), Evicted { entries: 2, bytes: 1000, ..Evicted::default() });
}

#[tokio::test]
async fn maintenance_keeps_to_the_disk_budget() {
    let bench = Bench::new();
    let cache = bench.cache_of(&bench.store(), CacheOptions { disk_bytes: 10_000, ..CacheOptions::default() });
    ten_plates(&bench, &cache).await;
    assert_eq!(cache.maintain().await.unwrap(), Evicted::default());
    keep(&cache, 10, &footage(10, 1000)).await;
    assert_eq!(cache.maintain().await.unwrap().entries, 2, "down to 95 %");
    assert_eq!((cache.usage().bytes, cache.usage().evicted), (9000, 2));
}

#[tokio::test]
async fn a_reader_keeps_its_bytes_when_they_are_dropped() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let entry = keep(&cache, 1, &footage(1, 1000)).await;
    let bytes = cache.load(&entry.blob).await.unwrap().unwrap();
    cache.gc(0).await.unwrap();
    assert_eq!(bytes, footage(1, 1000));
    assert_eq!(cache.load(&entry.blob).await.unwrap(), None, "memory lets go as well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeping_loading_and_dropping_at_once_serves_nothing_wrong() {
    let bench = Bench::new();
    let cache = bench.cache_of(&bench.store(), CacheOptions { memory_bytes: 5000, disk_bytes: 5000 });
    let worker = async |worker: u32| {
        for round in 0..30 {
            let number = (worker * 7 + round) % 10;
            keep(&cache, number, &footage(number, 1000)).await;
            if let Some(entry) = cache.find(&key(number)).await.unwrap()
                && let Some(bytes) = cache.load(&entry.blob).await.unwrap()
            {
                assert_eq!(bytes, footage(number, 1000));
            }
            if round % 5 == 0 {
                cache.maintain().await.unwrap();
            }
        }
    };
    futures_util::future::join_all((0..6).map(worker)).await;
    cache.gc(0).await.unwrap();
    assert_eq!((cache.usage().entries, cache.usage().bytes), (0, 0));
    assert_eq!(Examination::of_files(&bench.state()).unwrap().problems, []);
}

#[tokio::test]
async fn an_entry_that_the_index_lost_is_found_by_its_manifest() {
    let bench = Bench::new();
    let store = bench.store();
    let entry = keep(&bench.cache(&store), 1, &footage(1, 1000)).await;
    let manifest = fs::read(bench.manifest_path(&key(1))).unwrap();
    let blob = fs::read(bench.blob_path(&entry.blob)).unwrap();
    let cache = bench.cache(&store);
    cache.gc(0).await.unwrap();
    fs::write(bench.manifest_path(&key(1)), manifest).unwrap();
    fs::write(bench.blob_path(&entry.blob), blob).unwrap();
    assert_eq!(cache.find(&key(1)).await.unwrap(), Some(entry));
    assert_eq!((cache.usage().entries, cache.usage().bytes), (1, 1000));
}

#[tokio::test]
async fn reindexing_makes_every_row_again() {
    let bench = Bench::new();
    let store = bench.store();
    let cache = bench.cache(&store);
    ten_plates(&bench, &cache).await;
    fs::remove_file(bench.manifest_path(&key(4))).unwrap();
    fs::remove_file(bench.blob_path(&BlobHash::of(&footage(5, 1000)))).unwrap();
    assert_eq!(cache.reindex().await.unwrap(), 8);
    assert_eq!(cache.usage().bytes, 8000);
    assert_eq!(present(&cache).await, [0, 1, 2, 3, 6, 7, 8, 9]);
}

fn doctor(store: &Store) -> Examination {
    let mut examination = Examination::of_files(store.folder()).unwrap();
    examination.add_index(store).unwrap();
    examination
}

#[tokio::test]
async fn the_doctor_finds_each_kind_of_damage_and_repairs_it() {
    let bench = Bench::new();
    {
        let cache = bench.cache(&bench.store());
        ten_plates(&bench, &cache).await;
        let sound = Examination::of_files(&bench.state()).unwrap();
        assert_eq!((sound.blobs, sound.bytes, sound.manifests, sound.problems), (10, 10_000, 10, Vec::new()));
        assert!(sound.free_bytes > 0);
    }
    let blob = |number| BlobHash::of(&footage(number, 1000));
    flip_a_bit(&bench.blob_path(&blob(1)), 500);
    fs::remove_file(bench.blob_path(&blob(2))).unwrap();
    flip_a_bit(&bench.manifest_path(&key(3)), 300);
    fs::remove_file(bench.manifest_path(&key(4))).unwrap();
    let orphan = bench.blob_path(&blob(99));
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, footage(99, 1000)).unwrap();
    let stray = bench.state().join("blobs").join("notes.txt");
    fs::write(&stray, "mine").unwrap();

    let store = bench.store();
    let found = doctor(&store);
    let has = |problem: &dyn Fn(&Problem) -> bool| assert!(found.problems.iter().any(problem), "{:#?}", found.problems);
    has(&|problem| matches!(problem, Problem::CorruptBlob { blob: corrupt, .. } if *corrupt == blob(1)));
    has(&|problem| *problem == Problem::MissingBlob { key: key(2), blob: blob(2) });
    has(&|problem| *problem == Problem::CorruptManifest { key: key(3) });
    has(&|problem| *problem == Problem::GhostRow { key: key(4) });
    has(&|problem| *problem == Problem::OrphanBlob { blob: blob(4), bytes: 1000 });
    has(&|problem| *problem == Problem::OrphanBlob { blob: blob(99), bytes: 1000 });
    has(&|problem| *problem == Problem::StrayFile { path: stray.clone() });

    let cache = bench.cache(&store);
    let left = cache.repair(found.problems).await.unwrap();
    assert_eq!(left, [Problem::StrayFile { path: stray.clone() }], "a stranger's file is not touched");
    assert_eq!(doctor(&store).problems, left);
    assert_eq!(present(&cache).await, [0, 5, 6, 7, 8, 9]);
    assert_eq!((cache.usage().entries, cache.usage().bytes), (6, 6000));
    assert_eq!(files(&bench.state().join("quarantine")), 1);
}

#[test]
fn many_entries_are_opened_at_once() {
    let bench = Bench::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // How long ten thousand take is measured with FESTOON_MEASURE=1.
    let count = if std::env::var_os("FESTOON_MEASURE").is_some() { 10_000 } else { 300 };
    {
        let cache = Arc::new(bench.cache(&bench.store()));
        runtime.block_on(async {
            for number in 0..count {
                keep(&cache, number, &footage(number, 100)).await;
            }
        });
    }
    let start = std::time::Instant::now();
    let cache = bench.cache(&bench.store());
    println!("{count} entries open in {:?}", start.elapsed());
    assert_eq!(cache.usage().entries, u64::from(count));
}
