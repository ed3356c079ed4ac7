// What may be spent, what was, and what is held back for requests under way.

import { element, panel } from "./elements.js";
import { moment, percentOf, until, usd } from "./format.js";

/** From here on a budget is nearly gone. */
const NEARLY = 0.8;

const HOW_TO = "No budget is set. [budget] day_usd or month_usd in the configuration bounds everybody’s spending, and a key can have its own.";

export function list() {
  const box = element("div", { class: "budgets waits", style: { "--waits": "60px" } });
  const whole = panel({ title: "Budgets", note: "now, whatever the range above" }, box);

  /** `null` where the server has none to tell. */
  function show(answer) {
    whole.hidden = answer === null;
    const budgets = answer?.budgets ?? [];
    box.replaceChildren(...(budgets.length > 0 ? budgets.map(budget) : [element("p", { class: "muted" }, HOW_TO)]));
  }
  return { element: whole, show };
}

function budget({ name, period, limit_usd: limit, spent_usd: spent, reserved_usd: reserved, resets_ms: resets }) {
  const share = limit > 0 ? Math.min(1, spent / limit) : 1;
  const held = limit > 0 ? Math.min(1 - share, (reserved ?? 0) / limit) : 0;
  const isFull = share + held >= 1;
  const bar = element("span", { class: `meter held ${isFull ? "full" : ""}`, "aria-hidden": "true" },
    element("span", { style: { "--share": String(share) } }), held > 0 ? element("span", { style: { "--share": String(held) } }) : null);
  const left = isFull ? "used up" : share >= NEARLY ? "nearly used up" : `${usd(limit - spent - (reserved ?? 0))} left`;
  return element("div", {},
    element("div", { class: "line" },
      element("strong", {}, name === "" ? "without a key" : name),
      element("span", {}, `${usd(spent)} of ${usd(limit)} a ${period}`)),
    bar,
    element("p", { class: "detail", title: moment(resets) },
      `${percentOf(spent, limit)} spent, ${left}`
      + (reserved > 0 ? `, ${usd(reserved)} held for requests under way` : "")
      + `; begins anew ${until(resets)}`));
}
