//! What happens while a record is being worked on.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::guest::{Draft, log};

const MIB: usize = 1 << 20;

/// Records that this instance has seen: what a pure function must not know.
static SEEN: AtomicU32 = AtomicU32::new(0);

#[inline(never)]
pub(crate) fn work(draft: &mut Draft, record: u32, value: &[u8]) {
    let seen = SEEN.fetch_add(1, Ordering::Relaxed);
    let mut ratio = 0.5;
    match std::str::from_utf8(value).unwrap_or_default() {
        "panic" => panic!("this order is haunted"),
        "panic-without-words" => give_up(),
        "words-about-no-record" => {
            log::last_words("one of them did it", None);
            give_up();
        }
        "words-about-another-record" => {
            log::last_words("record four billion did it", Some(u32::MAX));
            give_up();
        }
        "divide-by-zero" => drop(black_box(divide(black_box(1), black_box(0)))),
        "out-of-bounds" => drop(black_box(read_at(black_box(0xffff_fff0)))),
        "recursion" => drop(black_box(recurse(black_box(1)))),
        "loop" => spin(),
        "loop-over-memory" => fill_for_ever(),
        "slow" => drop(black_box(divide_often(black_box(60_000_000)))),
        "memory-bomb" => eat_memory(),
        "memory-refused-and-handled" => drop(black_box(Vec::<u8>::new().try_reserve_exact(1 << 30))),
        "leak" => std::mem::forget(black_box(vec![1u8; MIB])),
        "remember" if seen > 0 => give_up(),
        "count" => return draft.emit(record, seen.to_string().as_bytes(), ratio, 1),
        "log-flood" => (0..10_000).for_each(|line| log::write(log::Level::Info, &format!("line {line}"))),
        "log-long-line" => log::write(log::Level::Warn, &"é".repeat(MIB)),
        "log-bad-utf8" => log::write(log::Level::Error, &not_utf8()),
        "huge-output" => return draft.emit(record, &vec![b'x'; 17 * MIB], ratio, 1),
        "too-many-rows" => return draft.emit(record, b"x", ratio, 100_001),
        "not-a-number" => ratio = f64::NAN,
        "whereabouts" => {
            let whereabouts = draft.whereabouts();
            return draft.emit(record, &whereabouts, ratio, 1);
        }
        "filter" => return draft.filter(),
        "reject" => return draft.reject(record, "unwanted"),
        _ => {}
    }
    draft.emit(record, value, ratio, 1);
}

/// Traps without a word.
#[inline(never)]
fn give_up() {
    core::arch::wasm32::unreachable()
}

/// Unchecked, so that wasm traps instead of Rust.
#[inline(never)]
#[expect(unsafe_code, reason = "to trap")]
fn divide(dividend: u32, divisor: u32) -> u32 {
    // SAFETY: none; wasm traps on division by zero, which is the point.
    unsafe { dividend.checked_div(divisor).unwrap_unchecked() }
}

#[inline(never)]
#[expect(unsafe_code, reason = "to trap")]
fn read_at(address: usize) -> u8 {
    // SAFETY: none; wasm traps beyond its memory, which is the point.
    unsafe { (address as *const u8).read_volatile() }
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX { depth } else { recurse(depth + 1).rotate_left(1) ^ depth }
}

#[inline(never)]
fn spin() {
    let mut count = 0u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

#[inline(never)]
fn fill_for_ever() {
    let mut memory = vec![0u64; 2 * MIB];
    loop {
        memory.iter_mut().for_each(|word| *word = black_box(word.wrapping_add(1)));
    }
}

/// Takes longer than a call may, and little fuel: a division takes many cycles.
#[inline(never)]
fn divide_often(times: u64) -> u64 {
    (0..times).fold(u64::MAX, |value, divisor| value / black_box(divisor | 1) + u64::MAX / 2)
}

#[inline(never)]
fn eat_memory() {
    loop {
        std::mem::forget(black_box(vec![1u8; MIB]));
    }
}

#[expect(unsafe_code, reason = "to lie")]
fn not_utf8() -> String {
    // SAFETY: none; the host must notice.
    unsafe { String::from_utf8_unchecked(vec![b'a', 0xff]) }
}
