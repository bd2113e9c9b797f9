// Elements, plots and graphs; everything is made of nodes, never of text that could be markup.

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export function table(caption, head, rows) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {},
      h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))));
}

// A bar chart of {name: count}, with its figures as text for those who do not see it.
export function bars(title, counts) {
  const entries = Object.entries(counts);
  if (!entries.length) return h("p", {}, `${title}: none yet.`);
  const most = Math.max(...entries.map(([, count]) => count));
  const [left, width, step] = [210, 300, 26];
  const rows = entries.map(([name, count], index) => {
    const y = index * step;
    const long = name.length > 28 ? name.slice(0, 27) + "…" : name;
    return s("g", {}, s("title", {}, `${name}: ${count}`),
      s("text", { x: left - 8, y: y + 17, "text-anchor": "end" }, long),
      s("rect", { class: "bar", x: left, y: y + 4, height: step - 8,
        width: Math.max(1, (width * count) / most) }),
      s("text", { x: left + 6 + (width * count) / most, y: y + 17 }, String(count)));
  });
  const label = `${title}: ` + entries.map(([name, count]) => `${name} ${count}`).join(", ");
  const size = `0 0 ${left + width + 80} ${entries.length * step}`;
  return h("figure", {}, h("figcaption", {}, title),
    s("svg", { viewBox: size, role: "img", "aria-label": label }, rows));
}

// A lineage: parents above their children, one row for each generation.
export function graph(lineage, link) {
  const depth = depths(lineage);
  const rows = [];
  for (const node of lineage.nodes) (rows[depth.get(node.name)] ??= []).push(node);
  const [boxWidth, boxHeight, gapX, gapY] = [200, 40, 24, 60];
  const widest = Math.max(...rows.filter(Boolean).map((row) => row.length));
  const width = widest * (boxWidth + gapX);
  const place = new Map();
  rows.forEach((row, y) => row.forEach((node, x) => place.set(node.name, {
    x: (width - row.length * (boxWidth + gapX)) / 2 + x * (boxWidth + gapX) + gapX / 2,
    y: y * (boxHeight + gapY) + 5,
  })));
  const edges = lineage.edges.map((edge) => {
    const [from, to] = [place.get(edge.parent), place.get(edge.child)];
    const [x1, y1, x2] = [from.x + boxWidth / 2, from.y + boxHeight, to.x + boxWidth / 2];
    const middle = (y1 + to.y) / 2;
    return s("path", { class: `edge ${edge.role}`,
      d: `M${x1} ${y1} C${x1} ${middle} ${x2} ${middle} ${x2} ${to.y}` });
  });
  const nodes = lineage.nodes.map((node) => {
    const { x, y } = place.get(node.name);
    const short = node.name.length > 26 ? "…" + node.name.slice(-25) : node.name;
    const here = node.name === lineage.name;
    return s("a", { href: link(node.name), "aria-label": node.name,
      "aria-current": here ? "true" : null },
      s("title", {}, node.statement ?? node.name),
      s("rect", { class: here ? "node here" : "node", x, y, width: boxWidth, height: boxHeight,
        rx: 5 }),
      s("text", { x: x + boxWidth / 2, y: y + 25, "text-anchor": "middle" }, short));
  });
  const size = `0 0 ${width} ${rows.length * (boxHeight + gapY)}`;
  const svg = s("svg", { viewBox: size, "aria-label": `Lineage of ${lineage.name}` }, edges, nodes);
  svg.style.minWidth = `${Math.min(width, 1600) / 2}px`;
  return h("div", { class: "scroll" }, svg);
}

function depths(lineage) {
  const depth = new Map(lineage.nodes.map((node) => [node.name, 0]));
  for (let round = 0; round < lineage.nodes.length; round++) {
    let changed = false;
    for (const { parent, child } of lineage.edges) {
      if (depth.get(child) <= depth.get(parent) && depth.get(parent) < lineage.nodes.length) {
        depth.set(child, depth.get(parent) + 1);
        changed = true;
      }
    }
    if (!changed) break;
  }
  return depth;
}

// The source with each message below the lines that it is about.
export function source(code, diagnostics) {
  const lines = code.split("\n");
  const said = (list) => list.map((one) =>
    h("p", { class: `said ${one.severity}` }, `${one.severity}: ${one.message}`));
  const parts = lines.map((text, index) => {
    const number = index + 1;
    const here = diagnostics.filter((one) => one.start && one.start.line === number);
    const inside = diagnostics.some((one) => one.start && one.severity === "error"
      && one.start.line <= number && number <= (one.end ?? one.start).line);
    return [h("code", { class: inside ? "at" : "" },
      h("span", { class: "no", "aria-hidden": "true" }, String(number)), text), said(here)];
  });
  const elsewhere = diagnostics.filter((one) => !one.start || one.start.line > lines.length);
  return h("div", {}, h("div", { class: "source scroll", tabindex: 0, role: "region",
    "aria-label": "Source" }, h("pre", { class: "source" }, parts)), said(elsewhere));
}
