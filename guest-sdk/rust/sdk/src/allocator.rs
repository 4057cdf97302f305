//! The guest's allocator: small blocks from free lists, the rest from the standard library's.
//!
//! A transform makes and drops a few small values a record. The standard allocator for WebAssembly looks for the best
//! place for each, which costs up to a tenth of a record; here it is one step onto a list and one off. Small blocks that
//! are freed are kept for others of their size. Knows nothing of records.

#![expect(unsafe_code, reason = "an allocator deals in raw memory")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ptr,
};

/// Small blocks have a multiple of this size, and are aligned to it.
const GRAIN: usize = 16;

/// How many sizes of small blocks there are: up to 512 bytes.
const CLASSES: usize = 32;

/// Small blocks are cut from chunks of this size.
const CHUNK_BYTES: usize = 16 << 10;

/// A free block holds the next free one of its size.
struct Free {
    next: *mut Free,
}

/// The allocator. It serves one thread, and a component has no more.
pub(crate) struct SmallBlocks {
    free: [Cell<*mut Free>; CLASSES],
    /// What is left of the last chunk.
    rest: Cell<*mut u8>,
    rest_bytes: Cell<usize>,
}

#[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
compile_error!("a component has one thread: build it without the target feature `atomics`");

#[cfg(target_arch = "wasm32")]
// SAFETY: without atomics there is one thread, so nothing is shared.
unsafe impl Sync for SmallBlocks {}

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: SmallBlocks = SmallBlocks::new();

impl SmallBlocks {
    const fn new() -> Self {
        Self {
            free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
            rest: Cell::new(ptr::null_mut()),
            rest_bytes: Cell::new(0),
        }
    }

    /// The place of a layout's blocks in `free`; none if it is not small.
    #[inline]
    fn class(layout: Layout) -> Option<usize> {
        let is_small = layout.align() <= GRAIN && layout.size() <= GRAIN * CLASSES;
        is_small.then(|| layout.size().saturating_sub(1) / GRAIN)
    }

    /// A block of a class that has no free one.
    #[cold]
    fn cut(&self, class: usize) -> *mut u8 {
        let size = (class + 1) * GRAIN;
        if self.rest_bytes.get() < size {
            // What is left of the old chunk is given up: less than a block.
            // SAFETY: the layout is not of size zero, and its alignment is a power of two.
            let chunk = unsafe { System.alloc(Layout::from_size_align_unchecked(CHUNK_BYTES, GRAIN)) };
            if chunk.is_null() {
                return chunk;
            }
            self.rest.set(chunk);
            self.rest_bytes.set(CHUNK_BYTES);
        }
        let block = self.rest.get();
        // SAFETY: at least `size` bytes of the chunk are left, so the end is within it or just behind it.
        self.rest.set(unsafe { block.add(size) });
        self.rest_bytes.set(self.rest_bytes.get() - size);
        block
    }
}

// SAFETY: a block is given out once until it is given back: it comes from a chunk's rest, which moves past it, or from a
// list that it leaves. A layout always leads to the same class, so `dealloc` finds the list that `alloc` took from, and what
// is not small goes to `System` both ways. Blocks are as large and as aligned as their class, at least what was asked.
unsafe impl GlobalAlloc for SmallBlocks {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = Self::class(layout) else {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.alloc(layout) };
        };
        let block = self.free[class].get();
        if block.is_null() {
            return self.cut(class);
        }
        // SAFETY: blocks on the list are free, and begin with the next one.
        self.free[class].set(unsafe { (*block).next });
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(class) = Self::class(layout) else {
            // SAFETY: the caller's promises are passed on; what is not small came from there.
            return unsafe { System.dealloc(block, layout) };
        };
        let block: *mut Free = block.cast();
        // SAFETY: the block is the caller's no more, holds a pointer at least, and is aligned for it.
        unsafe { block.write(Free { next: self.free[class].get() }) };
        self.free[class].set(block);
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::class(layout).is_none() {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's promises are passed on.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: the block holds as many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size is legal with this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (Self::class(layout), Self::class(new_layout)) {
            // SAFETY: the caller's promises are passed on; what is not small came from there.
            (None, None) => unsafe { System.realloc(block, layout, new_size) },
            (old, new) if old == new => block,
            _ => {
                // SAFETY: the caller's promises are passed on.
                let moved = unsafe { self.alloc(new_layout) };
                if !moved.is_null() {
                    // SAFETY: both blocks hold as many bytes, and are not the same.
                    unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size)) };
                    // SAFETY: the caller gave the block up.
                    unsafe { self.dealloc(block, layout) };
                }
                moved
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A block in use, filled with its own mark.
    struct Held {
        block: *mut u8,
        layout: Layout,
        mark: u8,
    }

    impl Held {
        fn fill(&self) {
            // SAFETY: the block holds as many bytes.
            unsafe { self.block.write_bytes(self.mark, self.layout.size()) };
        }

        fn is_whole(&self, len: usize) -> bool {
            // SAFETY: the block holds as many bytes, and all are written.
            let bytes = unsafe { std::slice::from_raw_parts(self.block, len) };
            self.block.addr().is_multiple_of(self.layout.align()) && bytes.iter().all(|byte| *byte == self.mark)
        }
    }

    proptest! {
        #[test]
        fn blocks_are_aligned_and_never_overlap(steps in prop::collection::vec((0_u8..4, 1_usize..1_200, 0_u32..7, any::<prop::sample::Index>()), 1..300)) {
            let allocator = SmallBlocks::new();
            let mut held: Vec<Held> = Vec::new();
            for (mark, (step, size, align, which)) in (0_u8..=255).cycle().zip(steps) {
                let layout = Layout::from_size_align(size, 1 << align).expect("it is legal");
                if step < 2 || held.is_empty() {
                    // SAFETY: the size is not zero.
                    let block = unsafe { if step == 0 { allocator.alloc(layout) } else { allocator.alloc_zeroed(layout) } };
                    let new = Held { block, layout, mark: if step == 0 { mark } else { 0 } };
                    prop_assert!(step == 0 || new.is_whole(size), "zeroed");
                    new.fill();
                    held.push(new);
                } else {
                    let mut old = held.swap_remove(which.index(held.len()));
                    prop_assert!(old.is_whole(old.layout.size()));
                    if step == 2 {
                        // SAFETY: the block came from this allocator with this layout.
                        unsafe { allocator.dealloc(old.block, old.layout) };
                    } else {
                        let kept = old.layout.size().min(size);
                        // SAFETY: as above; the new size is not zero.
                        old.block = unsafe { allocator.realloc(old.block, old.layout, size) };
                        old.layout = Layout::from_size_align(size, old.layout.align()).expect("it is legal");
                        prop_assert!(old.is_whole(kept), "what was in it moves with it");
                        old.fill();
                        held.push(old);
                    }
                }
            }
            for held in held {
                prop_assert!(held.is_whole(held.layout.size()));
                // SAFETY: the block came from this allocator with this layout.
                unsafe { allocator.dealloc(held.block, held.layout) };
            }
        }
    }
}
