// Asks the reader for an administrator's key, and only when the server wants one.

import { key } from "./api.js";
import { element } from "./elements.js";

const dialog = document.getElementById("key-prompt");
let whenGiven = () => {};

/** `onKey` is called with each key that the reader gave. */
export function start(onKey) {
  whenGiven = onKey;
}

/** `problem` says what was wrong with the key before. */
export function ask(problem) {
  if (dialog.open) {
    if (problem) dialog.querySelector(".problem").textContent = problem;
    return;
  }
  const input = element("input", {
    id: "key-input", type: "password", autocomplete: "off", spellcheck: "false", required: true,
    placeholder: "sk-…", "aria-describedby": "key-help key-problem",
  });
  const submit = (event) => {
    event.preventDefault();
    key.set(input.value.trim());
    dialog.close();
    whenGiven();
  };
  const forget = () => {
    key.forget();
    dialog.close();
    whenGiven();
  };
  dialog.replaceChildren(element("form", { on: { submit } },
    element("h2", { id: "key-title" }, "Administrator’s key"),
    element("p", { id: "key-help" }, "This page shows what every caller did, so it asks for a key that has admin = true. The key stays in this tab, until you close it."),
    element("label", { for: "key-input" }, "Key"),
    input,
    element("p", { id: "key-problem", class: "problem", role: "alert" }, problem ?? ""),
    element("div", { class: "actions" },
      key.get() ? element("button", { type: "button", class: "quiet", on: { click: forget } }, "Forget it") : null,
      element("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"),
      element("button", { class: "primary" }, "Continue"))));
  dialog.showModal();
  input.focus();
}
