// Names and reasons come from callers, models and providers: whatever they hold stays text.

import assert from "node:assert/strict";
import { check, figures, fixture } from "./browser.mjs";

await check(async (open) => {
  const hostile = fixture("decisions_hostile").decisions[0];
  const explain = fixture("explain");
  explain.decision = { ...explain.decision, reason: hostile.reason, model: hostile.model, task: hostile.task, task_scores: { [hostile.task]: 1 } };
  explain.considered[0].outside = hostile.reason;
  const { page } = await open({
    answers: {
      "/ui/api/overview": "overview_hostile",
      "/ui/api/budgets": { body: { budgets: [{ name: hostile.caller, period: hostile.caller, limit_usd: 1, spent_usd: 2, reserved_usd: null, resets_ms: 0 }] } },
      "/ui/api/models": { body: { models: [], strategies: [hostile.strategy], artifact: hostile.tier, version: hostile.tier } },
      "/ui/api/decisions": "decisions_hostile",
      "/ui/api/explain": { body: explain },
    },
  });
  const untouched = async (where) => {
    assert.equal(await page.evaluate(() => window.broken ?? null), null, where);
    assert.equal(await page.locator("main img, main script, header script, footer img").count(), 0, where);
  };
  await figures(page);
  assert.match(await page.locator(".grid").innerText(), /<img src=x onerror=/);
  assert.match(await page.locator(".choices select").innerText(), /<img src=x onerror=/);
  await untouched("overview");
  await page.getByRole("link", { name: "Decisions" }).click();
  await page.locator(".decision > button").click();
  assert.match(await page.locator(".explanation").innerText(), /<img src=x onerror=/);
  await untouched("decisions");
  await page.getByRole("link", { name: "Playground" }).click();
  await page.getByRole("group", { name: "Examples" }).getByRole("button").first().click();
  await page.locator(".verdict").waitFor();
  await untouched("playground");

  // Were a line of ours ever to make markup of a text, the browser itself would refuse.
  const other = await open({ answers: {}, expectsErrors: true });
  const refused = other.page.evaluate(() => {
    document.querySelector("main").innerHTML = "<b>markup</b>";
  });
  await assert.rejects(refused, /TrustedHTML/);
});
