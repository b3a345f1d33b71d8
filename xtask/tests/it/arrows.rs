//! Who may depend on whom.

use crate::checkout::{members, none, rooms, text};
use crate::house::{ONLY, PURE, ROOMS};
use std::collections::BTreeSet;

const HOUSE: &str = "xtask/tests/it/house.rs";

fn pure(room: &str) -> bool {
    PURE.iter().any(|(name, _)| *name == room)
}

#[test]
fn every_room_is_in_the_table_of_the_house() {
    let built: BTreeSet<String> = rooms().into_iter().map(|member| member.room).collect();
    let written: BTreeSet<String> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    let complaints: Vec<String> =
        built.symmetric_difference(&written).map(|room| format!("`{room}` is in one and not the other")).collect();
    none(&complaints, &format!("make ROOMS in {HOUSE} the list of crates/"));
}

#[test]
fn the_table_of_the_house_points_upwards_only() {
    let mut above: Vec<&str> = Vec::new();
    let mut complaints = Vec::new();
    for (room, may) in ROOMS {
        let below = may.iter().filter(|other| !above.contains(other));
        complaints.extend(below.map(|other| format!("`{room}` may depend on `{other}`, which is not above it")));
        let impure = may.iter().filter(|other| pure(room) && !pure(other));
        complaints.extend(impure.map(|other| format!("`{room}` is pure and `{other}` is not")));
        above.push(room);
    }
    none(&complaints, &format!("arrows point one way: mend ROOMS in {HOUSE}, or think again"));
}

#[test]
fn rooms_depend_only_on_the_rooms_they_may() {
    let mut complaints = Vec::new();
    for member in rooms() {
        let may = ROOMS.iter().find(|(room, _)| *room == member.room).map_or(&[][..], |(_, may)| *may);
        let ours = member.built_from().filter_map(|dependency| dependency.room.as_deref());
        complaints.extend(
            ours.filter(|room| !may.contains(room)).map(|room| format!("`{}` depends on `{room}`", member.room)),
        );
    }
    none(
        &complaints,
        &format!("drop the dependency; if the house really changed, ROOMS in {HOUSE} and ARCHITECTURE.md"),
    );
}

#[test]
fn nothing_depends_on_the_command_line_or_the_chores() {
    let mut complaints = Vec::new();
    for member in members() {
        let ours = member.dependencies.iter().filter_map(|dependency| dependency.room.as_deref());
        let roofs = ours.filter(|room| ["cli", "xtask"].contains(room));
        complaints.extend(roofs.map(|room| format!("{} depends on `{room}`", member.folder)));
    }
    none(&complaints, "what others need belongs in a room below");
}

#[test]
fn the_dependency_lists_of_pure_rooms_are_closed() {
    let mut complaints = Vec::new();
    for member in rooms() {
        let Some((room, written)) = PURE.iter().find(|(room, _)| *room == member.room) else { continue };
        let foreign = member.built_from().filter(|dependency| dependency.room.is_none());
        let built: BTreeSet<&str> = foreign.map(|dependency| dependency.package.as_str()).collect();
        let written: BTreeSet<&str> = written.iter().copied().collect();
        complaints
            .extend(built.difference(&written).map(|name| format!("`{room}` depends on {name}, not in its list")));
        complaints.extend(written.difference(&built).map(|name| format!("`{room}` no longer depends on {name}")));
    }
    none(&complaints, &format!("a pure room takes nothing that reads the world; if so, edit PURE in {HOUSE}"));
}

#[test]
fn only_their_rooms_have_the_crates_that_touch_the_world() {
    let mut complaints = Vec::new();
    for member in members() {
        for dependency in member.built_from() {
            let only = ONLY.iter().find(|(package, _)| *package == dependency.package).map(|(_, rooms)| *rooms);
            if only.is_some_and(|rooms| !rooms.contains(&member.room.as_str())) {
                complaints.push(format!("{} depends on {}", member.folder, dependency.package));
            }
        }
    }
    none(&complaints, &format!("use the room that has it; if the house really changed, ONLY in {HOUSE}"));
}

#[test]
fn every_member_takes_lints_version_and_licence_from_the_workspace() {
    let mut complaints = Vec::new();
    for member in members() {
        let manifest = text(&format!("{}/Cargo.toml", member.folder));
        for line in
            ["version", "edition", "rust-version", "license", "publish"].map(|key| format!("{key}.workspace = true"))
        {
            if !manifest.lines().any(|candidate| candidate.trim() == line) {
                complaints.push(format!("{}/Cargo.toml lacks `{line}`", member.folder));
            }
        }
        if !manifest.contains("[lints]\nworkspace = true\n") {
            complaints.push(format!("{}/Cargo.toml lacks `[lints]` with `workspace = true`", member.folder));
        }
    }
    none(&complaints, "add the line");
}

#[test]
fn every_dependency_in_the_workspace_table_is_used_by_a_member() {
    let root = text("Cargo.toml");
    let table = root.split("[workspace.dependencies]").nth(1).expect("the table of dependencies");
    let table = table.split("\n[").next().expect("the table's lines");
    let names = table.lines().filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    let manifests: Vec<String> =
        members().iter().map(|member| text(&format!("{}/Cargo.toml", member.folder))).collect();
    let takes = |manifest: &String, name: &str| {
        let plain = format!("{name}.workspace = true");
        let with = format!("{name} = {{ workspace = true");
        manifest.lines().any(|line| line == plain || line.starts_with(&with))
    };
    let unused = names.filter(|name| !manifests.iter().any(|manifest| takes(manifest, name)));
    let complaints: Vec<String> = unused.map(|name| format!("no member takes `{name}`")).collect();
    none(&complaints, "take the line out of the root's Cargo.toml");
}

#[test]
fn every_pure_room_bans_clocks_hash_maps_floats_and_unchecked_arithmetic() {
    let mut complaints = Vec::new();
    for (room, _) in PURE {
        let clippy = text(&format!("crates/{room}/clippy.toml"));
        for banned in ["collections::HashMap", "collections::HashSet", "time::Instant", "time::SystemTime"] {
            if !clippy.contains(&format!("path = \"std::{banned}\"")) {
                complaints.push(format!("crates/{room}/clippy.toml does not ban std::{banned}"));
            }
        }
        let top = text(&format!("crates/{room}/src/lib.rs"));
        let warns = top.lines().find(|line| line.starts_with("#![warn(")).unwrap_or_default();
        for lint in ["clippy::arithmetic_side_effects", "clippy::float_arithmetic"] {
            if !warns.contains(lint) {
                complaints.push(format!("crates/{room}/src/lib.rs has no `#![warn({lint})]`"));
            }
        }
    }
    none(&complaints, "copy crates/units/clippy.toml and the `#![warn(…)]` line of crates/units/src/lib.rs");
}
