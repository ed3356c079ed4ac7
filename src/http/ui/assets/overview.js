// The overview: asks for the figures once and hands them to the panels, which stand from the start so that nothing jumps when they are filled.

import { get, Refused } from "./api.js";
import * as budgets from "./budgets.js";
import * as choices from "./choices.js";
import { element } from "./elements.js";
import { noDecisions, nothingChosen, staleBanner, trouble } from "./notices.js";
import * as providers from "./providers.js";
import * as routing from "./routing.js";
import * as savings from "./savings.js";
import * as traffic from "./traffic.js";

/** Makes the view in its section; `load` renews it, and throws what the whole page has to know. */
export function start(section, { onLoaded }) {
  const headline = savings.headline();
  const tiles = traffic.tiles();
  const models = savings.byModel();
  const requests = traffic.requests();
  const latency = traffic.latency();
  const heat = routing.heat();
  const confidence = routing.distribution({ title: "Confidence", note: "of the task, calibrated", field: "confidence", axis: "Confidence" });
  const quality = routing.distribution({ title: "Predicted quality", note: "of the model that served", field: "quality", axis: "Predicted quality" });
  const complexity = routing.complexity();
  const providerTable = providers.providers();
  const modelTable = providers.models();
  const budgetList = budgets.list();
  const panels = [headline, tiles, models, heat, requests, latency, confidence, quality, complexity, providerTable, modelTable];
  const grid = element("div", { class: "grid", "data-state": "loading", "aria-busy": "true" },
    [...panels, budgetList].map((part) => part.element));
  const above = element("div");
  section.append(above, grid);

  let hasFigures = false;
  async function load(signal) {
    const asked = choices.parameters();
    try {
      const [overview, budgetAnswer] = await Promise.all([
        get("/ui/api/overview", asked, signal),
        // A page without budgets is still worth having.
        get("/ui/api/budgets", {}, signal).catch((error) => (error instanceof Refused && !error.asksForKey ? null : Promise.reject(error))),
      ]);
      show(overview, budgetAnswer);
      hasFigures = true;
      onLoaded(overview);
    } catch (error) {
      if (error.name === "AbortError") return;
      const retry = () => load(signal).catch(() => {});
      const keepsFigures = hasFigures && !(error instanceof Refused);
      above.replaceChildren(keepsFigures ? staleBanner(error, retry) : trouble(error, retry));
      grid.hidden = !keepsFigures;
      throw error;
    }
  }

  function show(overview, budgetAnswer) {
    const isEmpty = overview.totals.requests === 0;
    above.replaceChildren(...(isEmpty ? [overview.callers.length > 0 || choices.caller() !== null ? nothingChosen() : noDecisions()] : []));
    grid.hidden = isEmpty && !(budgetAnswer?.budgets.length > 0);
    for (const part of panels) part.element.hidden = isEmpty;
    budgetList.show(budgetAnswer);
    if (isEmpty) return;
    grid.dataset.state = "ready";
    grid.removeAttribute("aria-busy");
    for (const part of panels) part.show(overview);
  }

  return { load };
}
