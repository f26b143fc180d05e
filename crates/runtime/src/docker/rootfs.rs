//! The file system of the bot image, from what is on this machine: Node with the libraries it loads, a shell
//! with a few commands, certificates, time zones, OpenClaw. No registry is needed.

use crate::install::Installed;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tar::{Builder, EntryType, Header};

/// Raised when the recipe below changes.
const RECIPE: &str = "1";
/// Where commands are looked for, and which an `exec` tool hopes for. busybox stands for all of them.
const COMMAND_DIRS: [&str; 2] = ["/usr/bin", "/bin"];
const COMMANDS: [&str; 24] = [
    "cat", "cp", "cut", "date", "env", "find", "grep", "head", "ls", "mkdir", "mv", "pwd", "rm", "sed",
    "sleep", "sort", "tail", "tar", "touch", "tr", "uniq", "wc", "which", "xargs",
];
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const ZONES: &str = "/usr/share/zoneinfo";

enum Content {
    Dir,
    File(PathBuf),
    Text(String),
    Link(PathBuf),
}

/// What the image will hold.
pub(super) struct Rootfs {
    /// By path inside, without the leading slash: parents come before children.
    small: BTreeMap<PathBuf, (u32, Content)>,
    openclaw: PathBuf,
    /// Names the image.
    pub(super) hash: String,
}

impl Rootfs {
    /// Looks what there is. Blocking.
    pub(super) fn gather(tools: &Installed, uid: u32, gid: u32) -> io::Result<Self> {
        let mut this =
            Self { small: BTreeMap::new(), openclaw: tools.openclaw_tree.clone(), hash: String::new() };
        for dir in [
            "app/openclaw",
            "bin",
            "chela/config",
            "chela/run",
            "chela/state",
            "chela/workspace",
            "dev",
            "etc",
        ] {
            this.dir(dir, 0o755);
        }
        for dir in ["home/node", "proc", "sys", "usr/bin", "usr/local/bin", "var"] {
            this.dir(dir, 0o755);
        }
        // OpenClaw keeps locks in /tmp even before the tmpfs is there.
        this.dir("tmp", 0o1777);
        this.dir("var/tmp", 0o1777);
        this.text(
            "etc/passwd",
            &format!("root:x:0:0:root:/:/bin/false\nnode:x:{uid}:{gid}:bot:/home/node:/bin/sh\n"),
        );
        this.text("etc/group", &format!("root:x:0:\nnode:x:{gid}:\n"));
        this.text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
        this.program(&tools.node, "usr/local/bin/node")?;
        this.shell()?;
        if Path::new(CERTIFICATES).is_file() {
            this.put(&CERTIFICATES[1..], 0o644, Content::File(CERTIFICATES.into()));
        }
        this.zones(Path::new(ZONES), 0)?;
        this.hash = this.digest(tools)?;
        Ok(this)
    }

