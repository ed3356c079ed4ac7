// How long from asking for the page to figures on the screen, and how far things move meanwhile. The API's answers are at hand in the page, for
// what is measured is the page; and nothing stands between the browser and the server, because looking at every request costs more than it.

import assert from "node:assert/strict";
import { SERVER, check, figures, fixture } from "./browser.mjs";

/** A tenth of a second or two on a machine of one's own; test machines are shared. */
const MOST_MS = Number(process.env.SEMROUTE_USABLE_MS ?? 2000);

await check(async (_, browser) => {
  const page = await browser.newPage({ viewport: { width: 1320, height: 900 } });
  const answers = Object.fromEntries(["overview", "budgets", "models"].map((name) => [`/ui/api/${name}`, fixture(name)]));
  await page.addInitScript((given) => {
    globalThis.fetch = async (address) => new Response(JSON.stringify(given[address.split("?")[0]]));
    globalThis.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.shifted += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  }, answers);
  const [times, shifts] = [[], []];
  for (let round = 0; round < 5; round += 1) {
    await page.goto("about:blank");
    await page.goto(`${SERVER}/ui`);
    await figures(page);
    await page.waitForFunction(() => performance.getEntriesByName("usable").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("usable")[0].startTime));
    shifts.push(await page.evaluate(() => globalThis.shifted));
  }
  console.log(`usable after ${times.map((time) => `${Math.round(time)} ms`).join(", ")}; layout shift ${Math.max(...shifts).toFixed(4)}`);
  assert.ok(Math.min(...times) < MOST_MS, `usable only after ${Math.min(...times)} ms`);
  assert.ok(Math.max(...shifts) < 0.1, "the page jumps while it loads");
});
