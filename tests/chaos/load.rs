//! Everybody who writes, until the server is gone: renderers, visitors, an operator.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use festoon_spec::{BlobHash, FailureKind};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};

use super::{
    LIKED,
    ledger::{Ledger, blob_path},
    liked,
};
use crate::{
    faults::*,
    http::images::logo,
    installation::{Answer, Renderer, client, painted},
};

/// Plates that may wait to be painted: more are not ordered.
const WAITING: usize = 12;

/// The writers of one life of a server.
pub struct Load {
    writers: JoinSet<()>,
    answers: Arc<Answers>,
}

#[derive(Default)]
struct Answers {
    count: AtomicUsize,
    came: Notify,
}

/// One of them.
struct Writer {
    url: String,
    client: Client,
    ledger: Arc<Mutex<Ledger>>,
    answers: Arc<Answers>,
    random: fastrand::Rng,
}

impl Load {
    pub fn start(server: &Server, ledger: &Arc<Mutex<Ledger>>, random: &mut fastrand::Rng) -> Self {
        let answers = Arc::<Answers>::default();
        let mut writer = || Writer {
            url: server.url.clone(),
            client: client(),
            ledger: Arc::clone(ledger),
            answers: Arc::clone(&answers),
            random: random.fork(),
        };
        let mut writers = JoinSet::new();
        // Each ends with its first request that is not answered.
        for name in ["r1", "r2"] {
            let (mut writer, renderer) = (writer(), server.renderer(name));
            writers.spawn(async move { while writer.paints(&renderer).await.is_ok() {} });
        }
        for _ in 0..2 {
            let mut visitor = writer();
            writers.spawn(async move { while visitor.visits().await.is_ok() {} });
        }
        let mut operator = writer();
        writers.spawn(async move { while operator.operates().await.is_ok() {} });
        Self { writers, answers }
    }

    /// Ends when so many requests have been answered.
    pub async fn answered(&mut self, count: usize) {
        loop {
            let came = self.answers.came.notified();
            if self.answers.count.load(Ordering::SeqCst) >= count {
                return;
            }
            tokio::select! {
                () = came => {}
                ended = self.writers.join_next() => panic!("a writer ended while the server lives: {ended:?}"),
            }
        }
    }

    /// Waits for the writers, whose server is gone; gives how many requests were answered.
    pub async fn end(self) -> usize {
        self.writers.join_all().await;
        self.answers.count.load(Ordering::SeqCst)
    }
}

impl Writer {
    async fn send(&mut self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let answer = Answer::whole(request.bearer_auth(TOKEN).send().await?).await?;
        // Whatever says which bytes it is must be these.
        if let (200, Some(tag)) = (answer.status, answer.header("etag").strip_prefix("\"b3-")) {
            assert_eq!(tag.trim_end_matches('"'), BlobHash::of(&answer.body).to_string(), "something half is served");
        }
        self.answered();
        Ok(answer)
    }

    fn answered(&self) {
        self.answers.count.fetch_add(1, Ordering::SeqCst);
        self.answers.came.notify_one();
    }

    async fn get(&mut self, path: &str) -> reqwest::Result<Answer> {
        self.send(self.client.get(format!("{}{path}", self.url))).await
    }

    async fn post(&mut self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        self.send(self.client.post(format!("{}{path}", self.url)).json(body)).await
    }

    fn note<T>(&self, note: impl FnOnce(&mut Ledger) -> T) -> T {
        note(&mut self.ledger.lock().unwrap())
    }

    /// Leases a plate, paints it and hands it in; now and then it is given back.
    async fn paints(&mut self, renderer: &Renderer) -> reqwest::Result<()> {
        let asked = Instant::now();
        let Some(lease) = renderer.try_lease(1).await? else { return Ok(()) };
        self.note(|ledger| ledger.leased(&lease, asked));
        self.answered();
        if self.random.u8(0..12) == 0 {
            self.note(|ledger| ledger.let_go(&lease));
            renderer.try_fail(&lease, FailureKind::HandedBack).await?;
            return Ok(());
        }
        let of = lease.clone();
        let (blobs, outcome) = tokio::task::spawn_blocking(move || painted(&of)).await.unwrap();
        for bytes in blobs {
            let put = renderer.try_put(&lease, &BlobHash::of(&bytes), bytes).await?;
            self.answered();
            if put.status != 204 {
                assert_eq!(put.code(), "lease-lost", "{}", put.text());
                self.note(|ledger| ledger.let_go(&lease));
                return Ok(());
            }
        }
        let handed_in = renderer.try_hand_in(&lease, &outcome).await?;
        match handed_in.status {
            204 => self.note(|ledger| ledger.kept(&lease, outcome.blob)),
            _ => {
                assert_eq!(handed_in.code(), "lease-lost", "{}", handed_in.text());
                self.note(|ledger| ledger.let_go(&lease));
            }
        }
        self.answered();
        Ok(())
    }

