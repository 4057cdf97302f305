//! What poison costs in the sandbox: for each kind and share of bad records the rate, relative to that of good records alone, in
//! processor time. `make poison`. The walk around the sandbox costs each good record more, so that its own share is higher.
#![allow(clippy::panic, clippy::unwrap_used, reason = "what cannot be measured ends it")]

#[path = "../tests/evil/component.rs"]
mod component;
#[path = "../tests/evil/poison.rs"]
mod poison;

use poison::{FORMS, KINDS, Poison};

/// One bad record in so many.
const EVERY: [usize; 5] = [usize::MAX, 1_000, 100, 10, 1];

fn main() {
    println!("{:18}{:>9}{:>9}{:>9}{:>9}{:>9}", "rate", "0 %", "0.1 %", "1 %", "10 %", "100 %");
    for form in FORMS {
        let poison = Poison::new(form);
        for (kind, deed) in KINDS {
            let clean = poison.nanoseconds_a_record(deed, usize::MAX);
            print!("{:18}", format!("{form}, {kind}"));
            EVERY.iter().for_each(|&every| print!("{:>9.3}", clean / poison.nanoseconds_a_record(deed, every)));
            println!("   ({clean:.0} ns a good record)");
        }
    }
}
