//! The request headers that steer routing. `overrides` reads them; two more that only go with or without another are told in words.
#![expect(dead_code, reason = "the fields describe headers and hold none")]

use utoipa::IntoParams;

use crate::routing::Strategy;

/// Those that may stand in any request, each by itself.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(in crate::http) struct RoutingHeaders {
    /// How to choose among models, in place of the configured strategy. A `model` of `auto:STRATEGY` goes before it.
    #[param(rename = "x-semroute-strategy", nullable = false, inline)]
    strategy: Option<Strategy>,
    /// The dial of `balanced`: 0 cheapest, 1 best. `x-semroute-max-quality-loss` is another scale of the same dial; only one may be given.
    #[param(rename = "x-semroute-quality", nullable = false, minimum = 0, maximum = 1)]
    quality: Option<f64>,
    /// The client's name for the conversation. Where there is one, `x-semroute-session-budget-usd` may bound what the conversation costs. Bounds on
    /// the one request are `x-semroute-min-quality`, `x-semroute-max-cost-usd`, `x-semroute-max-seconds`, `x-semroute-providers` and
    /// `x-semroute-regions`; where no model keeps them, the answer is 400.
    #[param(rename = "x-session-id", nullable = false, pattern = "^[ -~]{0,256}$")]
    session: Option<String>,
}
