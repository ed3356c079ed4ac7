// What the browser checks share: a real Chromium that may ask nobody but the server under test, and everything that a page may do wrong,
// collected. Where a check wants figures, the API's answers are the fixtures beside this file; the page and its files always come from the server.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export const SERVER = process.env.SEMROUTE_URL;
const require = createRequire(join(process.env.NODE_FOLDER, "package.json"));
const { chromium } = require("playwright-core");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
export const DESKTOP = { width: 1320, height: 900 };
export const PHONE = { width: 360, height: 740 };

export function fixture(name) {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8"));
}

/** Runs the check with a browser, and fails it if a page did anything that no page should. */
export async function check(work) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: FLAGS });
  const wrongs = [];
  try {
    await work((options) => open(browser, wrongs, options), browser);
    assert.deepEqual(wrongs, []);
    console.log("all ok");
  } finally {
    await browser.close();
  }
}

/**
 * A page at this path. `answers` maps a path of the API to a fixture's name, an answer, or a function of the request that gives one; without
 * `answers` the server itself is asked. `asked` collects what the page asked for. `expectsErrors`: refusals stand in the console as errors.
 */
async function open(browser, wrongs, { path = "/ui", viewport = DESKTOP, dark = false, answers = null, key = null, expectsErrors = false, contextOptions = {} } = {}) {
  const context = await browser.newContext({ viewport, colorScheme: dark ? "dark" : "light", locale: "en-GB", timezoneId: "Europe/Berlin", ...contextOptions });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  const asked = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !expectsErrors) wrongs.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrongs.push(`error: ${error.message}`));
  await page.addInitScript((given) => {
    if (given) sessionStorage.setItem("semroute.key", given);
  }, key);
  await context.route("**/*", async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    if (url.origin !== new URL(SERVER).origin) {
      wrongs.push(`asked elsewhere: ${request.url()}`);
      return route.abort();
    }
    if (!url.pathname.startsWith("/ui/api/")) return route.continue();
    asked.push({ path: url.pathname, query: Object.fromEntries(url.searchParams), key: request.headers().authorization ?? null, body: request.postDataJSON() });
    if (answers === null) return route.continue();
    const given = answers[url.pathname] ?? STANDARD[url.pathname];
    const answer = typeof given === "function" ? given(asked.at(-1)) : given;
    if (answer === "gone") return route.abort("connectionrefused");
    const { status = 200, body } = typeof answer === "string" ? { body: fixture(answer) } : answer;
    return route.fulfill({ status, contentType: "application/json", body: JSON.stringify(body) });
  });
  await page.goto(SERVER + path);
  return { page, asked, context };
}

/** What the API answers where a check says nothing else. */
const STANDARD = {
  "/ui/api/overview": "overview",
  "/ui/api/budgets": "budgets",
  "/ui/api/models": "models",
  "/ui/api/explain": "explain",
  "/ui/api/decisions": ({ query }) => (query.after ? { body: { latest: query.after, next: null, decisions: [] } } : "decisions"),
};

/** An error as the server words it. */
export function refusal(status, code, message) {
  return { status, body: { error: { message, type: "invalid_request_error", param: null, code } } };
}

/** Once the figures are on the screen. */
export async function figures(page) {
  await page.locator(".grid[data-state=ready]").waitFor();
}

/** Kept for people to look at. */
export async function picture(page, name) {
  // The head sticks to the top of what is seen, and would stand in the middle of the whole.
  await page.evaluate(() => scrollTo(0, 0));
  const folder = process.env.SEMROUTE_SCREENSHOTS;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: "disabled" });
}

/** Fails where anything reaches past the right edge. */
export async function fitsInWidth(page) {
  const wide = await page.evaluate(() => [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest(".unseen, thead, .skip"))
    .map((one) => `${one.tagName}.${one.className}: ${Math.round(one.getBoundingClientRect().right)}`));
  assert.deepEqual(wide.slice(0, 5), []);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
}
