// What the reader chooses is what the server is asked for, and stands in the address.

import assert from "node:assert/strict";
import { check, figures } from "./browser.mjs";

const HOUR = 3_600_000;

await check(async (open) => {
  const { page, asked, context } = await open({ answers: {} });
  await figures(page);
  const last = () => asked.filter(({ path }) => path === "/ui/api/overview").at(-1).query;
  const chosen = async (act) => {
    const answered = page.waitForResponse("**/ui/api/overview**");
    await act();
    await answered;
    return last();
  };
  assert.equal(last().to_ms - last().from_ms, 24 * HOUR);
  assert.equal(last().caller, undefined);
  for (const [name, hours] of [["1h", 1], ["7d", 168], ["30d", 720]]) {
    const query = await chosen(() => page.getByRole("button", { name, exact: true }).click());
    assert.equal(query.to_ms - query.from_ms, hours * HOUR);
  }
  assert.equal((await chosen(() => page.getByLabel("Key", { exact: true }).selectOption("docs-search"))).caller, "docs-search");
  assert.equal(new URL(page.url()).search, "?range=30d&key=docs-search");
  assert.equal((await chosen(() => page.getByLabel("Key", { exact: true }).selectOption({ label: "Requests without a key" }))).caller, "");

  await page.getByRole("button", { name: "Custom" }).click();
  await page.getByLabel("From").fill("2026-11-01T10:00");
  await page.getByLabel("To", { exact: true }).fill("2026-11-03T12:30");
  const custom = await chosen(() => page.getByRole("button", { name: "Show", exact: true }).click());
  // In the reader's zone: Berlin is an hour before UTC in November.
  assert.equal(Number(custom.from_ms), Date.UTC(2026, 10, 1, 9));
  assert.equal(custom.to_ms - custom.from_ms, 50.5 * HOUR);

  const again = await context.newPage();
  await again.goto(page.url());
  await figures(again);
  assert.deepEqual([last().from_ms, last().to_ms, last().caller], [custom.from_ms, custom.to_ms, ""], "the address holds the choices");

  await page.getByRole("link", { name: "Decisions" }).click();
  await page.locator(".decision").first().waitFor();
  assert.equal(asked.filter(({ path }) => path === "/ui/api/decisions").at(0).query.caller, "");
});
