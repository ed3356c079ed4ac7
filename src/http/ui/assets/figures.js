// A chart as a reader meets it: title, legend, the picture, a sentence for those who do not see it, and the table behind it.

import { onChange as onAppearance, colour } from "./appearance.js";
import { draw, erase, walkByKeys } from "./charts.js";
import { element, panel, table } from "./elements.js";

const drawn = new Map();
let made = 0;

onAppearance(() => {
  for (const again of drawn.values()) again();
});

/**
 * Makes an empty figure: `element` to place, `show(description)` to fill. `bare` leaves the panel out. A description is that of `charts.js` with a
 * `summary` for those who hear it and a `firstColumn` for the table.
 */
export function figure({ title, note, size, height = 200, bare = false }) {
  const name = `figure-${made += 1}`;
  const canvas = element("canvas", { tabindex: "0", role: "img", "aria-label": title, "aria-describedby": `${name}-read` });
  const read = element("span", { class: "unseen", id: `${name}-read`, "aria-live": "polite" });
  const nothing = element("p", { class: "nothing", hidden: true });
  const box = element("div", { class: "canvas-box", style: { "--height": `${height}px` } }, canvas, nothing);
  const legend = element("ul", { class: "legend", "aria-hidden": "true" });
  const behind = element("details", { class: "behind" }, element("summary", {}, "Show as a table"), element("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": `${title}, as a table` }));
  let shown = null;

  const tell = (index) => `${shown.title(index)}: ${shown.series.map((one) => `${one.name} ${shown.write(one.values[index])}`).join(", ")}`;
  walkByKeys(canvas, (index) => {
    read.textContent = index === null || shown === null ? "" : tell(index);
  });
  // Two hundred rows are not built for readers who look at the picture.
  const fillTable = () => {
    if (behind.open && shown) behind.lastElementChild.replaceChildren(tableOf(title, shown));
  };
  behind.addEventListener("toggle", fillTable);
  const paint = () => {
    if (!shown) return;
    draw(canvas, shown);
    for (const [index, entry] of [...legend.children].entries()) entry.style.setProperty("--swatch", colour(shown.series[index].colour));
  };
  drawn.set(canvas, paint);

  const show = (description) => {
    const isEmpty = description.series.every((one) => one.values.every((value) => !value));
    nothing.hidden = !isEmpty;
    canvas.hidden = isEmpty;
    behind.hidden = isEmpty;
    if (isEmpty) {
      shown = null;
      nothing.textContent = description.nothing ?? "Nothing in this range";
      legend.replaceChildren();
      erase(canvas);
      return;
    }
    shown = description;
    canvas.setAttribute("aria-label", `${title}. ${description.summary} The arrow keys read it out.`);
    const entries = description.series.length > 1 ? description.series : [];
    legend.replaceChildren(...entries.map((one) => element("li", { "data-dashed": one.dashed }, one.name)));
    paint();
    fillTable();
  };
  const content = [box, read, behind];
  const whole = bare
    ? element("div", {}, element("div", { class: "panel-head" }, element("h2", {}, title), note ? element("span", { class: "note" }, note) : null, legend), content)
    : panel({ title, note, size, aside: legend }, content);
  return { element: whole, show };
}

function tableOf(caption, { labels, series, title, write, firstColumn = "Time" }) {
  const columns = [
    { name: firstColumn, cell: (index) => title(index) },
    ...series.map((one) => ({ name: one.name, numeric: true, cell: (index) => write(one.values[index]) })),
  ];
  return table({ caption, columns, rows: labels.map((_, index) => index), cards: false });
}