    /// Orders a plate, looks at one, likes one, writes a title, or brings a picture.
    async fn visits(&mut self) -> reqwest::Result<()> {
        match self.random.u8(0..8) {
            0..=2 if self.note(|ledger| ledger.unpainted().len()) < WAITING => {
                let path = format!("/v1/clips/poster/en.mp4?subject={:x}", self.random.u64(..));
                let answer = self.get(&path).await?;
                assert_eq!(answer.status, 202, "{}", answer.text());
                let ticket = answer.json();
                let (id, plate) = (ticket["id"].as_str().unwrap(), ticket["plate"].as_str().unwrap());
                self.note(|ledger| ledger.ordered(&path, plate.parse().unwrap(), id));
            }
            3 => {
                self.note(Ledger::likes);
                let key = self.post("/v1/picks", &liked()).await?.json()["clip"].as_str().unwrap().to_owned();
                let said = self.post(&format!("/v1/clips/{key}/opinion"), &json!({"pick": liked(), "opinion": "liked"})).await?;
                assert_eq!(said.status, 204, "{}", said.text());
                self.note(Ledger::liked);
            }
            4 => {
                let path = format!("/v1/clips/card/en.mp4?title={}", self.random.u8(0..60));
                let clip = self.get(&path).await?;
                assert_eq!(clip.status, 200, "{}", clip.text());
                self.note(|ledger| ledger.streamed(&path, BlobHash::of(&clip.body)));
            }
            5 => {
                let file = logo(8, 8, [self.random.u8(..), self.random.u8(..), self.random.u8(..)]);
                let brought = self.send(self.client.post(format!("{}/v1/images", self.url)).body(file)).await?;
                assert_eq!(brought.status, 201, "{}", brought.text());
                let url = brought.json()["url"].as_str().unwrap().to_owned();
                let image = self.get(&url).await?;
                assert_eq!(image.status, 200, "{}", image.text());
                self.note(|ledger| ledger.brought(&url, BlobHash::of(&image.body)));
            }
            6 => assert_eq!(self.get(LIKED).await?.status, 200),
            _ => {
                let Some((key, blob)) = self.ledger.lock().unwrap().any_plate(&mut self.random) else { return Ok(()) };
                let plate = self.get(&blob_path(&blob)).await?;
                let there = (plate.status, BlobHash::of(&plate.body)) == (200, blob);
                assert!(there || !self.note(|ledger| ledger.has(&key)), "plate {key} is gone: {}", plate.text());
            }
        }
        Ok(())
    }

    /// Takes a plate down, lifts a takedown, or has the clips with titles made again.
    async fn operates(&mut self) -> reqwest::Result<()> {
        match self.random.u8(0..4) {
            0 => {
                let purged = self.post("/v1/purge", &json!({"what": [{"template": "card"}], "reason": "chaos"})).await?;
                assert_eq!(purged.status, 200, "{}", purged.text());
                self.note(Ledger::purged);
            }
            1 => {
                let Some((blob, takedown)) = self.note(Ledger::lifts) else { return self.looks().await };
                let lifted = self.send(self.client.delete(format!("{}/v1/takedowns/{takedown}", self.url))).await?;
                assert_eq!(lifted.status, 204, "{}", lifted.text());
                self.note(|ledger| ledger.lifted(blob));
            }
            2 => {
                let found = self.ledger.lock().unwrap().any_poster(&mut self.random);
                let Some((key, blob)) = found else { return self.looks().await };
                self.note(|ledger| ledger.takes_down(&key));
                let what = json!({"what": [{"digest": blob}], "reason": "chaos"});
                let down = self.post("/v1/takedowns", &what).await?;
                assert_eq!(down.status, 201, "{}", down.text());
                let takedown = down.json()["takedown"].as_str().unwrap().to_owned();
                self.note(|ledger| ledger.taken_down(blob, &takedown));
            }
            _ => return self.looks().await,
        }
        Ok(())
    }

    async fn looks(&mut self) -> reqwest::Result<()> {
        self.get("/readyz").await.map(drop)
    }
}
