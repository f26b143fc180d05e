//! What a bundle is: settings and workspace of a bot as one signed `.tar.gz`. No token, no key, no state of the gateway.
//!
//! `manifest.json` names every file with its digest, `signature.json` signs the manifest, `workspace/…` are the files. What is
//! read comes from anywhere: every count, size, path and digest is checked before anything is made of it.

use api::{ApiError, bots::*};
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use runtime::home::{TakeLimits, is_bundle_path};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

/// How much of a workspace a bundle holds.
pub(super) const LIMITS: TakeLimits = TakeLimits { files: 10_000, bytes: 64 << 20 };
/// The format that is written, and the only one that is read.
const FORMAT: u32 = 1;
/// What is signed begins so: no other signature of this key can be taken for one of a bundle.
const SIGNED: &[u8] = b"chela bundle 1\n";
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "signature.json";
const WORKSPACE: &str = "workspace/";
const MOST_MANIFEST: u64 = 8 << 20;
/// A path below a workspace, with what stands before it.
const MOST_NAME: usize = 1_100;
const MOST_SIGNATURE: u64 = 4 << 10;
/// Bytes that an archive may unpack to: files, manifest, and the archive's own words about each.
const MOST_UNPACKED: u64 = 96 << 20;

/// A file of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What the bot is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Described {
    pub settings: BotSettings,
    pub runtime: RuntimeKind,
    pub tags: Vec<String>,
    #[serde(default)]
    pub idle_stop_minutes: Option<u32>,
    /// The version it runs with; where it is brought to, that Chela's own is taken.
    pub openclaw: String,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub format: u32,
    /// The version it was made with.
    pub chela: String,
    pub made_at_ms: i64,
    /// Which Chela made it.
    pub instance: String,
    pub bot: Described,
    pub files: Vec<Listed>,
    /// What of the workspace is not in it.
    pub left_out: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Signed {
    algorithm: String,
    public_key: String,
    signature: String,
}

/// A bundle that is whole and signed, by whomever.
#[derive(Debug)]
pub(super) struct Opened {
    pub manifest: Manifest,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Of the key that signed it.
    pub fingerprint: String,
}

/// A public key in a form that people compare.
pub(super) fn fingerprint(public_key: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(public_key));
    format!("ed25519:{}", digest.get(..40).unwrap_or_default())
}

impl Manifest {
    /// The manifest of a bot with these files.
    pub(super) fn new(
        bot: Described,
        files: &BTreeMap<String, Vec<u8>>,
        left_out: Vec<String>,
        instance: String,
        made_at_ms: i64,
    ) -> Self {
        let listed = |(path, bytes): (&String, &Vec<u8>)| Listed {
            path: path.clone(),
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(bytes)),
        };
        Self {
            format: FORMAT,
            chela: env!("CARGO_PKG_VERSION").to_owned(),
            made_at_ms,
            instance,
            bot,
            files: files.iter().map(listed).collect(),
            left_out,
        }
    }
}

/// Writes a bundle.
///
/// # Errors
/// What `out` says.
pub(super) fn pack(
    manifest: &Manifest,
    files: &BTreeMap<String, Vec<u8>>,
    key: &Ed25519KeyPair,
    out: impl Write,
) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(manifest)?;
    let signed = Signed {
        algorithm: "ed25519".to_owned(),
        public_key: STANDARD.encode(key.public_key().as_ref()),
        signature: STANDARD.encode(key.sign(&[SIGNED, &text].concat()).as_ref()),
    };
    let mut tar = tar::Builder::new(GzEncoder::new(out, Compression::default()));
    let mut append = |name: String, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(manifest.made_at_ms / 1000).unwrap_or(0));
        tar.append_data(&mut header, name, bytes)
    };
    append(MANIFEST.to_owned(), &text)?;
    append(SIGNATURE.to_owned(), &serde_json::to_vec_pretty(&signed)?)?;
    for (path, bytes) in files {
        append(format!("{WORKSPACE}{path}"), bytes)?;
    }
    tar.into_inner()?.finish()?.flush()
}

/// A bundle that is refused.
fn bad(why: impl std::fmt::Display) -> ApiError {
    ApiError::field("/file", format!("This bundle cannot be imported: {why}."))
        .with_hint("Take the file as the export gave it, whole and unchanged; if in doubt, export it again.")
}

/// A reader that ends with an error where there is more than it may give.
struct Bounded<R>(R, u64);

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(into)?;
        match self.1.checked_sub(read as u64) {
            Some(left) => self.1 = left,
            None => {
                return Err(io::Error::other(format!("it unpacks to more than {} MiB", MOST_UNPACKED >> 20)));
            }
        }
        Ok(read)
    }
}

