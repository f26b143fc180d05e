use super::*;
use api::Code;

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
}

fn files() -> BTreeMap<String, Vec<u8>> {
    let many = |n: u8| (0..=255_u8).map(|b| b.wrapping_mul(n)).collect::<Vec<_>>();
    [("SOUL.md", b"Be kind.".to_vec()), ("notes/a b.bin", many(3)), ("notes/deep/\u{4e2d}.txt", Vec::new())]
        .map(|(path, bytes)| (path.to_owned(), bytes))
        .into()
}

fn manifest(files: &BTreeMap<String, Vec<u8>>) -> Manifest {
    let settings = BotSettings {
        name: "Porter".to_owned(),
        model: "openai/x".to_owned(),
        prompt: "Be kind.".to_owned(),
        profile: Profile::Shared,
        limits: BotLimits { memory_mb: 768, ..BotLimits::default() },
    };
    let bot = Described {
        settings,
        runtime: RuntimeKind::Process,
        tags: vec!["a".to_owned()],
        idle_stop_minutes: Some(30),
        openclaw: "1.2.3".to_owned(),
    };
    Manifest::new(bot, files, vec!["link".to_owned()], "instance".to_owned(), 1_795_165_200_000)
}

fn packed(manifest: &Manifest, files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    pack(manifest, files, &key(1), &mut out).expect("packed");
    out
}

/// An archive of such entries, with a manifest and signature that fit.
fn crafted(entries: &[(tar::EntryType, &str, &[u8])]) -> Vec<u8> {
    let manifest = manifest(&BTreeMap::new());
    let whole = packed(&manifest, &BTreeMap::new());
    let mut from = tar::Archive::new(GzDecoder::new(whole.as_slice()));
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for entry in from.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("read");
        tar.append(&entry.header().clone(), bytes.as_slice()).expect("appended");
    }
    for (kind, name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        // Written as it is: the builder itself would refuse what must be refused here.
        let place = &mut header.as_old_mut().name;
        place[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).expect("appended");
    }
    tar.into_inner().expect("tar").finish().expect("gz")
}

fn refused(bytes: &[u8]) -> String {
    let error = open(bytes).expect_err("it must be refused");
    assert_eq!(error.code, Code::Invalid);
    error.message
}

#[test]
fn a_bundle_comes_out_as_it_went_in_and_names_who_signed_it() {
    let (files, manifest) = (files(), manifest(&files()));
    let opened = open(packed(&manifest, &files).as_slice()).expect("whole");
    assert_eq!((&opened.manifest, &opened.files), (&manifest, &files));
    assert_eq!(opened.fingerprint, fingerprint(key(1).public_key().as_ref()));
    assert_ne!(opened.fingerprint, fingerprint(key(2).public_key().as_ref()));
}

#[test]
fn what_leads_out_of_the_workspace_is_refused() {
    use tar::EntryType as T;
    for (kind, name, why) in [
        (T::Regular, "workspace/../../etc/passwd", "no path below a workspace"),
        (T::Regular, "workspace//etc/passwd", "no path below a workspace"),
        (T::Regular, "workspace/a/./b", "no path below a workspace"),
        (T::Regular, "workspace/", "no path below a workspace"),
        (T::Regular, "workspace/a\u{7}", "no path below a workspace"),
        (T::Regular, "/etc/passwd", "stands where"),
        (T::Regular, "state/x", "stands where"),
        (T::Symlink, "workspace/link", "no plain file"),
        (T::Link, "workspace/link", "no plain file"),
        (T::Fifo, "workspace/pipe", "no plain file"),
        (T::Char, "workspace/device", "no plain file"),
        (T::Directory, "workspace/dir", "no plain file"),
    ] {
        let said = refused(&crafted(&[(kind, name, b"")]));
        assert!(said.contains(why), "{name}: {said}");
    }
}

#[test]
fn names_twice_files_unnamed_missing_or_changed_are_refused() {
    use tar::EntryType::Regular;
    let twice = crafted(&[(Regular, "workspace/a", b"1"), (Regular, "workspace/a", b"2")]);
    assert!(refused(&twice).contains("twice"));
    assert!(refused(&crafted(&[(Regular, "workspace/a", b"1")])).contains("does not name"));
    let (files, full) = (files(), manifest(&files()));
    let mut fewer = files.clone();
    fewer.remove("SOUL.md");
    assert!(refused(&packed(&full, &fewer)).contains("is missing"));
    let mut other = files.clone();
    other.insert("SOUL.md".to_owned(), b"Be cruel".to_vec());
    assert!(refused(&packed(&full, &other)).contains("not the file that was signed"));
    let both: BTreeMap<_, _> =
        [("a", b"1".to_vec()), ("a/b", Vec::new())].map(|(p, b)| (p.to_owned(), b)).into();
    assert!(refused(&packed(&manifest(&both), &both)).contains("a file and a directory"));
}

#[test]
fn a_manifest_that_was_changed_or_is_of_tomorrow_is_refused() {
    let files = files();
    let tomorrow = Manifest { format: 2, ..manifest(&files) };
    assert!(refused(&packed(&tomorrow, &files)).contains("format 2"));
    // Unpacked, changed and packed again, with the signature it had.
    let whole = packed(&manifest(&files), &files);
    let mut tar = Vec::new();
    GzDecoder::new(whole.as_slice()).read_to_end(&mut tar).expect("unpacked");
    let at = tar.windows(8).position(|w| w == b"Be kind.").expect("the prompt");
    tar[at..at + 8].copy_from_slice(b"Be cruel");
    let mut changed = GzEncoder::new(Vec::new(), Compression::fast());
    changed.write_all(&tar).expect("packed");
    assert!(refused(&changed.finish().expect("packed")).contains("signature does not fit"));
}

#[test]
fn what_is_no_bundle_or_grows_without_end_is_refused() {
    for nothing in [&b""[..], b"PK\x03\x04", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]] {
        assert!(!refused(nothing).is_empty());
    }
    let whole = packed(&manifest(&files()), &files());
    assert!(!refused(&whole[..whole.len() / 2]).is_empty(), "cut off");
    // 200 MiB of nothing in some hundred kilobytes.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = tar::Header::new_gnu();
    header.set_size(200 << 20);
    header.set_path("manifest.json").expect("a path");
    header.set_cksum();
    bomb.write_all(header.as_bytes()).expect("packed");
    for _ in 0..200 {
        bomb.write_all(&vec![0; 1 << 20]).expect("packed");
    }
    assert!(refused(&bomb.finish().expect("packed")).contains("too large"));
    let pieces: Vec<_> =
        (0..7).map(|n| (tar::EntryType::Regular, format!("workspace/{n}"), vec![0; 15 << 20])).collect();
    let pieces: Vec<_> =
        pieces.iter().map(|(kind, name, bytes)| (*kind, name.as_str(), bytes.as_slice())).collect();
    assert!(refused(&crafted(&pieces)).contains("unpacks to more than 96 MiB"));
}
