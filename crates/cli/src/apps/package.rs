//! What of a published app others' machines need: its manifest, what runs on the requester's machine, and the addresses of its
//! programs. The programs themselves are not in it; workers get them.

use super::catalog::{Known, Origin};
use crate::exit::hinted;
use anyhow::Context as _;
use api::package::{BYTES, PackageRow};
use client::Client;
use manifest::Manifest;
use results::{Decoder, Event, Limits};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use units::Address;

/// The file with the programs' addresses, by their names.
const PROGRAMS: &str = "programs.json";
/// The most files of a package.
const FILES: u64 = 64;

/// An app of somebody else's, with the addresses of its programs.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) app: Known,
    pub(crate) addresses: BTreeMap<String, Address>,
}

/// The package of an app whose programs have these addresses.
pub(crate) fn pack(app: &Known, addresses: &BTreeMap<String, Address>) -> anyhow::Result<Vec<u8>> {
    let own = app.manifest.own_files().into_iter().map(|name| (name.to_owned(), app.file(name).to_vec()));
    let mut files: BTreeMap<String, Vec<u8>> = own.collect();
    files.insert(manifest::FILE.to_owned(), app.text.clone().into_bytes());
    files.insert(PROGRAMS.to_owned(), serde_json::to_vec(addresses)?);
    Ok(results::encode(b"", &files)?.0)
}

/// Finds an app by its name and fetches its package. Where several owners have one of the name, `owner` says whose is meant.
pub(crate) async fn fetch(client: &Client, name: &str, owner: Option<Address>) -> anyhow::Result<Fetched> {
    let rows = client.packages(name).await?;
    let row = choose(name, owner, &rows)?;
    let package = client.package(row).await?;
    unpack(&package, name, row.owner).with_context(|| format!("the package of {name} by {} is at fault", row.owner))
}

/// The package that is meant: the newest of the only owner, or of the one who was named.
fn choose<'r>(name: &str, owner: Option<Address>, rows: &'r [PackageRow]) -> anyhow::Result<&'r PackageRow> {
    let owners: BTreeSet<Address> = rows.iter().map(|row| row.owner).collect();
    if owner.is_none() && owners.len() > 1 {
        let whose: Vec<String> = owners.iter().map(|owner| format!("`--owner {owner}`")).collect();
        return Err(hinted(format!("{} owners offer an app called {name}", owners.len()), whose.join(" or ")));
    }
    let found = rows.iter().find(|row| owner.is_none_or(|owner| row.owner == owner));
    found.ok_or_else(|| {
        hinted(
            format!("nobody offers an app called {name} at this exchange"),
            "`hands app publish DIR --price CREDITS` offers one; an image is named as docker.io/library/alpine:3 or FILE.tar",
        )
    })
}

/// What a package has in it, checked: everything in it is a stranger's word.
fn unpack(package: &[u8], name: &str, owner: Address) -> anyhow::Result<Fetched> {
    let limits = Limits { entries: FILES, content_bytes: BYTES };
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut current = String::new();
    Decoder::decode(limits, package, |event| match event {
        Event::File { path, .. } => {
            files.insert(path.clone(), Vec::new());
            current = path;
        }
        Event::Content(piece) => files.entry(current.clone()).or_default().extend_from_slice(piece),
        Event::Stdout { .. } | Event::End => {}
    })?;
    let mut take = |name: &str| files.remove(name).with_context(|| format!("it has no {name}"));
    let text = String::from_utf8(take(manifest::FILE)?).context("its manifest is no text")?;
    let manifest = Manifest::parse(&text).context("its manifest has mistakes")?;
    anyhow::ensure!(manifest.name == name, "its manifest is that of {}", manifest.name);
    let addresses = serde_json::from_slice(&take(PROGRAMS)?).context("its programs' addresses cannot be read")?;
    let mut own = BTreeMap::new();
    for file in manifest.own_files() {
        own.insert(file.to_owned(), Arc::from(super::catalog::module(file, take(file)?)?));
    }
    let app = Known { manifest, text, files: own, folder: None, origin: Origin::Others(owner) };
    Ok(Fetched { app, addresses })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "name = \"words\"\nversion = \"0.1.0\"\nabout = \"Count\"\n[[program]]\nname = \"count\"\n\
                            wasm = \"count.wasm\"\n[split]\nwasm = \"plan.wasm\"\n";

    fn package(files: &[(&str, &str)]) -> Vec<u8> {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        results::encode(b"", &files).unwrap().0
    }

    #[test]
    fn a_package_has_what_the_requesters_machine_runs_and_not_what_workers_run() {
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let module = |name: &str| (name.to_owned(), Arc::from(format!("\0asm {name}").into_bytes()));
        let files = BTreeMap::from([module("count.wasm"), module("plan.wasm")]);
        let app = Known { manifest, text: MANIFEST.to_owned(), files, folder: None, origin: Origin::Folder };
        let addresses = BTreeMap::from([("count".to_owned(), Address::repeat_byte(7))]);
        let package = pack(&app, &addresses).unwrap();
        let fetched = unpack(&package, "words", Address::repeat_byte(1)).unwrap();
        assert_eq!(fetched.addresses, addresses);
        assert_eq!(fetched.app.files.keys().collect::<Vec<_>>(), ["plan.wasm"]);
        assert!(!package.windows(15).any(|bytes| bytes == b"\0asm count.wasm"), "what workers run is not in it");
    }

    #[test]
    fn a_package_that_is_not_what_its_name_says_is_refused() {
        let said = |package: &[u8], name: &str| format!("{:#}", unpack(package, name, Address::ZERO).unwrap_err());
        let good = [("manyhands.toml", MANIFEST), ("plan.wasm", "\0asm"), ("programs.json", "{}")];
        assert!(unpack(&package(&good), "words", Address::ZERO).is_ok());
        assert!(said(&package(&good), "render").contains("that of words"));
        assert!(said(&package(&good[..2]), "words").contains("no programs.json"));
        assert!(said(&package(&[good[0], good[2]]), "words").contains("no plan.wasm"));
        assert!(said(&package(&[good[0], ("plan.wasm", "#!/bin/sh"), good[2]]), "words").contains("not a WebAssembly"));
        assert!(said(&package(&[("manyhands.toml", "name = 1"), good[2]]), "words").contains("mistakes"));
        assert!(said(b"not a package", "words").contains("not a result"));
    }

    #[test]
    fn whose_app_is_meant_is_asked_where_several_have_one_of_the_name() {
        let row = |owner: u8, since: u64| PackageRow {
            app: Address::repeat_byte(owner),
            owner: Address::repeat_byte(owner),
            name: "words".to_owned(),
            digest: units::Digest::default(),
            order: units::OrderHash::default(),
            since: units::Timestamp(since),
        };
        let rows = [row(2, 9), row(1, 5)];
        assert!(choose("words", None, &rows).unwrap_err().to_string().contains("2 owners"));
        assert_eq!(choose("words", Some(Address::repeat_byte(1)), &rows).unwrap(), &rows[1]);
        assert_eq!(choose("words", None, &rows[1..]).unwrap(), &rows[1]);
        assert!(choose("words", Some(Address::repeat_byte(3)), &rows).is_err());
        assert!(choose("words", None, &[]).unwrap_err().to_string().contains("nobody offers"));
    }
}
