//! That nothing a row says is without a line in `cases.txt` which would fail without it.

use super::{cases::Case, *};
use relay::vendors::{Door, KeyAuth, PathRule, Region};
use std::collections::BTreeSet;

fn leads(rest: &str, segments: &str) -> bool {
    rest == segments || rest.starts_with(&format!("{segments}/"))
}

/// All that a row says. No `..` here: a new field does not compile before it has its proof.
fn quirks(vendor: &Vendor) -> BTreeSet<String> {
    let Vendor {
        id: _,
        name: _,
        // Looked up by `find`, tested beside it.
        aliases: _,
        key_prefixes: _,
        // Held against `tests.txt`.
        test: _,
        base_url,
        // Which keys stand in for each other: held against addresses in `pool.rs`.
        own_addresses: _,
        regions,
        // In the fourth column of every case.
        auth: _,
        key_auths,
        // Held against a signature of the tests' own, in `bedrock`.
        signing: _,
        // Held against a token's signature, in `vertex`.
        account: _,
        keyless,
        // What of it makes a difference on this way is a door; the rest is the unified address.
        dialects: _,
        path: PathRule { strip, tail: _, fill },
        slashes,
        doors,
        headers,
        strip_model_prefix,
        // Held against what calls cost, in `exact`.
        says_cost: _,
    } = vendor;
    let mut all = BTreeSet::from(["asked".to_owned()]);
    all.extend(base_url.iter().map(|b| format!("base {b}")));
    all.extend(regions.iter().map(|Region { id: _, name: _, base_url }| format!("base {base_url}")));
    all.extend(key_auths.iter().map(|KeyAuth { prefix, auth: _, headers: _ }| format!("keys {prefix}")));
    all.extend(keyless.then(|| "keyless".to_owned()));
    all.extend(strip.iter().map(|s| format!("strip {s}")));
    all.extend(if *fill { vec!["filled".to_owned(), "full".to_owned()] } else { vec![] });
    for Door { dialect, leads, strip, path, auth: _, query } in *doors {
        let spoken = dialect.iter().filter(|d| vendor.dialects.contains(d));
        all.extend(spoken.map(|d| format!("door {path} for {d:?}")));
        all.extend(leads.iter().map(|l| format!("door {path} at {l}")));
        all.extend(strip.iter().map(|s| format!("door {path} strips {s}")));
        all.extend(
            query
                .iter()
                .flat_map(|(n, _)| [format!("door {path} adds {n}"), format!("door {path} leaves {n}")]),
        );
    }
    all.extend(headers.iter().map(|(n, v)| format!("header {n}={v}")));
    all.extend(slashes.then(|| "slashes".to_owned()));
    all.extend((!strip_model_prefix).then(|| "keeps".to_owned()));
    all
}

/// What a case would fail without.
fn proves(case: &Case) -> BTreeSet<String> {
    let (vendor, rest) = (case.vendor, case.rest);
    let mut all = BTreeSet::from(["asked".to_owned(), format!("base {}", case.base)]);
    all.extend((rest.contains("%2F") && case.want.contains("%2F")).then(|| "slashes".to_owned()));
    all.extend(case.keeps.then(|| "keeps".to_owned()));
    all.extend((case.auth == "none").then(|| "keyless".to_owned()));
    all.extend(case.extra.iter().map(|(n, v)| format!("header {n}={v}")));
    let styles = vendor.key_auths.iter().filter(|s| case.secret.starts_with(s.prefix));
    all.extend(styles.map(|s| format!("keys {}", s.prefix)));
    let first =
        |strip: &[&str]| strip.iter().find(|s| rest.starts_with(&format!("{s}/"))).map(|s| (*s).to_owned());
    let dialect = vendor.dialect(rest);
    let Some(door) = vendor.door(rest, dialect) else {
        all.extend(first(vendor.path.strip).map(|s| format!("strip {s}")));
        let full = case.base.ends_with(vendor.path.tail);
        all.insert(if full { "full" } else { "filled" }.to_owned());
        return all;
    };
    let path = door.path;
    let entered: Vec<_> = door.leads.iter().filter(|l| leads(rest, l)).collect();
    if entered.is_empty() {
        all.extend(door.dialect.map(|d| format!("door {path} for {d:?}")));
    }
    all.extend(entered.iter().map(|l| format!("door {path} at {l}")));
    all.extend(first(door.strip).map(|s| format!("door {path} strips {s}")));
    if let Some((name, value)) = door.query {
        let said = case.query.is_some_and(|q| q.contains(name));
        assert!(said || case.want.ends_with(&format!("{name}={value}")), "{}", case.want);
        all.insert(format!("door {path} {} {name}", if said { "leaves" } else { "adds" }));
    }
    all
}

#[test]
fn no_row_says_anything_that_no_case_asserts() {
    let cases = cases::all();
    for vendor in vendors::all() {
        let mine = cases.iter().filter(|c| c.vendor.id == vendor.id);
        let proven: BTreeSet<String> = mine.flat_map(proves).collect();
        let open: Vec<_> = quirks(vendor).difference(&proven).cloned().collect();
        assert!(open.is_empty(), "{}: nothing asserts {open:?}", vendor.id);
    }
}
