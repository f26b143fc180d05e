//! The image bots run in: built from the installed tools and named by its content, or pulled by digest.

use super::{
    DockerRuntime,
    rootfs::Rootfs,
    spec::{self, LABEL_IMAGE, LABEL_INSTANCE},
};
use crate::{
    CancellationToken, Progress, RuntimeError, Stage, blocking::blocking, install::Installed,
    spec::is_version,
};
use bollard::{
    Docker, body_try_stream,
    models::CreateImageInfo,
    query_parameters::{
        CreateImageOptions, CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions,
    },
};
use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use std::{
    collections::HashMap,
    fs,
    io::{self, BufWriter, Write},
    os::unix::fs::MetadataExt,
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

const REPOSITORY: &str = "chela-bot";
/// Of what is sent: Node and OpenClaw.
const USUAL_BYTES: u64 = 760 << 20;
/// How long it is believed that the machine's libraries, zones and certificates are what they were. Looking takes a third of a
/// second of a core.
const LATELY: Duration = Duration::from_secs(60);
const MOST_TIME: Duration = Duration::from_secs(20 * 60);
const CHUNK: usize = 256 << 10;
const CHUNKS: usize = 8;
const TICK: Duration = Duration::from_millis(250);

/// What was found out about the image of a version.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    hash: String,
    at: Instant,
    marks: Marks,
}

/// When Node and OpenClaw were put in place: what is installed anew is looked at anew.
type Marks = [Option<(i64, i64)>; 2];

fn marks(tools: &Installed) -> Marks {
    [&tools.node, &tools.openclaw]
        .map(|file| fs::metadata(file).ok().map(|meta| (meta.ctime(), meta.ctime_nsec())))
}

impl DockerRuntime {
    pub(super) async fn ensure_image(
        &self,
        openclaw: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        // The engine first: no use installing for one that is not there.
        self.inner.client.call("answer", |d| async move { d.ping().await.map(|_| ()) }).await?;
        if !is_version(openclaw) {
            return self.ensure_pulled(openclaw, progress, cancel).await;
        }
        // The image is counted from the beginning, so that the total does not change between the two.
        let tools = AtomicU64::new(0);
        let counted = |stage, done, total: Option<u64>| {
            tools.fetch_max(total.unwrap_or_default(), Ordering::Relaxed);
            progress.report(stage, done, total.map(|total| total + USUAL_BYTES));
        };
        self.inner.config.tools.ensure(openclaw, &counted, cancel).await?;
        if self.is_built(openclaw).await? {
            return Ok(());
        }
        progress.report(Stage::Wait, 0, None);
        let _turn = tokio::select! {
            () = cancel.cancelled() => return Err(RuntimeError::Cancelled),
            turn = self.inner.preparing.lock() => turn,
        };
        // Whoever had the turn before may have done it.
        if self.is_built(openclaw).await? {
            return Ok(());
        }
        let marks = marks(&self.inner.config.tools.places(openclaw));
        let rootfs = self.rootfs(openclaw).await?;
        let gathered = Gathered { hash: rootfs.hash.clone(), at: Instant::now(), marks };
        self.built().insert(openclaw.to_owned(), gathered);
        if self.find_built(&rootfs.hash).await?.is_some() {
            return Ok(());
        }
        let before = tools.into_inner();
        let built = |stage, done: u64, _: Option<u64>| {
            progress.report(stage, before + done.min(USUAL_BYTES), Some(before + USUAL_BYTES));
        };
        built(Stage::Build, 0, None);
        self.build(rootfs, &built, cancel).await
    }

    fn built(&self) -> MutexGuard<'_, HashMap<String, Gathered>> {
        self.inner.built.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The image is there, and what it is made of was looked at lately: fifty bots that start together look once.
    async fn is_built(&self, openclaw: &str) -> Result<bool, RuntimeError> {
        let lately = self.built().get(openclaw).filter(|known| known.at.elapsed() < LATELY).cloned();
        match lately.filter(|known| known.marks == marks(&self.inner.config.tools.places(openclaw))) {
            Some(known) => Ok(self.find_built(&known.hash).await?.is_some()),
            None => Ok(false),
        }
    }

