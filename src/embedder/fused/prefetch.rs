//! Asks the processor for memory before it is needed. A pass over a few tokens walks more weights than the caches hold; while one block of rows
//! multiplies with a panel, the next panel comes. Changes no number, and does nothing where there is no such instruction.

#![expect(unsafe_code, reason = "the instruction takes a pointer, which it never follows into a fault")]

/// What one instruction asks for.
const LINE_BYTES: usize = 64;

/// A panel that comes next, cut into as many shares as there are blocks of rows: each asks for its own as it works.
pub(super) struct Ahead<'a, T> {
    shares: std::slice::Chunks<'a, T>,
}

impl<'a, T> Ahead<'a, T> {
    /// With a single block there is no work under which the next panel could come.
    pub(super) fn of(panel: &'a [T], blocks: usize) -> Self {
        let shared = if blocks > 1 { panel } else { &[] };
        Self { shares: shared.chunks(shared.len().div_ceil(blocks.max(1)).max(1)) }
    }

    /// The next block's.
    pub(super) fn share(&mut self) -> &'a [T] {
        self.shares.next().unwrap_or_default()
    }
}

/// Asks for a share's line of that number, if it has so many.
#[inline(always)]
pub(super) fn prefetch<T>(share: &[T], line: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(first) = share.get(line * (LINE_BYTES / size_of::<T>()).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint: it reads nothing into the program, and every address is allowed. Every processor of this family has it.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(first).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (share, line, LINE_BYTES);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_the_panel_and_a_single_block_has_none() {
        let panel: Vec<usize> = (0..100).collect();
        for blocks in 2..120 {
            let mut ahead = Ahead::of(&panel, blocks);
            let shares: Vec<usize> = (0..blocks).flat_map(|_| ahead.share().to_vec()).collect();
            assert_eq!(shares, panel, "{blocks} blocks");
        }
        assert!(Ahead::of(&panel, 1).share().is_empty());
        assert!(Ahead::of(&panel[..0], 3).share().is_empty());
        prefetch(&panel, usize::MAX / 100);
    }
}
