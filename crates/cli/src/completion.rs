//! Completion in shells, with the names that live in the panel at that moment.

use crate::{
    env::Env,
    failure::Failure,
    options::{Common, Paging},
    output::{Screen, plain, text},
    session::Session,
};
use api::{
    Verb,
    auth::ListTokens,
    bots::ListBots,
    keys::{ListKeys, ListVendors},
    virtual_keys::ListVirtualKeys,
};
use clap::{Args, Command as Tree, ValueEnum};
use clap_complete::{
    CompleteEnv,
    engine::CompletionCandidate,
    env::{EnvCompleter, Shells},
};
use serde_json::Value;
use std::{ffi::OsString, path::Path, time::Duration};

/// The variable by which a shell asks for candidates.
const ASKED: &str = "CHELA_COMPLETE";
/// How long names may take: a shell that hangs is worse than one that knows no names.
const DEADLINE: Duration = Duration::from_millis(1500);

/// Source it: `source <(chela completion bash)`, `chela completion fish | source`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Completion {
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script of a shell.
pub(crate) fn print(wanted: Completion) -> Result<(), Failure> {
    let name = match wanted.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let shells = Shells::builtins();
    let unwritable = || Failure::Other(format!("there is no completion for {name}"));
    let shell: &dyn EnvCompleter = shells.completer(name).ok_or_else(unwritable)?;
    let mut script = Vec::new();
    shell.write_registration(ASKED, "chela", "chela", "chela", &mut script).map_err(|_io| unwritable())?;
    let screen = Screen::new(&Common::default(), &Env::default());
    screen.data(&String::from_utf8_lossy(&script));
    Ok(())
}

/// Answers a shell that asks for candidates; `false` if none does.
pub fn complete(tree: fn() -> Tree, args: impl IntoIterator<Item = OsString>) -> bool {
    if std::env::var_os(ASKED).is_none() {
        return false;
    }
    let here = std::env::current_dir().ok();
    // What goes wrong here must not be seen among the words a person is typing.
    CompleteEnv::with_factory(tree)
        .var(ASKED)
        .try_complete(args, here.as_deref().map(Path::new))
        .unwrap_or(true)
}

/// Bots, by slug.
pub(crate) fn bots() -> Vec<CompletionCandidate> {
    let page = |limit, cursor| ListBots { limit, cursor, ..ListBots::default() };
    live(page, |bot| {
        (text(bot, "slug").to_owned(), format!("{}, {}", text(bot, "name"), text(bot, "observed")))
    })
}

/// Provider keys, by id.
pub(crate) fn keys() -> Vec<CompletionCandidate> {
    let page = |limit, cursor| ListKeys { limit, cursor };
    live(page, |key| (text(key, "id").to_owned(), format!("{}, {}", text(key, "label"), text(key, "vendor"))))
}

/// Virtual keys, by id.
pub(crate) fn virtual_keys() -> Vec<CompletionCandidate> {
    let page = |limit, cursor| ListVirtualKeys { limit, cursor };
    live(page, |key| (text(key, "id").to_owned(), text(key, "name").to_owned()))
}

/// Vendors and their regions.
pub(crate) fn vendors() -> Vec<CompletionCandidate> {
    let found = asked(async |session| session.call(&ListVendors {}).await);
    let words = found.iter().flat_map(|vendor| {
        let (id, name) = (text(vendor, "id"), text(vendor, "name"));
        let regions = vendor.get("regions").and_then(Value::as_array).into_iter().flatten();
        let regions =
            regions.map(move |r| (format!("{id}@{}", text(r, "id")), format!("{name}, {}", text(r, "name"))));
        std::iter::once((id.to_owned(), name.to_owned())).chain(regions)
    });
    words.map(candidate).collect()
}

/// API tokens, by id.
pub(crate) fn tokens() -> Vec<CompletionCandidate> {
    let page = |limit, cursor| ListTokens { limit, cursor };
    live(page, |token| (text(token, "id").to_owned(), text(token, "name").to_owned()))
}

fn live<V: Verb>(
    page: impl Fn(Option<u32>, Option<String>) -> V,
    name: impl Fn(&Value) -> (String, String),
) -> Vec<CompletionCandidate> {
    let paging = Paging { limit: 1000, all: false };
    let found = asked(async |session| session.list(&paging, page).await);
    found.iter().map(name).filter(|(word, _)| !word.is_empty()).map(candidate).collect()
}

/// Asks the panel for a list; nothing where that fails, for whatever reason.
fn asked(ask: impl AsyncFnOnce(&Session) -> Result<Value, Failure>) -> Vec<Value> {
    let common = Common { timeout: Some(DEADLINE), quiet: true, ..Common::default() };
    let Ok(session) = Session::open(common, &Env::read()) else { return Vec::new() };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let asked = runtime.block_on(async { tokio::time::timeout(DEADLINE, ask(&session)).await });
    runtime.shutdown_background();
    let Ok(Ok(Value::Array(found))) = asked else { return Vec::new() };
    found
}

fn candidate((word, help): (String, String)) -> CompletionCandidate {
    CompletionCandidate::new(plain(&word)).help(Some(plain(&help).into()))
}

/// The one thing of a list with this id or name, in any case where none is called just so: its id and name.
pub(crate) fn only(all: &Value, name: &str, typed: &str) -> Result<(String, String), Failure> {
    let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
    let by = |field: &str| all.iter().filter(|one| text(one, field) == typed).collect::<Vec<_>>();
    let some = |found: &Vec<_>| !found.is_empty();
    let lower = typed.to_lowercase();
    let alike = || all.iter().filter(|one| text(one, name).to_lowercase() == lower).collect();
    let found = Some(by("id")).filter(some).or_else(|| Some(by(name)).filter(some)).unwrap_or_else(alike);
    match found.as_slice() {
        [one] => Ok((text(one, "id").to_owned(), plain(text(one, name)))),
        [] => Err(Failure::Missing(format!("there is no '{}', or you may not see it.", plain(typed)))),
        several => Err(Failure::Usage(format!(
            "'{}' names {} things; say which by its id: {}",
            plain(typed),
            several.len(),
            several.iter().map(|one| text(one, "id")).collect::<Vec<_>>().join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_that_several_things_have_asks_for_the_id() {
        let all = json!([{ "id": "1", "label": "a" }, { "id": "2", "label": "a" }, { "id": "3", "label": "b" }, { "id": "4", "label": "B" }]);
        assert_eq!(only(&all, "label", "b"), Ok(("3".to_owned(), "b".to_owned())));
        assert_eq!(only(&all, "label", "2"), Ok(("2".to_owned(), "a".to_owned())));
        assert_eq!(only(&all, "label", "B"), Ok(("4".to_owned(), "B".to_owned())));
        assert_eq!(only(&all, "label", "A").unwrap_err().exit(), 2);
        assert_eq!(only(&all, "label", "a").unwrap_err().exit(), 2);
        assert_eq!(only(&all, "label", "c").unwrap_err().exit(), 3);
    }
}
