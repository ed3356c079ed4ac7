// Nothing logged, no store, a key that is wanted or wrong, a server that is gone: each says what to do, and each is got over.

import assert from "node:assert/strict";
import { check, figures, picture, refusal } from "./browser.mjs";

await check(async (open) => {
  await empty(open);
  await withoutStore(open);
  await withKey(open);
  await gone(open);
});

async function empty(open) {
  const { page, context } = await open({ answers: { "/ui/api/overview": "overview_empty", "/ui/api/budgets": { body: { budgets: [] } }, "/ui/api/decisions": { body: { latest: null, next: null, decisions: [] } } } });
  const notice = page.locator("#view-overview .notice");
  await notice.waitFor();
  const told = await notice.innerText();
  assert.match(told, /No decisions yet/);
  assert.ok(told.includes(`curl ${new URL(page.url()).origin}/v1/chat/completions`));
  await picture(page, "overview-empty");
  await page.getByRole("link", { name: "Decisions" }).click();
  await page.locator("#view-decisions .notice").waitFor();
  await context.close();
}

async function withoutStore(open) {
  const { page, context } = await open({
    expectsErrors: true,
    answers: {
      "/ui/api/overview": refusal(409, "no_store", "no store"),
      "/ui/api/decisions": refusal(409, "no_store", "no store"),
      "/ui/api/budgets": refusal(409, "no_store", "no store"),
    },
  });
  await page.locator("#view-overview .notice").waitFor();
  assert.match(await page.locator("#view-overview .notice").innerText(), /Nothing is remembered[\s\S]*\[store\]/);
  await page.getByRole("link", { name: "Playground" }).click();
  await page.getByRole("group", { name: "Examples" }).getByRole("button").first().click();
  await page.locator(".verdict").waitFor();
  await context.close();
}

async function withKey(open) {
  const right = "Bearer sk-right";
  const guarded = (name) => ({ key }) => {
    if (key === null) return refusal(401, "invalid_api_key", "an API key is required");
    if (key === right) return name;
    return key === "Bearer sk-plain" ? refusal(403, "admin_only", "this asks for an administrator's key") : refusal(401, "invalid_api_key", "the API key is not valid");
  };
  const { page, asked, context } = await open({
    expectsErrors: true,
    answers: Object.fromEntries(["overview", "budgets", "models", "decisions"].map((name) => [`/ui/api/${name}`, guarded(name)])),
  });
  const prompt = page.getByRole("dialog", { name: "Administrator’s key" });
  const give = async (key) => {
    await prompt.getByLabel("Key", { exact: true }).fill(key);
    await prompt.getByRole("button", { name: "Continue" }).click();
  };
  await prompt.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "key-input");
  await picture(page, "key-prompt");
  await give("sk-wrong");
  await prompt.getByText("the API key is not valid").waitFor();
  await give("sk-plain");
  await prompt.getByText("administrator's key").waitFor();
  await give("sk-right");
  await figures(page);
  assert.equal(await prompt.isVisible(), false);
  assert.ok(asked.filter(({ key }) => key === right).length >= 2);
  const places = await page.evaluate(() => [location.href, document.cookie, JSON.stringify(localStorage)].join(" "));
  assert.ok(!places.includes("sk-"), places);
  await page.reload();
  await figures(page);
  await context.close();
}

async function gone(open) {
  let isGone = true;
  const { page, context } = await open({ expectsErrors: true, answers: { "/ui/api/overview": () => (isGone ? "gone" : "overview") } });
  await page.getByRole("heading", { name: "The server does not answer" }).waitFor();
  isGone = false;
  // By itself, without anybody pressing anything.
  await figures(page);
  assert.equal(await page.locator(".notice").count(), 0);
  isGone = true;
  await page.getByRole("button", { name: "7d" }).click();
  await page.locator(".banner").waitFor();
  assert.equal(await page.locator(".grid").isVisible(), true, "what was shown stays");
  isGone = false;
  await page.locator(".banner").getByRole("button", { name: "Try again" }).click();
  await page.locator(".banner").waitFor({ state: "detached" });
  await context.close();
}
