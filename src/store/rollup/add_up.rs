//! Adding up two sums of the same kind, field by field. Knows nothing of what is summed.

use std::collections::BTreeMap;

/// What can be added up.
pub(in crate::store) trait AddUp {
    /// Adds what another one counted.
    fn add_up(&mut self, other: &Self);
}

impl AddUp for u64 {
    fn add_up(&mut self, other: &Self) {
        *self = self.saturating_add(*other);
    }
}

impl AddUp for f64 {
    fn add_up(&mut self, other: &Self) {
        *self += other;
    }
}

impl<K: Ord + Clone, V: AddUp + Default> AddUp for BTreeMap<K, V> {
    fn add_up(&mut self, other: &Self) {
        for (key, value) in other {
            if let Some(known) = self.get_mut(key) {
                known.add_up(value);
            } else {
                self.entry(key.clone()).or_default().add_up(value);
            }
        }
    }
}

/// `AddUp` for a struct all of whose named fields are to be added up.
macro_rules! add_up_fields {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl AddUp for $name {
            fn add_up(&mut self, other: &Self) {
                $(self.$field.add_up(&other.$field);)+
            }
        }
    };
}
pub(super) use add_up_fields;
