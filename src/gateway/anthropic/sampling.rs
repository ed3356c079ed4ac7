//! `temperature` and `top_p`, as far as a model takes them.

use serde_json::Value;

use super::generation::Generation;
use crate::gateway::dialect::Unwritten;
use crate::gateway::fields::{Dropped, Fields};

/// With thoughts, `top_p` may be no lower.
const LEAST_TOP_P_WITH_THOUGHTS: f64 = 0.95;

/// What is sent.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Sampling {
    pub(in crate::gateway) temperature: Option<f64>,
    pub(in crate::gateway) top_p: Option<f64>,
    pub(in crate::gateway) top_k: Option<Value>,
}

impl Sampling {
    /// Reads them; what the model would refuse is left out and named.
    pub(in crate::gateway) fn read(
        fields: &Fields<'_>,
        generation: Generation,
        thinks: bool,
        dropped: &mut Dropped,
    ) -> Result<Self, Unwritten> {
        // OpenAI's temperatures reach up to 2. What is 1 is what it would be without.
        let temperature = fields.read::<f64>("temperature")?.map(|temperature| temperature.clamp(0.0, 1.0));
        let top_p = fields.read::<f64>("top_p")?;
        let top_k = fields.read::<Value>("top_k")?;
        let takes = generation.takes_sampling();
        let mut sampling = Self { temperature, top_p, top_k };
        if !takes || thinks {
            sampling.leave_temperature(dropped);
            if sampling.top_k.take().is_some() {
                dropped.add("top_k");
            }
        }
        let least = if takes && thinks { LEAST_TOP_P_WITH_THOUGHTS } else { 0.0 };
        let is_one_too_many = sampling.temperature.is_some() && !generation.takes_both_samplings();
        if !takes || is_one_too_many || top_p.is_some_and(|top_p| top_p < least) {
            sampling.leave_top_p(dropped);
        }
        Ok(sampling)
    }

    fn leave_temperature(&mut self, dropped: &mut Dropped) {
        if self.temperature.take().is_some_and(|temperature| temperature < 1.0) {
            dropped.add("temperature");
        }
    }

    fn leave_top_p(&mut self, dropped: &mut Dropped) {
        if self.top_p.take().is_some_and(|top_p| top_p < 1.0) {
            dropped.add("top_p");
        }
    }
}
