// axe-core finds nothing serious, in light and in dark, on the desktop and on a phone.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DESKTOP, PHONE, check, figures, refusal } from "./browser.mjs";

const AXE = readFileSync(join(process.env.NODE_FOLDER, "node_modules/axe-core/axe.min.js"), "utf8");

await check(async (open) => {
  for (const [viewport, dark] of [[DESKTOP, false], [DESKTOP, true], [PHONE, false], [PHONE, true]]) {
    const { page, context } = await open({ answers: {}, viewport, dark });
    const where = `${viewport.width} px, ${dark ? "dark" : "light"}`;
    await figures(page);
    await hasNoSeriousFault(page, `overview, ${where}`);
    await page.getByRole("link", { name: "Decisions" }).click();
    await page.locator(".decision > button").nth(3).click();
    await hasNoSeriousFault(page, `decisions, ${where}`);
    await page.getByRole("link", { name: "Playground" }).click();
    await page.getByRole("group", { name: "Examples" }).getByRole("button").first().click();
    await page.locator(".verdict").waitFor();
    await hasNoSeriousFault(page, `playground, ${where}`);
    await page.getByRole("button", { name: "Admin key" }).click();
    await hasNoSeriousFault(page, `key prompt, ${where}`);
    await context.close();
  }
  const { page } = await open({ expectsErrors: true, answers: { "/ui/api/overview": refusal(409, "no_store", "no store") } });
  await page.locator(".notice").waitFor();
  await hasNoSeriousFault(page, "no store");
});

async function hasNoSeriousFault(page, where) {
  // Not through a script element, which the page's own policy would refuse.
  await page.evaluate(AXE);
  const faults = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${node.target} ${node.any[0]?.message ?? ""}`)));
  assert.deepEqual(faults, [], where);
}
