// Line charts as plain SVG: a curve, an optional band, two labelled axes.
const WIDTH = 560, HEIGHT = 200, LEFT = 58, RIGHT = 10, TOP = 8, BOTTOM = 24;
const NAMESPACE = "http://www.w3.org/2000/svg";

export function svg(name, attributes, ...children) {
  const node = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Draw y over x into `place`. `band` holds [low, high] at each x; null is a gap. */
export function draw(place, { x, y, band, formatX, formatY, label, floor }) {
  const values = [...y, ...(band ?? []).flat()].filter(Number.isFinite);
  if (x.length === 0 || values.length === 0) {
    place.replaceChildren(Object.assign(document.createElement("p"), { className: "quiet", textContent: "nothing yet" }));
    return;
  }
  const [x0, x1] = spread(x[0], x[x.length - 1]);
  const [y0, y1] = spread(floor ?? Math.min(...values), Math.max(...values));
  const toX = (value) => LEFT + ((value - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const toY = (value) => HEIGHT - BOTTOM - ((value - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (const part of [0, 0.5, 1]) {
    const value = y0 + part * (y1 - y0);
    chart.append(svg("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: toY(value), y2: toY(value) }));
    chart.append(svg("text", { class: "label", x: LEFT - 6, y: toY(value) + 4, "text-anchor": "end" }, formatY(value)));
  }
  for (const [value, anchor] of [[x0, "start"], [(x0 + x1) / 2, "middle"], [x1, "end"]]) {
    chart.append(svg("text", { class: "label", x: toX(value), y: HEIGHT - 7, "text-anchor": anchor }, formatX(value)));
  }
  if (band) chart.append(...bandPaths(x, band, toX, toY));
  chart.append(svg("path", { class: "curve", d: curve(x, y, toX, toY) }));
  place.replaceChildren(chart);
}

function spread(low, high) {
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function curve(x, y, toX, toY) {
  let path = "", pen = "M";
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(y[i])) { pen = "M"; continue; }
    path += `${pen}${toX(x[i]).toFixed(1)} ${toY(y[i]).toFixed(1)}`;
    pen = "L";
  }
  return path;
}

function bandPaths(x, band, toX, toY) {
  const runs = [];
  let run = [];
  for (let i = 0; i < x.length; i++) {
    if (band[i].every(Number.isFinite)) run.push(i);
    else if (run.length) { runs.push(run); run = []; }
  }
  if (run.length) runs.push(run);
  return runs.map((indices) => {
    const up = indices.map((i) => `${toX(x[i]).toFixed(1)} ${toY(band[i][1]).toFixed(1)}`);
    const down = indices.toReversed().map((i) => `${toX(x[i]).toFixed(1)} ${toY(band[i][0]).toFixed(1)}`);
    return svg("path", { class: "band", d: `M${[...up, ...down].join("L")}Z` });
  });
}