    async fn rootfs(&self, openclaw: &str) -> Result<Rootfs, RuntimeError> {
        let tools = self.inner.config.tools.places(openclaw);
        let user = spec::user();
        let gather = move || Rootfs::gather(&tools, user.uid, user.gid);
        let what = "gathering the bot image";
        blocking(what, move || gather().map_err(RuntimeError::io(what))).await
    }

    /// The id of the image that bots are to run in, if it is there.
    pub(super) async fn image_id(&self, openclaw: &str) -> Result<Option<String>, RuntimeError> {
        if !is_version(openclaw) {
            return Ok(self.inspect_image(openclaw).await?.map(|(id, _)| id));
        }
        let known = self.built().get(openclaw).cloned();
        let hash = match known {
            Some(known) => known.hash,
            None => self.rootfs(openclaw).await?.hash,
        };
        self.find_built(&hash).await
    }

    /// Id and label of an image.
    async fn inspect_image(&self, name: &str) -> Result<Option<(String, Option<String>)>, RuntimeError> {
        let name = name.to_owned();
        match self
            .inner
            .client
            .call("inspect an image", |d| async move { d.inspect_image(&name).await })
            .await
        {
            Ok(image) => {
                let label = image.config.and_then(|c| c.labels).and_then(|mut l| l.remove(LABEL_IMAGE));
                Ok(image.id.map(|id| (id, label)))
            }
            Err(RuntimeError::NotFound(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn find_built(&self, hash: &str) -> Result<Option<String>, RuntimeError> {
        let name = format!("{REPOSITORY}:{hash}");
        match self.inspect_image(&name).await? {
            None => Ok(None),
            Some((id, Some(label))) if label == hash => Ok(Some(id)),
            Some(_) => Err(RuntimeError::Foreign(format!("the image {name}"))),
        }
    }

    async fn build(
        &self,
        rootfs: Rootfs,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        let hash = rootfs.hash.clone();
        let (chunks, body) = mpsc::channel(CHUNKS);
        let sent = Arc::new(AtomicU64::new(0));
        let mut writer = BufWriter::with_capacity(CHUNK, Pipe { chunks, sent: Arc::clone(&sent) });
        // Ends by itself when nobody takes the chunks any more.
        tokio::task::spawn_blocking(move || {
            if let Err(error) = rootfs.write(&mut writer).and_then(|()| writer.flush()) {
                let _ = writer.get_ref().chunks.blocking_send(Err(error));
            }
        });
        let body =
            stream::unfold(body, |mut body| async move { body.recv().await.map(|chunk| (chunk, body)) });
        let options = CreateImageOptionsBuilder::new()
            .from_src("-")
            .repo(REPOSITORY)
            .tag(&hash)
            .changes(vec![format!(
                "LABEL {LABEL_IMAGE}={hash} {LABEL_INSTANCE}={}",
                self.inner.config.instance
            )])
            .build();
        let told = |_: Option<(u64, u64)>| {
            progress.report(Stage::Build, sent.load(Ordering::Relaxed), Some(USUAL_BYTES))
        };
        let done = self.create_image(options, Some(body.boxed()), &told, cancel).await;
        if done.is_ok() {
            self.forget_older(&hash).await;
        }
        match done {
            Ok(()) => self
                .find_built(&hash)
                .await?
                .map(|_| ())
                .ok_or(RuntimeError::NotFound("the image just built")),
            Err(e) => Err(e),
        }
    }

    /// Removes images that this instance built before, of versions that nobody has asked for since Chela started. One that any container uses the engine keeps.
    async fn forget_older(&self, hash: &str) {
        let filters =
            HashMap::from([("label", vec![format!("{LABEL_INSTANCE}={}", self.inner.config.instance)])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let client = &self.inner.client;
        let listed = client.call("list images", |d| async move { d.list_images(Some(options)).await }).await;
        let asked: Vec<String> = self.built().values().map(|known| known.hash.clone()).collect();
        for image in listed.unwrap_or_default() {
            if image.labels.get(LABEL_IMAGE).is_some_and(|of| of != hash && !asked.contains(of)) {
                let remove = |d: Docker| async move {
                    d.remove_image(&image.id, None::<RemoveImageOptions>, None).await
                };
                if let Err(error) = client.call("remove an old image", remove).await {
                    tracing::debug!(error = %error, "an old bot image stays");
                }
            }
        }
    }

    async fn ensure_pulled(
        &self,
        image: &str,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        if self.inspect_image(image).await?.is_some() {
            return Ok(());
        }
        if !image.contains("@sha256:") {
            return Err(RuntimeError::Image(format!(
                "CHELA_BOT_IMAGE is {image}, which is not on this machine; name it by digest (…@sha256:…) to have it pulled"
            )));
        }
        progress.report(Stage::Wait, 0, None);
        let _turn = tokio::select! {
            () = cancel.cancelled() => return Err(RuntimeError::Cancelled),
            turn = self.inner.preparing.lock() => turn,
        };
        progress.report(Stage::Pull, 0, None);
        let options = CreateImageOptionsBuilder::new().from_image(image).build();
        let told = |known: Option<(u64, u64)>| {
            if let Some((done, total)) = known {
                progress.report(Stage::Pull, done, Some(total));
            }
        };
        self.create_image(options, None, &told, cancel).await.map_err(|error| match error {
            RuntimeError::Engine { message, .. } => RuntimeError::Image(message),
            RuntimeError::NotFound(_) => RuntimeError::Image(format!("no registry has {image}")),
            error => error,
        })
    }

    /// Import or pull, until it is through. Dropped half-way, the engine throws away what it has.
    async fn create_image(
        &self,
        options: CreateImageOptions,
        body: Option<BoxStream<'static, io::Result<Bytes>>>,
        told: &(dyn Fn(Option<(u64, u64)>) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<(), RuntimeError> {
        let work =
            self.inner.client.call_within("provide the bot image", MOST_TIME, |docker: Docker| async move {
                let mut steps = Box::pin(docker.create_image(Some(options), body.map(body_try_stream), None));
                let mut tick = tokio::time::interval(TICK);
                let mut layers = Layers::default();
                loop {
                    tokio::select! {
                        step = steps.next() => match step {
                            None => return Ok(()),
                            Some(step) => told(layers.take(step?)),
                        },
                        _ = tick.tick() => told(None),
                    }
                }
            });
        tokio::select! {
            () = cancel.cancelled() => Err(RuntimeError::Cancelled),
            done = work => done,
        }
    }
}

/// What each layer said last: the engine tells of one at a time, and of a layer twice (fetched, unpacked).
#[derive(Default)]
struct Layers(HashMap<String, (u64, u64)>);

impl Layers {
    /// Bytes done and in all, over every layer heard of.
    fn take(&mut self, step: CreateImageInfo) -> Option<(u64, u64)> {
        let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let (id, detail) = (step.id.unwrap_or_default(), step.progress_detail?);
        let (done, total) = self.0.entry(id).or_default();
        (*done, *total) = ((*done).max(number(detail.current)), (*total).max(number(detail.total)));
        let sum = self.0.values().fold((0, 0), |(done, all), (d, t)| (done + d.min(t), all + t));
        (sum.1 > 0).then_some(sum)
    }
}

/// Hands what is written to the request's body, a bounded number of chunks ahead.
struct Pipe {
    chunks: mpsc::Sender<io::Result<Bytes>>,
    sent: Arc<AtomicU64>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.chunks.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        self.sent.fetch_add(u64::try_from(bytes.len()).unwrap_or(0), Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
