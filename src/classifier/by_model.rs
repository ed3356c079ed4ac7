//! Numbers by model. The names are shared by everything that one artifact says, so that a prompt's numbers cost no copies of them.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A number for some of an artifact's models, by their names in rising order.
#[derive(Debug, Clone, Default)]
pub struct ByModel {
    names: Arc<[String]>,
    /// One for each name; NaN where there is none.
    values: Vec<f64>,
}

impl ByModel {
    /// Joins names, which must rise, with their numbers. NaN, and what lacks a number, counts as absent.
    pub fn new(names: Arc<[String]>, values: Vec<f64>) -> Self {
        Self { names, values }
    }

    /// A model's number.
    pub fn get(&self, model: &str) -> Option<&f64> {
        let at = self.names.binary_search_by(|name| name.as_str().cmp(model)).ok()?;
        self.values.get(at).filter(|value| !value.is_nan())
    }

    /// All that are there, by rising name.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, f64)> {
        let all = self.names.iter().map(String::as_str).zip(self.values.iter().copied());
        all.filter(|(_, value)| !value.is_nan())
    }

    /// Whether no model has a number.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The same with names of its own.
    pub fn to_map(&self) -> BTreeMap<String, f64> {
        self.iter().map(|(model, value)| (model.to_owned(), value)).collect()
    }
}

impl PartialEq for ByModel {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl From<BTreeMap<String, f64>> for ByModel {
    fn from(map: BTreeMap<String, f64>) -> Self {
        let (names, values): (Vec<String>, Vec<f64>) = map.into_iter().unzip();
        Self::new(names.into(), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_number_is_absent() {
        let names: Arc<[String]> = ["a", "b", "c"].map(str::to_owned).into();
        let numbers = ByModel::new(names, vec![0.5, f64::NAN, 0.0]);
        assert_eq!((numbers.get("a"), numbers.get("b"), numbers.get("z")), (Some(&0.5), None, None));
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [("a", 0.5), ("c", 0.0)]);
        assert_eq!(ByModel::from(numbers.to_map()), numbers);
        assert!(ByModel::default().is_empty() && !numbers.is_empty());
    }
}
