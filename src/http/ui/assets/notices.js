// Says what is the matter where there is nothing to show, and what to do about it.

import { Refused, Unreachable } from "./api.js";
import { element } from "./elements.js";
import { ask as askForKey } from "./key_prompt.js";

const STORE_CONFIG = "[store]\nurl = \"sqlite://semroute.db\"";

function notice({ title, text, code, actions = [] }) {
  return element("div", { class: "notice" },
    element("h2", {}, title),
    element("p", {}, text),
    code ? element("pre", { tabindex: "0", "aria-label": "To copy" }, code) : null,
    code || actions.length > 0
      ? element("div", { class: "actions" }, code ? copyButton(code) : null, actions)
      : null);
}

/** Nothing was decided yet, by anybody. */
export function noDecisions() {
  const command = [
    `curl ${location.origin}/v1/chat/completions \\`,
    "  -H \"authorization: Bearer $SEMROUTE_KEY\" -H \"content-type: application/json\" \\",
    "  -d '{\"model\": \"auto\", \"messages\": [{\"role\": \"user\", \"content\": \"Which model will answer this?\"}]}'",
  ].join("\n");
  return notice({
    title: "No decisions yet",
    text: "As soon as a request is routed, its cost, its speed and the reason for its model stand here. Send one:",
    code: command,
    actions: [element("a", { href: "#playground" }, "Or ask the playground, which sends nothing to a provider")],
  });
}

/** There are decisions, but not among those that were asked for. */
export function nothingChosen() {
  return notice({
    title: "Nothing in this range",
    text: "No request was decided in the range of time and for the key that are chosen above. Choose a longer range or all keys.",
  });
}

/** What an error means for the view that met it. */
export function trouble(error, retry) {
  const again = element("button", { type: "button", class: "primary", on: { click: retry } }, "Try again");
  if (error instanceof Refused && error.code === "no_store") {
    return notice({
      title: "Nothing is remembered",
      text: "This server keeps no log of its decisions. Add a store to its configuration and start it again; the playground works without one.",
      code: STORE_CONFIG,
      actions: [again],
    });
  }
  if (error instanceof Refused && error.asksForKey) {
    return notice({
      title: error.status === 401 ? "A key is needed" : "This key is not an administrator's",
      text: "What every caller did is shown to administrators only.",
      actions: [element("button", { type: "button", class: "primary", on: { click: () => askForKey("") } }, "Enter a key")],
    });
  }
  const title = error instanceof Unreachable ? "The server does not answer" : "This could not be loaded";
  return notice({ title, text: error instanceof Unreachable ? "It may be restarting. The page tries again by itself." : error.message, actions: [again] });
}

/** Above figures that are still shown though they could not be renewed. */
export function staleBanner(error, retry) {
  const text = error instanceof Unreachable
    ? "The server does not answer. What stands here is from before; the page tries again by itself."
    : `What stands here could not be renewed: ${error.message}`;
  return element("div", { class: "banner" }, text,
    element("button", { type: "button", on: { click: retry } }, "Try again"));
}

function copyButton(text) {
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    // A page without TLS on another machine has no clipboard.
    const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    button.textContent = copied ? "Copied" : "Select the text to copy it";
  });
  return button;
}
