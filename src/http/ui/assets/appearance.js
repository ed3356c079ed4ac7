// Dark or light: what the system prefers, until the reader chooses. The choice is remembered by the browser.

const STORED = "semroute.appearance";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const listeners = [];

function current() {
  const chosen = localStorage.getItem(STORED);
  if (chosen === "dark" || chosen === "light") return chosen;
  return prefersDark.matches ? "dark" : "light";
}

function apply(button) {
  const appearance = current();
  root.dataset.appearance = appearance;
  const other = appearance === "dark" ? "light" : "dark";
  button.textContent = other === "dark" ? "Dark" : "Light";
  button.setAttribute("aria-label", `Switch to the ${other} appearance`);
  for (const listener of listeners) listener();
}

export function start(button) {
  button.addEventListener("click", () => {
    localStorage.setItem(STORED, current() === "dark" ? "light" : "dark");
    apply(button);
  });
  prefersDark.addEventListener("change", () => apply(button));
  apply(button);
}

/** Called after the colours changed: what is painted on a canvas has to be painted again. */
export function onChange(listener) {
  listeners.push(listener);
}

/** The colour that a name of `theme.css` has now. */
export function colour(name) {
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
}
