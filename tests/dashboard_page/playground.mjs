// The playground sends what was typed and explains what comes back.

import assert from "node:assert/strict";
import { check, picture } from "./browser.mjs";

await check(async (open) => {
  const { page, asked } = await open({ path: "/ui#playground", answers: {} });
  const answer = page.getByRole("region", { name: "The decision" });
  await page.getByLabel("Strategy").locator("option", { hasText: "cost weighted" }).waitFor({ state: "attached" });
  await page.getByLabel("Prompt").fill("Prove it.");
  await page.getByLabel("Strategy").selectOption("cost_weighted");
  await page.getByLabel("Prompt").press("Control+Enter");
  await answer.locator(".verdict").waitFor();
  assert.deepEqual(asked.findLast(({ path }) => path === "/ui/api/explain").body, { prompt: "Prove it.", model: "auto", strategy: "cost_weighted" });
  const told = (await answer.innerText()).replaceAll("\n", " ");
  for (const part of ["gpt-5.1", "$0.00431 expected", "0.52 ms", "complex reasoning, 71% sure", "high (0.68 of 1)", "61%", "context window of 8192 tokens is too small", "the cheapest that is good enough"]) {
    assert.ok(told.includes(part), `${part} is not in: ${told}`);
  }
  const answered = page.waitForResponse("**/ui/api/explain");
  await page.getByRole("group", { name: "Examples" }).getByRole("button").nth(1).click();
  await answered;
  assert.match(asked.at(-1).body.prompt, /^Translate/);
  await picture(page, "playground-desktop-light");
});
