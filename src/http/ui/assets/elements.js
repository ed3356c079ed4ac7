// Builds elements. Text only ever becomes a text node, so nothing that a caller, a model or a provider wrote can turn into markup.

/** Attributes: `class`, `style` (an object of properties, custom ones included), `on` (an object of listeners), anything else by its name. */
export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "style") for (const [key, set] of Object.entries(value)) made.style.setProperty(key, set);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** A panel with a title, a note, and what stands at its right. */
export function panel({ title, note, size = "", aside }, ...content) {
  return element("section", { class: `panel ${size}`, "aria-label": title },
    element("div", { class: "panel-head" },
      element("h2", {}, title),
      note ? element("span", { class: "note" }, note) : null,
      aside ?? null),
    ...content);
}

/**
 * A table. A column has a `name`, a `cell` that makes a row's content, and may be `numeric`; the first one names the row. With `cards`, rows
 * become cards on a phone, which takes a table's meaning from its elements, so the roles say it again.
 */
export function table({ caption, columns, rows, cards = true, kind = "", rowClass }) {
  const head = columns.map((column) =>
    element("th", { scope: "col", role: "columnheader", class: column.numeric ? "numeric" : null }, column.name));
  const body = rows.map((row) => element("tr", { role: "row", class: rowClass?.(row) }, columns.map((column, index) => {
    const content = column.cell(row);
    if (index === 0) return element("th", { scope: "row", role: "rowheader" }, content);
    const cell = content instanceof HTMLTableCellElement ? content : element("td", {}, content);
    cell.setAttribute("role", "cell");
    cell.setAttribute("data-label", column.name);
    if (column.numeric) cell.classList.add("numeric");
    return cell;
  })));
  return element("table", { role: "table", class: `${cards ? "cards" : ""} ${kind}` },
    element("caption", { class: "unseen" }, caption),
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, head)),
    element("tbody", { role: "rowgroup" }, body));
}

/** A bar for a share of 0..1. Only a picture: the number stands beside it. */
export function meter(share, kind = "") {
  const bounded = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
  return element("span", { class: `meter ${kind}`, "aria-hidden": "true", style: { "--share": String(bounded) } }, element("span"));
}

export function pill(text, kind = "") {
  return element("span", { class: `pill ${kind}` }, text);
}

/** Terms and what they are; those without a value are left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", { class: "facts" }, known.map(([term, value]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, value))));
}

/** Buttons of which one is pressed. */
export function segments({ label, options, chosen, onChoose, kind = "" }) {
  const buttons = options.map(([value, name]) => element("button", {
    type: "button",
    "aria-pressed": String(value === chosen),
    "data-value": value,
    on: {
      click: () => {
        for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.value === value));
        onChoose(value);
      },
    },
  }, name));
  return element("div", { class: `segments ${kind}`, role: "group", "aria-label": label }, buttons);
}
