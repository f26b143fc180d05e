//! Where settings come from: a map of environment variables and the table of `chela.toml`.

use super::{ConfigError, NAMES};
use ::runtime::docker::EngineAddress;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Something to tell the operator that does not stop the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub String);

/// The raw settings.
#[derive(Debug, Default)]
pub struct Source {
    env: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    data_dir: PathBuf,
}

/// Variables of remote commands (crates/cli), without `CHELA_`.
const REMOTE: &[&str] = &["url", "token", "context", "complete"];

/// Letters' distance below which an unknown variable is surely a slip.
const SLIP: usize = 2;

impl Source {
    /// Takes the environment and reads `chela.toml` of the data dir it names.
    ///
    /// # Errors
    /// An unreadable file, an unknown key in it, or a variable that is a near miss of a setting.
    pub fn read(
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut source = Self::default();
        let mut warnings = Vec::new();
        for (name, value) in env {
            // What every program that uses the engine reads; ours goes before it.
            if name == "DOCKER_HOST" {
                match value.parse::<EngineAddress>() {
                    Ok(_) => _ = source.env.entry("docker_host".to_owned()).or_insert(value),
                    // Meant for another program: no reason not to start.
                    Err(why) => warnings.push(Warning(format!("DOCKER_HOST is ignored: {why}"))),
                }
                continue;
            }
            let Some(short) = name.strip_prefix("CHELA_") else { continue };
            let lower = short.to_lowercase();
            // What remote commands read is no setting of the server, and no slip.
            if REMOTE.contains(&lower.as_str()) {
                continue;
            }
            // CHELA_TEST_* belong to the test harness.
            if NAMES.contains(&lower.as_str()) {
                source.env.insert(lower, value);
            } else if !lower.starts_with("test_") && lower != "chromium" {
                let (nearest, distance) = nearest(&lower);
                let nearest = format!("CHELA_{}", nearest.to_uppercase());
                if distance <= SLIP {
                    return Err(ConfigError::Misspelt { given: name, nearest });
                }
                warnings.push(Warning(format!(
                    "{name} is not a setting of Chela and is ignored (nearest: {nearest})"
                )));
            }
        }
        source.data_dir = match source.env.get("data_dir") {
            Some(dir) => PathBuf::from(dir),
            None => default_data_dir(),
        };
        source.file = read_file(&source.data_dir.join("chela.toml"))?;
        Ok((source, warnings))
    }

    /// The raw value of a setting, if any; the environment wins. An empty value counts as absent.
    pub fn get(&self, name: &str) -> Option<String> {
        self.env.get(name).or_else(|| self.file.get(name)).filter(|v| !v.is_empty()).cloned()
    }

    /// The data dir: environment or default, never the file that lies in it.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("chela-data")
}

fn nearest(name: &str) -> (&'static str, usize) {
    NAMES
        .iter()
        .map(|n| (*n, strsim::levenshtein(n, name)))
        .min_by_key(|(_, d)| *d)
        .unwrap_or(("listen", usize::MAX))
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>, ConfigError> {
    let fail = |why: String| ConfigError::File { file: path.display().to_string(), why };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(fail(error.to_string())),
    };
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| fail(error.message().to_owned()))?;
    table
        .into_iter()
        .map(|(key, value)| {
            if !NAMES.contains(&key.as_str()) || key == "data_dir" {
                return Err(fail(format!("'{key}' is not a setting (nearest: {})", nearest(&key).0)));
            }
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                toml::Value::Array(items) => {
                    items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
                }
                other => return Err(fail(format!("'{key}' must not be a {}", other.type_str()))),
            };
            Ok((key, text))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_near_miss_stops_the_start_and_names_the_setting() {
        let error = Source::read(env(&[("CHELA_LISTN", "x")])).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(error, Err("CHELA_LISTN is not a setting; did you mean CHELA_LISTEN?".to_owned()));
    }

    #[test]
    fn the_engines_own_variable_counts_and_chelas_goes_before_it() {
        let host = |pairs: &[(&str, &str)]| Source::read(env(pairs)).unwrap().0.get("docker_host");
        let (theirs, ours) = (("DOCKER_HOST", "tcp://a:1"), ("CHELA_DOCKER_HOST", "tcp://b:1"));
        assert_eq!(host(&[theirs]).as_deref(), Some("tcp://a:1"));
        assert_eq!(host(&[theirs, ours]).as_deref(), Some("tcp://b:1"));
        assert_eq!(host(&[ours, theirs]).as_deref(), Some("tcp://b:1"));
    }

    #[test]
    fn an_engine_meant_for_other_programs_is_ignored_and_that_is_said() {
        let (source, warnings) = Source::read(env(&[("DOCKER_HOST", "ssh://me@there")])).unwrap();
        assert_eq!(source.get("docker_host"), None);
        assert!(warnings.iter().any(|w| w.0.contains("DOCKER_HOST is ignored")), "{warnings:?}");
    }

    #[test]
    fn what_an_orchestrator_injects_is_only_a_warning() {
        let (_, warnings) =
            Source::read(env(&[("CHELA_SERVICE_HOST", "10.0.0.1"), ("PATH", "/bin")])).unwrap();
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn the_environment_wins_over_the_file_and_an_unknown_key_in_the_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_str().unwrap();
        std::fs::write(dir.path().join("chela.toml"), "listen = '127.0.0.1:1'\nruntime = 'docker'\n")
            .unwrap();
        let (source, _) =
            Source::read(env(&[("CHELA_DATA_DIR", data), ("CHELA_LISTEN", "127.0.0.1:2")])).unwrap();
        assert_eq!(
            (source.get("listen").as_deref(), source.get("runtime").as_deref()),
            (Some("127.0.0.1:2"), Some("docker"))
        );
        std::fs::write(dir.path().join("chela.toml"), "lisen = 'x'\n").unwrap();
        let error = Source::read(env(&[("CHELA_DATA_DIR", data)])).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("'lisen'") && error.contains("listen"), "{error}");
    }
}
