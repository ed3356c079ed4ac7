// The live list: what comes is put on top, each opens into its explanation, and the arrows walk it.

import assert from "node:assert/strict";
import { check, fixture, picture } from "./browser.mjs";

const given = fixture("decisions");

await check(async (open) => {
  let waiting = [];
  let flood = false;
  const { page, asked } = await open({
    path: "/ui#decisions",
    answers: {
      "/ui/api/decisions": ({ query }) => {
        if (query.before) return { body: { latest: null, next: null, decisions: given.decisions.slice(18) } };
        if (!query.after) return { body: { latest: "first", next: "older", decisions: given.decisions.slice(2, 18) } };
        if (flood) return { body: { latest: "flood", next: "gap", decisions: given.decisions.slice(0, 2) } };
        const decisions = waiting;
        waiting = [];
        return { body: { latest: decisions.length > 0 ? "second" : query.after, next: null, decisions } };
      },
    },
  });
  const rows = page.locator(".decision > button");
  await rows.first().waitFor();
  assert.equal(await rows.count(), 16);

  waiting = given.decisions.slice(0, 2);
  await page.waitForFunction(() => document.querySelectorAll(".decision").length === 18);
  assert.match(await rows.first().innerText(), /gpt-5-mini/);
  await page.waitForResponse((response) => response.url().includes("after=second"));

  // One row is a stop for Tab; the arrows go on from there.
  await rows.first().focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const focused = () => page.evaluate(() => [...document.querySelectorAll(".decision > button")].indexOf(document.activeElement));
  assert.equal(await focused(), 2);
  assert.equal(await page.locator(".decision > [tabindex='0']").count(), 1);
  await page.keyboard.press("Enter");
  const explanation = page.locator(".decision .explanation");
  await explanation.waitFor();
  const told = await explanation.innerText();
  const decision = given.decisions[2];
  for (const part of [decision.reason, decision.chain[2].model, "good, score 0.90", decision.id, "claude-sonnet-4.5 would have cost"]) {
    assert.ok(told.includes(part), `${part} is not in: ${told}`);
  }
  await page.keyboard.press("Escape");
  assert.equal(await explanation.isVisible(), false);
  assert.equal(await focused(), 2);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.match(await page.locator(".decision .explanation >> visible=true").innerText(), /Tries[\s\S]*429|Tries[\s\S]*timeout/);
  await picture(page, "decisions-desktop-light");

  await page.keyboard.press("End");
  assert.equal(await focused(), 17);
  await page.getByRole("button", { name: "Show older ones" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".decision").length === 24);
  assert.equal(await focused(), 18, "the first of the older ones");
  assert.equal(await page.getByRole("button", { name: "Show older ones" }).isVisible(), false);
  assert.equal(asked.find(({ query }) => query.before).query.before, "older");

  // More than an answer holds: whoever reads is left in peace, and afterwards the list begins anew.
  flood = true;
  await page.getByRole("button", { name: "Live, more than 50 wait" }).waitFor();
  assert.equal(await rows.count(), 24);
  await page.locator("[aria-expanded=true]").click();
  await page.waitForFunction(() => document.querySelectorAll(".decision").length === 16);
  flood = false;
  await page.getByRole("button", { name: "Live", exact: true }).waitFor();
  await page.getByRole("button", { name: "Live" }).click();
  assert.equal(await page.getByRole("button", { name: "Live" }).getAttribute("aria-pressed"), "false");
});
