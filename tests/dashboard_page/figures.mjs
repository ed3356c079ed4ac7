// Every part of the overview shows the figures it was given, and says what they mean to those who do not see the charts.

import assert from "node:assert/strict";
import { check, figures, fixture, picture } from "./browser.mjs";

await check(async (open) => {
  const { page, asked } = await open({ answers: {} });
  await figures(page);
  const given = fixture("overview");
  const usd = (value) => `$${value.toFixed(2)}`;
  const count = (value) => value.toLocaleString("en-GB");
  const text = async (selector) => (await page.locator(selector).innerText()).replaceAll("\n", " ");

  const headline = await text(".headline");
  const { savings, totals } = given;
  for (const part of [usd(savings.saved_usd), usd(savings.spent_usd), usd(savings.always_best_usd),
    `${Math.round((savings.saved_usd / savings.always_best_usd) * 100)}% below`, count(savings.requests), "19 requests have no known price"]) {
    assert.ok(headline.includes(part), `${part} is not in: ${headline}`);
  }
  const tiles = await text(".tiles");
  for (const part of ["Requests 16.3k", "Fallbacks 318", "p95 2.08 s", "655 ms", "0.42 ms", "14.8M in, 5.59M out", `${count(totals.abstentions)} unlike`]) {
    assert.ok(tiles.includes(part), `${part} is not in: ${tiles}`);
  }

  const rowsOf = async (label) => page.locator(`section[aria-label="${label}"] tbody tr`).allInnerTexts();
  const singles = await rowsOf("Against each single model");
  assert.equal(singles.length, 5);
  assert.match(singles[0], /claude-sonnet-4\.5/, "the dearest first");
  assert.match(singles.find((row) => row.includes("gpt-5-mini")), /[-−]\$11\.26/, "a model that would have been cheaper is shown as that");
  assert.equal((await rowsOf("Tasks and models")).length, 11);
  const most = given.heat.reduce((one, other) => (one.requests > other.requests ? one : other));
  assert.ok((await rowsOf("Tasks and models")).some((row) => row.includes(count(most.requests))));
  await page.getByRole("button", { name: "Cost each" }).click();
  assert.ok((await rowsOf("Tasks and models")).some((row) => row.includes("$")));
  await page.getByRole("group", { name: "What the heat map shows" }).getByRole("button", { name: "Requests" }).click();

  const providers = await rowsOf("Providers");
  assert.match(providers[0], /openai.*9,210.*171 \(1\.9%\).*129.*429 96.*timeout 61/s);
  assert.equal((await rowsOf("Models")).length, 5);
  const budgets = await text("section[aria-label=Budgets]");
  assert.match(budgets, /evals.*100% spent, used up/);
  assert.match(budgets, /checkout-bot.*93% spent, nearly used up/);

  for (const [title, summary] of [["Requests", new RegExp(`${count(totals.requests)} requests, ${totals.failed} failed`)], ["Latency", /at most 655 ms/], ["Confidence", /the middle one lies at 0\.\d+/],
    ["Predicted quality", /requests/], ["Complexity", /low 44%/], ["Spent and always-best", /\$19\.76 were spent where always asking the best model would have cost \$52\.91/]]) {
    const image = page.locator(`canvas[aria-label^="${title}."]`);
    assert.match(await image.getAttribute("aria-label"), summary);
    const painted = await image.evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value, index) => index % 4 === 3 && value > 0);
    });
    assert.ok(painted, `${title} is not painted`);
  }
  const latency = page.locator("section[aria-label=Latency]");
  await latency.getByText("Show as a table").click();
  // The table is filled when the browser tells that it was opened.
  await latency.locator("tbody tr").first().waitFor();
  assert.equal(await latency.locator("tbody tr").count(), given.series.length);
  await latency.getByText("Show as a table").click();

  assert.match(await text(".foot"), /semroute 0\.1\.0 · router builtin-7/);
  assert.ok(asked.every(({ query }) => query.key === undefined));
  await picture(page, "overview-desktop-light");
  await page.getByRole("button", { name: "Switch to the dark appearance" }).click();
  await picture(page, "overview-desktop-dark");
});
