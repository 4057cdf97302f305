//! Guests without a toolchain: the text of a core module, put together with the parts of `honest.wat` that it does not
//! replace, and wrapped as a component of the world.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::panic,
    clippy::unwrap_used,
    reason = "shared by tests, which fail by panicking"
)]

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const HONEST: &str = include_str!("honest.wat");

/// What these guests ask of WASI; the encoder leaves out what they do not import.
const WASI: &[&str] = &[
    "package wasi:io@0.2.0; interface poll { resource pollable { block: func(); } }",
    "package wasi:clocks@0.2.0; interface monotonic-clock { use wasi:io/poll@0.2.0.{pollable};
     subscribe-duration: func(when: u64) -> pollable; }",
    "package wasi:random@0.2.0; interface random { get-random-bytes: func(len: u64) -> list<u8>; }",
];

/// The guests of `guests/`, by name.
pub fn all() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../sandbox/tests/evil/guests");
    let mut guests: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    guests.sort_unstable();
    guests
}

/// A value from the comments at the top of a guest.
pub fn note<'t>(guest: &'t str, name: &str) -> Option<&'t str> {
    let start = format!(";; {name}:");
    guest.lines().find_map(|line| line.strip_prefix(&start)).map(str::trim)
}

/// The component of a guest.
pub fn component(guest: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module(guest)).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = Resolve::default();
    let packages = WASI.iter().enumerate().map(|(index, text)| (format!("wasi{index}.wit"), *text));
    for (name, text) in packages {
        resolve.push_str(name, text).unwrap();
    }
    resolve.push_str("transform.wit", include_str!("../../../../wit/transform.wit")).unwrap();
    let evil = "package evil:guest; world evil { include sluicebox:transform/transform@2.0.0;
                import wasi:io/poll@0.2.0; import wasi:clocks/monotonic-clock@0.2.0; import wasi:random/random@0.2.0; }";
    let package = resolve.push_str("evil.wit", evil).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.and_then(|mut encoder| encoder.encode()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// The text of a guest's core module.
fn module(guest: &str) -> String {
    let guest = lengthened(guest);
    // Apart, because a module's imports come before all that it defines.
    let (imports, own): (Vec<&str>, Vec<&str>) = guest.lines().partition(|line| line.starts_with("(import"));
    let (imports, own) = (imports.join("\n"), own.join("\n"));
    let parts = HONEST.split(";; part: ").skip(1).filter_map(|part| {
        let (name, text) = part.split_once('\n')?;
        (!is_replaced(name, &own)).then_some(text)
    });
    let parts: String = parts.collect();
    format!(
        "(module\n\
         (import \"sluicebox:transform/log@2.0.0\" \"write\" (func $write (param i32 i32 i32)))\n\
         (import \"sluicebox:transform/log@2.0.0\" \"last-words\" (func $last_words (param i32 i32 i32 i32)))\n\
         {imports}\n{parts}\n{own})"
    )
}

/// Whether the guest brings this part of the honest one itself.
fn is_replaced(part: &str, own: &str) -> bool {
    match part {
        "memory" => own.contains("(export \"memory\")"),
        part if part.starts_with('$') => own.contains(&format!("(func {part} (export")),
        _ => false,
    }
}

/// Long names are made here, so that no file has to hold them.
fn lengthened(guest: &str) -> String {
    match note(guest, "names").and_then(|bytes| bytes.parse().ok()) {
        Some(bytes) => guest.replace("$deep", &format!("$deep{}", "r".repeat(bytes))),
        None => guest.to_owned(),
    }
}
