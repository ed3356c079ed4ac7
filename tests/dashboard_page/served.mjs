// The page against the server's own API: what was asked through the router before stands in the overview, in the list and in the playground.

import assert from "node:assert/strict";
import { check, figures, picture } from "./browser.mjs";

const requests = Number(process.env.REQUESTS);

await check(async (open) => {
  const { page } = await open({ key: process.env.ADMIN_KEY });
  await figures(page);
  assert.match(await page.locator(".tiles").innerText(), new RegExp(`Requests\\s+${requests}\\b`));
  await picture(page, "served-overview");
  await page.getByRole("link", { name: "Decisions" }).click();
  await page.waitForFunction((wanted) => document.querySelectorAll(".decision").length === wanted, requests);
  await page.locator(".decision > button").first().click();
  await page.locator(".explanation").waitFor();
  await picture(page, "served-decisions");
  await page.getByRole("link", { name: "Playground" }).click();
  await page.getByLabel("Prompt").fill("What is the capital of Australia?");
  await page.getByRole("button", { name: "Decide" }).click();
  await page.locator(".verdict").waitFor();
  await picture(page, "served-playground");
});
