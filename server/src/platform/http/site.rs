//! The site's files: wasm, styles, icons. From the site root on disk, or from inside the binary.
//!
//! A name with a content hash is kept by browsers for ever; everything else is asked for again each time.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use leptos::prelude::LeptosOptions;
use std::{io, path::Path, sync::Arc, time::UNIX_EPOCH};

/// Longest file served from disk, in bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// Length of the hash that cargo-leptos puts into names.
const HASH: usize = 22;

/// Where the files come from.
#[derive(Clone, Debug)]
pub(super) struct Site {
    root: Arc<Path>,
}

impl Site {
    pub(super) fn new(options: &LeptosOptions) -> Self {
        Self { root: Path::new(options.site_root.as_ref()).into() }
    }

    /// The file at `path`, if there is one.
    pub(super) async fn answer(&self, method: &Method, path: &str, asked: &HeaderMap) -> Option<Response> {
        let name = plain_name(path)?;
        let (Found { bytes, tag }, encoding) = self.encoded(name, asked).await?;
        let tag = HeaderValue::from_str(&tag).ok();
        let headers = [
            (header::CONTENT_TYPE, Some(HeaderValue::from_static(media_type(name)))),
            (header::CACHE_CONTROL, Some(HeaderValue::from_static(caching(name)))),
            (header::CONTENT_ENCODING, encoding.map(HeaderValue::from_static)),
            (header::VARY, Some(HeaderValue::from_static("accept-encoding"))),
            (header::ETAG, tag.clone()),
        ];
        let known = tag.is_some_and(|tag| super::etag::unchanged(asked, &tag));
        let length = HeaderValue::from(bytes.len());
        let mut response = match (known, method == Method::HEAD) {
            (true, _) => StatusCode::NOT_MODIFIED.into_response(),
            (false, true) => Response::new(Body::empty()),
            (false, false) => Response::new(Body::from(bytes)),
        };
        if !known {
            response.headers_mut().insert(header::CONTENT_LENGTH, length);
        }
        for (name, value) in headers {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        }
        Some(response)
    }

    /// The smallest form of a file that the browser takes.
    async fn encoded(&self, name: &str, asked: &HeaderMap) -> Option<(Found, Option<&'static str>)> {
        for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
            if takes(asked, encoding)
                && let Some(found) = self.read(&format!("{name}.{ending}")).await
            {
                return Some((found, Some(encoding)));
            }
        }
        self.read(name).await.map(|found| (found, None))
    }

    async fn read(&self, name: &str) -> Option<Found> {
        if let Some(found) = embedded(name) {
            return Some(found);
        }
        let path = self.root.join(name);
        let about = tokio::fs::metadata(&path).await.ok()?;
        if !about.is_file() || about.len() > MAX_FILE {
            return None;
        }
        let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let tag = format!("\"{:x}-{:x}\"", about.len(), changed.as_nanos());
        let bytes = tokio::fs::read(&path).await.ok()?.into();
        Some(Found { bytes, tag })
    }
}

/// A file and the tag by which a browser knows that it has it.
struct Found {
    bytes: Bytes,
    tag: String,
}

/// A request's path as a relative file name: no way up, no hidden file, nothing encoded.
fn plain_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'@' | b'+'))
    };
    (name.len() <= 255 && name.split('/').all(fits)).then_some(name)
}

fn takes(asked: &HeaderMap, encoding: &str) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding))
            && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Whether a part of the name is a content hash, as in `chela.X2f3…22 characters.wasm`.
fn is_hashed(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    let hash = |part: &str| {
        part.len() == HASH
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            // The place holder of a build without hashes.
            && part.bytes().any(|b| b != b'_')
    };
    name.starts_with("pkg/") && file.split('.').skip(1).any(hash)
}

fn caching(name: &str) -> &'static str {
    if is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[folder = "../target/site"]
struct Embedded;

#[cfg(feature = "embed")]
fn embedded(name: &str) -> Option<Found> {
    Embedded::get(name).map(|file| Found {
        tag: format!("\"{}\"", hex::encode(file.metadata.sha256_hash())),
        bytes: match file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
        },
    })
}

#[cfg(not(feature = "embed"))]
fn embedded(_name: &str) -> Option<Found> {
    None
}

/// Prepares `options` for a binary that carries its site: the few files that page rendering reads from disk
/// (the split manifest and the names' hashes) are written below `dir`. Without an embedded site nothing
/// changes.
///
/// # Errors
/// The files cannot be written.
pub fn unpack(dir: &Path, options: LeptosOptions) -> io::Result<LeptosOptions> {
    let package = options.site_pkg_dir.to_string();
    let needed = embedded_names()
        .filter(|name| name.starts_with(&format!("{package}/__wasm_split_manifest")) || name == "hash.txt")
        .collect::<Vec<_>>();
    if embedded_names().next().is_none() {
        return Ok(options);
    }
    let mut options = options;
    std::fs::create_dir_all(dir.join(&package))?;
    for name in needed {
        if let Some(file) = embedded(&name) {
            std::fs::write(dir.join(&name), &file.bytes)?;
        }
    }
    options.hash_files = embedded("hash.txt").is_some();
    options.hash_file = dir.join("hash.txt").display().to_string().into();
    options.site_root = dir.display().to_string().into();
    Ok(options)
}

#[cfg(feature = "embed")]
fn embedded_names() -> impl Iterator<Item = String> {
    Embedded::iter().map(|name| name.to_string())
}

#[cfg(not(feature = "embed"))]
fn embedded_names() -> impl Iterator<Item = String> {
    std::iter::empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leaves_the_site() {
        for bad in [
            "/../Cargo.toml",
            "/pkg/../../x",
            "/.env",
            "/pkg/.git/x",
            "//etc/passwd",
            "/a\\b",
            "/%2e%2e/x",
            "/",
            "/a//b",
            "/a\0",
        ] {
            assert_eq!(plain_name(bad), None, "{bad}");
        }
        assert_eq!(plain_name("/pkg/chela.css"), Some("pkg/chela.css"));
    }

    #[test]
    fn only_hashed_names_are_kept_for_ever() {
        assert!(is_hashed("pkg/chela.QJ1xj6hFvZb2mVhYH5l0Xw.wasm"));
        assert!(is_hashed("pkg/split_list.QJ1xj6hFvZb2mVhYH5l0Xw.wasm"));
        for plain in [
            "pkg/chela.wasm",
            "favicon.svg",
            "pkg/__wasm_split.______________________.js",
            "fonts/a.QJ1xj6hFvZb2mVhYH5l0Xw.woff2",
        ] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }
}
