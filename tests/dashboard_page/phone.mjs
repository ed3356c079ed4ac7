// On a narrow screen nothing reaches past the edge, and in the dark everything is dark.

import assert from "node:assert/strict";
import { PHONE, check, figures, fitsInWidth, picture } from "./browser.mjs";

await check(async (open) => {
  const { page } = await open({ answers: {}, viewport: PHONE, dark: true });
  await figures(page);
  await fitsInWidth(page);
  const lightness = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number).reduce((sum, part) => sum + part) / 3);
  assert.ok(lightness < 60, `the ground is not dark: ${lightness}`);
  await picture(page, "overview-phone-dark");
  await page.getByRole("button", { name: "Custom" }).click();
  await fitsInWidth(page);
  await page.getByRole("link", { name: "Decisions" }).click();
  await page.locator(".decision > button").nth(3).click();
  await fitsInWidth(page);
  await picture(page, "decisions-phone-dark");
  await page.getByRole("link", { name: "Playground" }).click();
  await page.getByRole("group", { name: "Examples" }).getByRole("button").first().click();
  await page.locator(".verdict").waitFor();
  await fitsInWidth(page);
  await picture(page, "playground-phone-dark");

  // What the reader chose holds against the system, also after the page is opened anew.
  await page.getByRole("button", { name: "Switch to the light appearance" }).click();
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.appearance), "light");
});
