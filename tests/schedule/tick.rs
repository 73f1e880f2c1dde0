//! The minute ticker: one run at a time, none after it was stopped.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use festoon::schedule::{Guard, Run, Ticker};
use tokio::sync::{Notify, mpsc, oneshot};

#[tokio::test]
async fn a_run_that_finds_another_at_work_leaves() {
    let (guard, (finish, finished)) = (Guard::default(), oneshot::channel::<()>());
    let (begin, begun) = oneshot::channel();
    let first = {
        let guard = guard.clone();
        tokio::spawn(async move {
            guard
                .run(async move {
                    begin.send(()).unwrap();
                    finished.await.unwrap();
                })
                .await
        })
    };
    begun.await.unwrap();
    assert_eq!(guard.run(async { panic!("two runs at once") }).await, Run::Overlapped);
    finish.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Run::Finished);
    assert_eq!(guard.run(async {}).await, Run::Finished);
}

#[tokio::test]
async fn a_run_that_panics_fails_alone() {
    let guard = Guard::default();
    assert_eq!(guard.run(async { panic!("as the test wants it") }).await, Run::Panicked);
    assert_eq!(guard.run(async {}).await, Run::Finished);
}

#[tokio::test]
async fn a_closed_guard_lets_nothing_run() {
    let guard = Guard::default();
    guard.close().await;
    assert_eq!(guard.run(async { panic!("ran after the end") }).await, Run::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticker_runs_at_once_and_its_stop_waits_for_the_run_at_work() {
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (go_on, done) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let ticker = {
        let (go_on, done) = (go_on.clone(), done.clone());
        Ticker::start(move || {
            let (begun, go_on, done) = (begun.clone(), go_on.clone(), done.clone());
            async move {
                begun.send(()).unwrap();
                go_on.notified().await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        })
        .await
        .unwrap()
    };
    begins.recv().await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 0);
    go_on.notify_one();
    ticker.stop().await;
    assert_eq!(done.load(Ordering::SeqCst), 1);
}
