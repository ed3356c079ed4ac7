//! The loop that would take a third of a prediction's time: the products of one vector with all that are kept. Written once and
//! compiled twice, the second time for processors with wider registers; whole numbers, so both give the same.

/// The product of `asked` with each vector of `kept`, which are as long as it is.
pub(super) fn products(asked: &[i16], kept: &[i8]) -> Vec<i32> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[expect(
            unsafe_code,
            reason = "the same safe code, compiled for a processor that was just asked: 2.5 times as fast"
        )]
        // SAFETY: `products_avx2` needs nothing but a processor with AVX2.
        return unsafe { products_avx2(asked, kept) };
    }
    products_of(asked, kept)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn products_avx2(asked: &[i16], kept: &[i8]) -> Vec<i32> {
    products_of(asked, kept)
}

#[inline(always)]
fn products_of(asked: &[i16], kept: &[i8]) -> Vec<i32> {
    let (wide, rest) = asked.as_chunks::<16>();
    kept.chunks_exact(asked.len().max(1))
        .map(|kept| {
            // Sixteen components at a time are widened first, which the compiler makes into few instructions; one by one it would not.
            let (of_wide, of_rest) = kept.as_chunks::<16>();
            let mut sum = 0;
            for (a, b) in wide.iter().zip(of_wide) {
                let b: [i16; 16] = std::array::from_fn(|at| i16::from(b[at]));
                sum += a.iter().zip(&b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>();
            }
            sum + rest.iter().zip(of_rest).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_ways_give_the_plain_sums(
            asked in prop::collection::vec(-127i16..=127, 1..70),
            kept in prop::collection::vec(-127i8..=127, 0..700),
        ) {
            let plain: Vec<i32> = kept
                .chunks_exact(asked.len())
                .map(|kept| asked.iter().zip(kept).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum())
                .collect();
            prop_assert_eq!(&products(&asked, &kept), &plain);
            prop_assert_eq!(products_of(&asked, &kept), plain);
        }
    }
}
