// The page is walked without a mouse: the order of the stops, the link past the head, the charts' read-outs.

import assert from "node:assert/strict";
import { check, figures } from "./browser.mjs";

await check(async (open) => {
  const { page } = await open({ answers: {} });
  await figures(page);
  const stop = () => page.evaluate(() => {
    const at = document.activeElement;
    return { name: at.getAttribute("aria-label") ?? at.textContent.trim(), ring: getComputedStyle(at).outlineStyle !== "none" };
  });
  const stops = [];
  for (let step = 0; step < 14; step += 1) {
    await page.keyboard.press("Tab");
    stops.push(await stop());
  }
  const names = stops.map(({ name }) => name);
  assert.deepEqual(names.slice(0, 12), ["Skip to the content", "semroute", "Overview", "Decisions", "Playground",
    "Switch to the dark appearance", "Admin key", "1h", "24h", "7d", "30d", "Custom"]);
  assert.ok(stops.every(({ ring }) => ring), `a stop without a ring: ${JSON.stringify(stops)}`);

  await page.reload();
  await figures(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.match((await stop()).name, /^Spent and always-best/, "the link leads past the head");
  assert.equal(await page.locator("#view-overview").isVisible(), true, "and changes no view");

  const read = () => page.evaluate(() => document.getElementById(document.activeElement.getAttribute("aria-describedby")).textContent);
  await page.keyboard.press("ArrowRight");
  const first = await read();
  assert.match(first, /21 Nov, 01:00 – 01:15: Spent \$0\.\d+, Always best \$0\.\d+/);
  await page.keyboard.press("End");
  assert.match(await read(), /Spent \$19\.76, Always best \$52\.91/);
  await page.keyboard.press("ArrowLeft");
  assert.notEqual(await read(), first);
  await page.keyboard.press("Escape");
  assert.equal(await read(), "");
});
