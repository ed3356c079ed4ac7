// How long a running server's dashboard takes from being asked for to figures on the screen, range by range, in a real Chromium. docs/dashboard.md
// says how it is run. Nothing is simulated: the page asks the server's own API, and that its store.

import { createRequire } from "node:module";
import { join } from "node:path";

const { SEMROUTE_URL: server, NODE_FOLDER: folder, ADMIN_KEY: key, CHROMIUM: browserPath = "/usr/bin/chromium" } = process.env;
if (!server || !folder) {
  console.error("SEMROUTE_URL=http://127.0.0.1:8080 NODE_FOLDER=<a folder with node_modules/playwright-core> are needed");
  process.exit(2);
}
const { chromium } = createRequire(join(folder, "package.json"))("playwright-core");
const ROUNDS = 7;

const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1320, height: 900 } });
if (key) await page.addInitScript((given) => sessionStorage.setItem("semroute.key", given), key);
for (const range of ["1h", "24h", "7d", "30d"]) {
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await page.goto("about:blank");
    await page.goto(`${server}/ui?range=${range}`);
    await page.locator(".grid[data-state=ready]").waitFor();
    await page.waitForFunction(() => performance.getEntriesByName("usable").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("usable")[0].startTime));
  }
  times.sort((a, b) => a - b);
  console.log(`${range}: usable after ${Math.round(times[ROUNDS >> 1])} ms in the median of ${ROUNDS}, ${Math.round(times[ROUNDS - 1])} ms at worst`);
}
await browser.close();
