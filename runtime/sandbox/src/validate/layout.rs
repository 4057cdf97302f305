//! The rules of Arrow's layout: ends, nulls, text, keys.

use std::collections::HashSet;

use crate::bindings::wire;
use crate::outcome::Strings;

/// `ends` has one entry per value, never decreases, and its last entry is the length of what it cuts up.
pub(super) fn check_ends(ends: &[u32], values: usize, length: usize) -> Result<(), String> {
    if ends.len() != values {
        return Err(format!("{} ends for {values} values", ends.len()));
    }
    if !ends.is_sorted() {
        let index = ends.windows(2).position(|pair| pair[1] < pair[0]).unwrap_or(0) + 1;
        return Err(format!("ends[{index}] is {}, less than the one before: must not decrease", ends[index]));
    }
    let last = ends.last().map_or(0, |&end| end as usize);
    if last != length {
        return Err(format!("the last end is {last}, but there are {length} to cut up"));
    }
    Ok(())
}

/// Each value by itself is UTF-8: all of it is, and no value ends within a character. Wants `ends` checked before.
pub(super) fn check_text(data: &[u8], ends: &[u32]) -> Result<(), String> {
    if let Err(error) = simdutf8::compat::from_utf8(data) {
        let byte = error.valid_up_to();
        let value = ends.partition_point(|&end| end as usize <= byte);
        return Err(format!("value {value} is not UTF-8: byte {byte} of data"));
    }
    match ends
        .iter()
        .position(|&end: &u32| data.get(end as usize).is_some_and(|&byte| byte & 0b1100_0000 == 0b1000_0000))
    {
        Some(value) => Err(format!("value {value} is not UTF-8: it ends within a character")),
        None => Ok(()),
    }
}

/// `nulls` are positions of slots, strictly ascending.
pub(super) fn check_nulls(nulls: &[u32], slots: usize) -> Result<(), String> {
    if let Some(index) = nulls.windows(2).position(|pair| pair[1] <= pair[0]) {
        return Err(format!("nulls[{}] is {}, not above the one before", index + 1, nulls[index + 1]));
    }
    match nulls.last() {
        Some(&last) if last as usize >= slots => Err(format!("null slot {last} of {slots}")),
        _ => Ok(()),
    }
}

/// No slot of a map holds a key twice. Wants `ends` and `keys` checked before.
pub(super) fn check_unique_keys(ends: &[u32], keys: &Strings) -> Result<(), String> {
    let mut start = 0;
    for (slot, &end) in ends.iter().enumerate() {
        let entries = start..end as usize;
        start = entries.end;
        // Most guests write sorted maps: then the neighbours tell, and nothing is collected.
        if entries.clone().skip(1).all(|entry| keys.get(entry - 1) < keys.get(entry)) {
            continue;
        }
        let mut seen = HashSet::with_capacity(entries.len());
        if let Some(entry) = entries.clone().find(|&entry| !seen.insert(keys.get(entry))) {
            let first = entries.start;
            return Err(format!("entry {} of slot {slot} has the key of an entry before it", entry - first));
        }
    }
    Ok(())
}

/// A value of strings that have been checked.
pub(super) fn text(strings: &wire::Strings, index: usize) -> String {
    let start = if index == 0 { 0 } else { strings.ends[index - 1] as usize };
    String::from_utf8_lossy(&strings.data[start..strings.ends[index] as usize]).into_owned()
}