/// Reads a bundle and checks all of it.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn open(from: impl Read) -> Result<Opened, ApiError> {
    let unreadable = |error: io::Error| bad(format!("it is no whole .tar.gz ({error})"));
    let mut archive = tar::Archive::new(Bounded(GzDecoder::new(from), MOST_UNPACKED));
    let (mut head, mut files) = (Vec::new(), BTreeMap::new());
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = entry.path_bytes();
        if name.len() > MOST_NAME {
            return Err(bad("a name in it is too long"));
        }
        let name = name.into_owned();
        let name = String::from_utf8(name).map_err(|_other| bad("a name in it is no text"))?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(bad(format!("{name:?} is no plain file")));
        }
        let (wanted, most) = match head.len() {
            0 => (MANIFEST, MOST_MANIFEST),
            1 => (SIGNATURE, MOST_SIGNATURE),
            _ => (WORKSPACE, LIMITS.bytes as u64),
        };
        let path = name.strip_prefix(wanted).filter(|rest| head.len() > 1 || rest.is_empty());
        let Some(path) = path.map(str::to_owned) else {
            return Err(bad(format!("{name:?} stands where {wanted} should")));
        };
        if entry.size() > most {
            return Err(bad(format!("{name:?} is too large")));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(unreadable)?;
        if head.len() < 2 {
            head.push(bytes);
            continue;
        }
        if !is_bundle_path(&path) {
            return Err(bad(format!("{name:?} is no path below a workspace")));
        }
        if files.len() >= LIMITS.files {
            return Err(bad(format!("it has more than {} files", LIMITS.files)));
        }
        if files.insert(path, bytes).is_some() {
            return Err(bad(format!("{name:?} is in it twice")));
        }
    }
    let [manifest, signature] = head.as_slice() else { return Err(bad("it is empty")) };
    let fingerprint = verify(manifest, signature)?;
    let manifest = read_manifest(manifest)?;
    whole(&manifest, &files)?;
    Ok(Opened { manifest, files, fingerprint })
}

/// The fingerprint of the key that signed the manifest.
fn verify(manifest: &[u8], signature: &[u8]) -> Result<String, ApiError> {
    let signed: Signed =
        serde_json::from_slice(signature).map_err(|_other| bad("its signature cannot be read"))?;
    let decoded = |text: &str| STANDARD.decode(text).map_err(|_other| bad("its signature cannot be read"));
    let (key, said) = (decoded(&signed.public_key)?, decoded(&signed.signature)?);
    let holds = UnparsedPublicKey::new(&ED25519, &key).verify(&[SIGNED, manifest].concat(), &said);
    match holds {
        Ok(()) if signed.algorithm == "ed25519" => Ok(fingerprint(&key)),
        _ => Err(bad("its signature does not fit it: it was changed, or damaged on the way")),
    }
}

fn read_manifest(text: &[u8]) -> Result<Manifest, ApiError> {
    #[derive(Deserialize)]
    struct Formatted {
        format: u32,
    }
    let of: Formatted = serde_json::from_slice(text).map_err(|_other| bad("its manifest cannot be read"))?;
    if of.format != FORMAT {
        return Err(bad(format!("it has format {}, and this Chela reads {FORMAT}", of.format)));
    }
    serde_json::from_slice(text).map_err(|error| bad(format!("its manifest cannot be read ({error})")))
}

/// Every file is listed with its digest, and every listed file is there.
fn whole(manifest: &Manifest, files: &BTreeMap<String, Vec<u8>>) -> Result<(), ApiError> {
    let listed: BTreeMap<&str, &Listed> = manifest.files.iter().map(|it| (it.path.as_str(), it)).collect();
    if listed.len() != manifest.files.len() {
        return Err(bad("its manifest names a file twice"));
    }
    let mut bytes_in_all = 0_usize;
    for (path, bytes) in files {
        bytes_in_all = bytes_in_all.saturating_add(bytes.len());
        let Some(it) = listed.get(path.as_str()) else {
            return Err(bad(format!("its manifest does not name {path:?}")));
        };
        if it.bytes != bytes.len() as u64 || it.sha256 != hex::encode(Sha256::digest(bytes)) {
            return Err(bad(format!("{path:?} is not the file that was signed")));
        }
        let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        if let Some(both) = above.into_iter().find(|above| files.contains_key(*above)) {
            return Err(bad(format!("{both:?} is a file and a directory in it")));
        }
    }
    if let Some(missing) = listed.keys().find(|path| !files.contains_key(**path)) {
        return Err(bad(format!("{missing:?} is missing")));
    }
    match bytes_in_all > LIMITS.bytes {
        true => Err(bad(format!("its files have more than {} MiB", LIMITS.bytes >> 20))),
        false => Ok(()),
    }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