    fn put(&mut self, path: impl AsRef<Path>, mode: u32, content: Content) {
        let path = path.as_ref();
        for parent in path.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()) {
            self.small.entry(parent.to_owned()).or_insert((0o755, Content::Dir));
        }
        self.small.insert(path.to_owned(), (mode, content));
    }

    fn dir(&mut self, path: &str, mode: u32) {
        self.put(path, mode, Content::Dir);
    }

    fn text(&mut self, path: &str, text: &str) {
        self.put(path, 0o644, Content::Text(text.to_owned()));
    }

    /// A program with the libraries its loader says it loads.
    fn program(&mut self, from: &Path, to: &str) -> io::Result<()> {
        self.put(to, 0o755, Content::File(from.to_owned()));
        for library in libraries(from)? {
            let inside = library.strip_prefix("/").unwrap_or(&library).to_owned();
            self.put(inside, 0o755, Content::File(library));
        }
        Ok(())
    }

    fn shell(&mut self) -> io::Result<()> {
        if let Some(busybox) = command("busybox") {
            let said = Command::new(&busybox).arg("--list").stdin(Stdio::null()).output()?;
            self.program(&busybox, "bin/busybox")?;
            for applet in
                String::from_utf8_lossy(&said.stdout).lines().filter(|a| *a != "busybox" && !a.contains('/'))
            {
                self.put(format!("bin/{applet}"), 0o777, Content::Link("busybox".into()));
            }
            return Ok(());
        }
        if let Some(sh) = command("dash").or_else(|| command("sh")) {
            self.program(&sh, "bin/sh")?;
        }
        for name in COMMANDS {
            // A script or a link elsewhere is left out: only programs are taken.
            if let Some(path) = command(name) {
                self.program(&path, &format!("bin/{name}"))?;
            }
        }
        Ok(())
    }

    fn zones(&mut self, dir: &Path, depth: u8) -> io::Result<()> {
        let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
        for entry in entries {
            let path = entry?.path();
            let inside = path.strip_prefix("/").unwrap_or(&path).to_owned();
            // The same zones over again, counted in another way.
            if path.ends_with("right") || path.ends_with("posix") || depth > 3 {
                continue;
            }
            match fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => self.zones(&path, depth + 1)?,
                Ok(meta) if meta.is_file() => self.put(inside, 0o644, Content::File(path)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Over everything but OpenClaw, whose hash is known.
    fn digest(&self, tools: &Installed) -> io::Result<String> {
        // The main file too: what stands in for OpenClaw in tests is another image.
        let main = fs::read(&tools.openclaw)?;
        let mut sum = Sha256::new().chain_update(RECIPE).chain_update(&tools.hash).chain_update(main);
        for (path, (mode, content)) in &self.small {
            sum.update(format!("\n{} {mode:o} ", path.display()));
            match content {
                Content::Dir => {}
                Content::Text(text) => sum.update(text),
                Content::Link(to) => sum.update(to.as_os_str().as_encoded_bytes()),
                // Node is pinned by its lock file already.
                Content::File(from) if path.ends_with("node") => {
                    sum.update(fs::metadata(from)?.len().to_le_bytes())
                }
                Content::File(from) => sum.update(fs::read(from)?),
            }
        }
        Ok(hex::encode(sum.finalize()).chars().take(16).collect())
    }

    /// Writes it as a tar archive. Blocking.
    pub(super) fn write(&self, out: impl Write) -> io::Result<()> {
        let mut tar = Builder::new(out);
        for (path, (mode, content)) in &self.small {
            match content {
                Content::Dir => append_dir(&mut tar, path, *mode)?,
                Content::File(from) => append_file(&mut tar, path, from, *mode)?,
                Content::Link(to) => append_link(&mut tar, path, to)?,
                Content::Text(text) => {
                    let mut header = header(EntryType::Regular, *mode);
                    header.set_size(u64::try_from(text.len()).unwrap_or(0));
                    tar.append_data(&mut header, path, text.as_bytes())?;
                }
            }
        }
        append_tree(&mut tar, &self.openclaw, Path::new("app/openclaw"))?;
        tar.into_inner()?.flush()
    }
}

fn command(name: &str) -> Option<PathBuf> {
    let found = COMMAND_DIRS.iter().map(|dir| Path::new(dir).join(name)).find(|p| p.is_file())?;
    let found = found.canonicalize().ok()?;
    let mut magic = [0u8; 4];
    io::Read::read_exact(&mut fs::File::open(&found).ok()?, &mut magic).ok()?;
    (magic == *b"\x7fELF").then_some(found)
}

/// What the loader would load for a program; none for a static one.
fn libraries(program: &Path) -> io::Result<Vec<PathBuf>> {
    let said = Command::new("ldd").arg(program).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)` or `/lib64/ld-linux-x86-64.so.2 (0x…)`.
    let paths =
        text.lines().filter_map(|line| line.split_ascii_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(PathBuf::from).filter(|p| p.is_file()).collect())
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

fn append_dir(tar: &mut Builder<impl Write>, path: &Path, mode: u32) -> io::Result<()> {
    tar.append_data(&mut header(EntryType::Directory, mode), path, io::empty())
}

fn append_link(tar: &mut Builder<impl Write>, path: &Path, to: &Path) -> io::Result<()> {
    tar.append_link(&mut header(EntryType::Symlink, 0o777), path, to)
}

fn append_file(tar: &mut Builder<impl Write>, path: &Path, from: &Path, mode: u32) -> io::Result<()> {
    let file = fs::File::open(from)?;
    let mut header = header(EntryType::Regular, mode);
    header.set_size(file.metadata()?.len());
    tar.append_data(&mut header, path, file)
}

fn append_tree(tar: &mut Builder<impl Write>, from: &Path, to: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (meta, path, inside) = (entry.metadata()?, entry.path(), to.join(entry.file_name()));
        if meta.is_dir() {
            append_dir(tar, &inside, 0o755)?;
            append_tree(tar, &path, &inside)?;
        } else if meta.is_symlink() {
            append_link(tar, &inside, &fs::read_link(&path)?)?;
        } else {
            let run = meta.permissions().mode() & 0o111 != 0;
            append_file(tar, &inside, &path, if run { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}
