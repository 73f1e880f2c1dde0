//! Plates in segments on the shelf: all of them or none.
#![allow(clippy::unwrap_used)]

use std::fs;

use bytes::Bytes;
use festoon::cache::{CacheError, Examination, Manifest, Problem, Purging, Recipe, Scope};
use festoon_spec::BlobHash;

use crate::bench::*;

/// An index, two segments and a mezzanine that differ from others' by this number.
fn parts(number: u32) -> Vec<Bytes> {
    (0..4).map(|part| footage(number * 100 + part, 10 + part as usize)).collect()
}

/// 100 bytes of the whole file and those of [`parts`].
const ALL: u64 = 100 + 10 + 11 + 12 + 13;

#[tokio::test]
async fn every_blob_of_a_plate_is_kept_over_a_restart() {
    let bench = Bench::new();
    let kept = keep_in_segments(&bench.cache(&bench.store()), 1, &footage(1, 100), &parts(1)).await;
    let cache = bench.cache(&bench.store());
    let entry = cache.find(&plate(1).key()).await.unwrap().unwrap();
    assert_eq!(entry, kept);
    let blobs: Vec<BlobHash> = entry.parts().iter().map(|part| part.blob).collect();
    let expected = [footage(1, 100)].into_iter().chain(parts(1));
    assert_eq!(blobs, expected.map(|bytes| BlobHash::of(&bytes)).collect::<Vec<_>>());
    for part in entry.parts() {
        assert_eq!(cache.load(&part.blob).await.unwrap().unwrap().len() as u64, part.bytes);
    }
    assert_eq!((cache.usage().entries, cache.usage().bytes), (1, ALL));
    assert_eq!(cache.reindex().await.unwrap(), 1);
    assert_eq!((cache.usage().entries, cache.usage().bytes), (1, ALL));
}

#[tokio::test]
async fn a_plate_that_lacks_a_part_is_not_kept_at_all() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let (whole, parts) = (footage(1, 100), parts(1));
    for missing in 0..parts.len() {
        let mut staged = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            if number != missing {
                staged.push(cache.stage_bytes(part.clone()).await.unwrap());
            }
        }
        let manifest = Manifest::new(Recipe::Plate(Box::new(plate(1))), outcome_in_segments(&whole, &parts), START);
        let result = cache.keep_all(cache.stage_bytes(whole.clone()).await.unwrap(), staged, manifest).await;
        assert!(matches!(&result, Err(CacheError::Mismatch { what: "part", .. })), "{result:?}");
    }
    assert_eq!((cache.usage().entries, cache.usage().bytes), (0, 0));
    assert!(!bench.blob_path(&BlobHash::of(&whole)).exists());
}

#[tokio::test]
async fn a_blob_that_two_plates_have_goes_with_the_last_of_them() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let (first, mut second) = (parts(1), parts(2));
    second[3] = first[3].clone();
    keep_in_segments(&cache, 1, &footage(1, 100), &first).await;
    bench.clock.advance(1000);
    keep_in_segments(&cache, 2, &footage(2, 100), &second).await;
    assert_eq!(cache.usage().bytes, 2 * ALL - 13);
    let evicted = cache.gc(2 * ALL - 14).await.unwrap();
    assert_eq!((evicted.entries, evicted.bytes), (1, ALL - 13));
    assert!(cache.find(&plate(1).key()).await.unwrap().is_none(), "the older one goes");
    assert!(bench.blob_path(&BlobHash::of(&first[3])).exists());
    for gone in &first[..3] {
        assert!(!bench.blob_path(&BlobHash::of(gone)).exists());
    }
    let evicted = cache.gc(0).await.unwrap();
    assert_eq!((evicted.entries, evicted.bytes, cache.usage().bytes), (1, ALL, 0));
    assert!(!bench.blob_path(&BlobHash::of(&first[3])).exists());
}

#[tokio::test]
async fn a_segment_that_is_damaged_or_gone_takes_its_plate_along() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    for (number, damage) in [(1, true), (2, false)] {
        keep_in_segments(&cache, number, &footage(number, 100), &parts(number)).await;
        let segment = BlobHash::of(&parts(number)[1]);
        let path = bench.blob_path(&segment);
        if damage {
            fs::write(&path, "damaged").unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        assert_eq!(cache.load(&segment).await.unwrap(), None);
        assert!(cache.find(&plate(number).key()).await.unwrap().is_none(), "it will be painted again");
    }
    assert_eq!((cache.usage().entries, cache.usage().bytes), (0, 0));
}

#[tokio::test]
async fn an_examination_knows_every_blob_of_a_plate() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    keep_in_segments(&cache, 1, &footage(1, 100), &parts(1)).await;
    assert_eq!(Examination::of_files(&bench.state()).unwrap().problems, []);
    let mezzanine = BlobHash::of(&parts(1)[3]);
    fs::remove_file(bench.blob_path(&mezzanine)).unwrap();
    let problems = Examination::of_files(&bench.state()).unwrap().problems;
    assert_eq!(problems, [Problem::MissingBlob { key: plate(1).key(), blob: mezzanine }]);
    assert_eq!(cache.repair(problems).await.unwrap(), []);
    let examination = Examination::of_files(&bench.state()).unwrap();
    assert_eq!((examination.problems.as_slice(), examination.blobs, examination.manifests), (&[][..], 0, 0));
}

#[tokio::test]
async fn a_takedown_leaves_the_plates_that_have_the_same_index_or_a_segment_in_common() {
    let bench = Bench::new();
    let cache = bench.cache(&bench.store());
    let (mut first, mut second, third) = (parts(1), parts(2), parts(3));
    // Plates of one size have one index; two begin with the same black second.
    (first[0], second[0]) = (third[0].clone(), third[0].clone());
    second[1] = first[1].clone();
    for (number, parts) in [(1, &first), (2, &second), (3, &third)] {
        keep_in_segments(&cache, number, &footage(number, 100), parts).await;
    }
    let blobs = std::collections::BTreeSet::from([BlobHash::of(&footage(1, 100))]);
    let scope = cache.widen(Scope { blobs, ..Scope::default() }).await.unwrap();
    for stays in [&first[0], &first[1]] {
        assert!(!scope.blobs.contains(&BlobHash::of(stays)), "others need these bytes");
    }
    assert!(scope.blobs.contains(&BlobHash::of(&first[2])) && scope.keys.contains(&key(1)));
    let purged = cache.purge(&scope, Purging::Everything).await.unwrap();
    assert_eq!((purged.entries, purged.bytes), (1, ALL - 10 - 11));
    assert_eq!(cache.find(&key(1)).await.unwrap(), None);
    for (number, parts) in [(2, &second), (3, &third)] {
        assert!(cache.find(&key(number)).await.unwrap().is_some(), "plate {number} was never named");
        for part in parts {
            assert_eq!(cache.load(&BlobHash::of(part)).await.unwrap().as_ref(), Some(part));
        }
    }
}
