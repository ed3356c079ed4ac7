// Puts the page together: which view is shown, when it is asked for anew, and what is done when the server wants a key or is gone.

import * as appearance from "./appearance.js";
import { Refused, Unreachable, key } from "./api.js";
import * as choices from "./choices.js";
import * as decisions from "./decisions.js";
import { clockTime } from "./format.js";
import * as keyPrompt from "./key_prompt.js";
import * as overview from "./overview.js";
import * as playground from "./playground.js";

const OVERVIEW_EVERY_MS = 30_000;
const TAIL_EVERY_MS = 2_000;
const RETRY_FIRST_MS = 2_000;
const RETRY_MOST_MS = 30_000;

const byId = (id) => document.getElementById(id);
const freshness = byId("freshness");

const views = {
  overview: {
    ...overview.start(byId("view-overview"), {
      onLoaded: (figures) => {
        choices.offerCallers(figures.callers);
        freshness.textContent = `as of ${clockTime(figures.generated_ms)}`;
        measure();
      },
    }),
    everyMs: OVERVIEW_EVERY_MS,
  },
  decisions: { ...decisions.start(byId("view-decisions")), everyMs: TAIL_EVERY_MS },
  playground: {
    ...playground.start(byId("view-playground"), {
      onTold: ({ version, artifact }) => {
        byId("about").textContent = `semroute ${version} · router ${artifact}`;
      },
      onTrouble: (error) => meet(error),
    }),
    everyMs: null,
  },
};

let shown = null;
let loading = null;
let timer = null;
let failures = 0;

/** From the first byte asked for to figures on the screen; browsers' own tools show it among the measures. */
function measure() {
  if (performance.getEntriesByName("usable").length > 0) return;
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("usable")));
}

function show() {
  const asked = location.hash.slice(1);
  // The link that skips to the content changes the hash too, and no view.
  if (shown !== null && !Object.hasOwn(views, asked)) return;
  const name = Object.hasOwn(views, asked) ? asked : "overview";
  if (name === shown) return;
  shown = name;
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.dataset.view !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const isPlayground = name === "playground";
  byId("choices").hidden = isPlayground;
  document.querySelector("#choices .ranges").hidden = name === "decisions";
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · semroute`;
  reload();
}

/** The view anew, from nothing. */
function reload() {
  failures = 0;
  run("load");
}

async function run(what) {
  clearTimeout(timer);
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  const view = views[shown];
  let wait = view.everyMs;
  try {
    await (view[what] ?? view.load)(signal);
    if (signal.aborted) return;
    failures = 0;
  } catch (error) {
    if (signal.aborted) return;
    meet(error);
    failures += 1;
    // A refusal stays one until somebody does something about it.
    wait = error instanceof Refused && error.status < 500 && error.status !== 429 ? null : Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** (failures - 1));
  }
  if (wait !== null) timer = setTimeout(again, wait);
}

/** What is not looked at is not asked for. */
function again() {
  if (document.hidden) return;
  if (shown === "overview" && failures === 0 && !choices.isRunning()) return;
  run(shown === "decisions" ? "follow" : "load");
}

function meet(error) {
  if (error instanceof Refused && error.asksForKey) keyPrompt.ask(key.get() === null ? "" : error.message);
  else if (!(error instanceof Refused) && !(error instanceof Unreachable)) console.error(error);
}

appearance.start(byId("appearance"));
choices.start(byId("choices"), reload);
keyPrompt.start(() => {
  // Whichever view is shown, who this server is stands at the foot.
  views.playground.load().catch(() => {});
  reload();
});
byId("change-key").addEventListener("click", () => keyPrompt.ask(""));
addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) again();
});
show();
if (shown !== "playground") views.playground.load().catch(() => {});
