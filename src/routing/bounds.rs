//! Bounds that people set on the choice, beside what the request itself needs: least quality, most cost, most time, where, and among
//! which models. Every bound that is set holds, whoever set it.

use serde::Deserialize;

use super::Model;
use super::caller_scope::closed_provider;
use super::contender::Contender;
use super::unmet::Unmet;

/// `[router.limits]`, the `limits` of a route, and what the headers of a request ask.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Least predicted quality, 0..1.
    pub min_quality: Option<f64>,
    /// Most expected cost of the request in USD. A model whose price is unknown is outside of every bound on cost.
    pub max_cost_usd: Option<f64>,
    /// Most expected seconds until the answer is complete. A model that nothing was measured of yet is within.
    pub max_seconds: Option<f64>,
    /// Only these models, by their names.
    pub models: Option<Vec<String>>,
    /// Names of providers that may serve; those that begin with `!` may not.
    pub providers: Places,
    /// The same of the providers' regions. A provider without a region is in none.
    pub regions: Places,
    /// Providers that are closed to this caller: a model is outside where all of its endpoints are there. Set by no file and no header.
    #[serde(skip)]
    pub closed_providers: Vec<String>,
}

impl Bounds {
    /// What is written wrongly, as `KEY: what is wrong`.
    pub fn check(&self) -> Result<(), String> {
        if let Some(quality) = self.min_quality.filter(|quality| !(0.0..=1.0).contains(quality)) {
            return Err(format!("min_quality: {quality} is not between 0 and 1"));
        }
        for (key, value) in [("max_cost_usd", self.max_cost_usd), ("max_seconds", self.max_seconds)] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return Err(format!("{key}: {value} is not a number above 0"));
            }
        }
        if self.models.as_ref().is_some_and(Vec::is_empty) {
            return Err("models: names no model, so that none could be chosen; leave it out to allow all".into());
        }
        Ok(())
    }

    /// Every bound that this model is outside of.
    pub(super) fn unmet_by(&self, contender: &Contender<'_>, unmet: &mut Vec<Unmet>) {
        self.place_unmet_by(contender.model, unmet);
        if let Some(least) = self.min_quality.filter(|least| contender.quality < *least) {
            unmet.push(Unmet::Quality { predicted: contender.quality, least });
        }
        if let Some(most) = self.max_cost_usd
            && contender.cost_usd.is_none_or(|cost| cost > most)
        {
            unmet.push(Unmet::Cost { expected_usd: contender.cost_usd, most_usd: most });
        }
        if let Some((expected, most)) =
            contender.seconds.zip(self.max_seconds).filter(|(expected, most)| expected > most)
        {
            unmet.push(Unmet::Seconds { expected, most });
        }
    }

    /// Every bound on which models may serve and from where that this one is outside of.
    pub(super) fn place_unmet_by(&self, model: &Model, unmet: &mut Vec<Unmet>) {
        if self.models.as_ref().is_some_and(|models| !models.contains(&model.name)) {
            unmet.push(Unmet::NotAmong);
        }
        // Any of its endpoints may be asked, so all of them must be within the bounds.
        let mut endpoints = model.endpoints.iter();
        if let Some(outside) = endpoints.find(|endpoint| !self.providers.admit(Some(&endpoint.provider))) {
            unmet.push(Unmet::Provider(outside.provider.clone()));
        }
        let mut endpoints = model.endpoints.iter();
        if let Some(outside) = endpoints.find(|endpoint| !self.regions.admit(endpoint.region.as_deref())) {
            unmet.push(Unmet::Region(outside.region.clone()));
        }
        if let Some(provider) = closed_provider(&self.closed_providers, model) {
            unmet.push(Unmet::NoOwnKey(provider.to_owned()));
        }
    }
}

/// Names that may serve and names that may not: `["eu", "!us"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<String>")]
pub struct Places {
    allowed: Vec<String>,
    denied: Vec<String>,
}

impl Places {
    /// Whether this one may serve. Without a name it passes only where no name is asked for.
    fn admit(&self, name: Option<&str>) -> bool {
        let among = |names: &[String]| name.is_some_and(|name| names.iter().any(|listed| listed == name));
        (self.allowed.is_empty() || among(&self.allowed)) && !among(&self.denied)
    }

    /// All names that are mentioned.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.allowed.iter().chain(&self.denied).map(String::as_str)
    }
}

impl From<Vec<String>> for Places {
    fn from(names: Vec<String>) -> Self {
        let mut places = Self::default();
        for name in names {
            match name.trim().strip_prefix('!') {
                Some(denied) => places.denied.push(denied.trim().to_owned()),
                None => places.allowed.push(name.trim().to_owned()),
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_name_is_out_whatever_else_is_allowed() {
        let places = |names: &[&str]| Places::from(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let cases = [
            (&[][..], Some("eu"), true),
            (&[], None, true),
            (&["eu", "ch"], Some("eu"), true),
            (&["eu"], Some("us"), false),
            (&["eu"], None, false),
            (&["!us"], Some("us"), false),
            (&["!us"], Some("eu"), true),
            (&["! us"], None, true),
            (&["eu", "!eu"], Some("eu"), false),
        ];
        for (names, name, expected) in cases {
            assert_eq!(places(names).admit(name), expected, "{names:?} {name:?}");
        }
    }
}
