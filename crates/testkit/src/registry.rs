//! An image registry on loopback that speaks the reading half of the distribution API: manifests and blobs by
//! digest. It can swap what it serves, or stop in the middle of a blob.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// How a registry answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As asked.
    #[default]
    Honest,
    /// Another manifest than the one whose digest was asked for.
    Swapped,
    /// Each blob stops after its first part and never goes on.
    Stuck,
}

#[derive(Debug, Default)]
struct Shelf {
    manner: Manner,
    /// By digest, with its media type.
    things: HashMap<String, (&'static str, Bytes)>,
    served: Vec<String>,
}

/// A running registry; gone when dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
    stop: CancellationToken,
}

/// Names content.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Registry {
    /// Starts there; port 0 for any.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn start(address: SocketAddr) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (shelf, stop) = (Arc::new(Mutex::new(Shelf::default())), CancellationToken::new());
        let router = Router::new()
            .route("/v2/", get(|| async { ([("docker-distribution-api-version", "registry/2.0")], "{}") }))
            .route("/v2/{name}/manifests/{digest}", get(manifest))
            .route("/v2/{name}/blobs/{digest}", get(blob))
            .with_state(Arc::clone(&shelf));
        tokio::spawn(stop.clone().run_until_cancelled_owned(axum::serve(listener, router).into_future()));
        Ok(Self { address, shelf, stop })
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers so from now on.
    pub fn be(&self, manner: Manner) {
        self.shelf().manner = manner;
    }

    /// Digests of the blobs that were asked for so far.
    #[must_use]
    pub fn served(&self) -> Vec<String> {
        self.shelf().served.clone()
    }

    /// Takes an image in: its configuration and the layers that configuration names. Returns the digest of its
    /// manifest, by which it is pulled.
    pub fn put(&self, config: Bytes, layers: Vec<Bytes>) -> String {
        let told = |kind: &str, bytes: &Bytes| json!({ "mediaType": kind, "size": bytes.len(), "digest": digest(bytes) });
        let named: Vec<Value> = layers.iter().map(|layer| told(LAYER, layer)).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": told(CONFIG, &config), "layers": named
        });
        let manifest = Bytes::from(manifest.to_string());
        let name = digest(&manifest);
        let mut shelf = self.shelf();
        shelf.things.insert(name.clone(), (MANIFEST, manifest));
        shelf.things.insert(digest(&config), (CONFIG, config));
        for layer in layers {
            shelf.things.insert(digest(&layer), (LAYER, layer));
        }
        name
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn manifest(
    State(shelf): State<Arc<Mutex<Shelf>>>,
    Path((_, wanted)): Path<(String, String)>,
) -> Response {
    let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((kind, bytes)) = shelf.things.get(&wanted) else { return missing("MANIFEST_UNKNOWN") };
    let mut bytes = bytes.to_vec();
    if shelf.manner == Manner::Swapped {
        bytes.push(b'\n');
    }
    ([(header::CONTENT_TYPE, (*kind).to_owned())], bytes).into_response()
}

async fn blob(State(shelf): State<Arc<Mutex<Shelf>>>, Path((_, wanted)): Path<(String, String)>) -> Response {
    let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    shelf.served.push(wanted.clone());
    let Some((_, bytes)) = shelf.things.get(&wanted) else { return missing("BLOB_UNKNOWN") };
    let (length, bytes) = (bytes.len(), bytes.clone());
    let body = match shelf.manner {
        Manner::Stuck => {
            let first = bytes.slice(..length / 2);
            Body::from_stream(stream::iter([Ok::<_, std::io::Error>(first)]).chain(stream::pending()))
        }
        Manner::Honest | Manner::Swapped => Body::from(bytes),
    };
    ([(header::CONTENT_LENGTH, length.to_string())], body).into_response()
}

fn missing(code: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": "not here" }] });
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}
