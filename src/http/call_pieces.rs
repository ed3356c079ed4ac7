//! Which call of a stream a piece belongs to. Pieces of several may come mixed; servers count their calls, and some count wrongly and tell
//! them apart by their ids alone. Holds no calls itself.

/// What tells a call from the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallMark<'a> {
    /// The server's count.
    pub(super) index: u64,
    /// Empty where none was told.
    pub(super) id: &'a str,
}

/// The place of the call that a piece belongs to, among those that have begun; `None` where it begins another. The name of a tool comes with
/// the first piece of its call.
pub(super) fn call_of<'a>(
    begun: &(impl DoubleEndedIterator<Item = CallMark<'a>> + ExactSizeIterator + Clone),
    piece: CallMark<'_>,
    has_name: bool,
) -> Option<usize> {
    let by_id = || begun.clone().rposition(|call| call.index == piece.index && call.id == piece.id);
    if !piece.id.is_empty()
        && let Some(known) = by_id()
    {
        return Some(known);
    }
    let is_another = |call: CallMark<'_>| has_name && ![piece.id, call.id].contains(&"") && call.id != piece.id;
    let last = begun.clone().rposition(|call| call.index == piece.index)?;
    begun.clone().nth(last).filter(|call| !is_another(*call)).map(|_| last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_by_number_and_where_that_fails_by_id() {
        let mark = |(index, id)| CallMark { index, id };
        let begun = [(0, "a"), (0, "b"), (1, ""), (2, "c")];
        for (piece, has_name, expected) in [
            ((0, "a"), true, Some(0)),
            ((0, "a"), false, Some(0)),
            ((0, ""), false, Some(1)),
            ((0, "x"), false, Some(1)),
            ((0, "x"), true, None),
            ((0, ""), true, Some(1)),
            ((1, "d"), true, Some(2)),
            ((2, "a"), true, None),
            ((3, ""), false, None),
        ] {
            assert_eq!(call_of(&begun.map(mark).into_iter(), mark(piece), has_name), expected, "{piece:?} {has_name}");
        }
    }
}
