// Line charts as plain SVG: a curve, an optional band, marks at moments, two axes with units, a reading under the pointer.
import { day, hour, moment } from "./words.js";

const WIDTH = 600, HEIGHT = 230, LEFT = 54, RIGHT = 14, TOP = 24, BOTTOM = 38;
const NAMESPACE = "http://www.w3.org/2000/svg";
const DAY_MS = 86400000;

export function svg(name, attributes, ...children) {
  const node = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export function sayNothing(place, text) {
  place.replaceChildren(Object.assign(document.createElement("p"), { className: "quiet empty", textContent: text }));
}

/**
 * Draw y over x into `place`. `band` holds [low, high] at each x; NaN is a gap. `time` says that x is in ms since
 * 1970; `marks` are [{x, text, kind}]; `empty` is said where there is nothing to draw; `y0`, `y1` fix the scale.
 */
export function draw(place, { x, y, band, time, xTitle, yTitle, label, y0, y1, marks = [], empty = "nothing measured yet" }) {
  const values = [...y, ...(band ?? []).flat()].filter(Number.isFinite);
  if (x.length === 0 || values.length === 0) {
    sayNothing(place, empty);
    return;
  }
  const scaleX = new Scale(x[0], x[x.length - 1], LEFT, WIDTH - RIGHT);
  const ticksX = time ? dayTicks(scaleX.low, scaleX.high) : ticks(scaleX.low, scaleX.high, 6);
  const ticksY = ticks(y0 ?? least(values), y1 ?? most(values), 4);
  const scaleY = new Scale(Math.min(y0 ?? least(values), ticksY[0]), Math.max(y1 ?? most(values), ticksY.at(-1)), HEIGHT - BOTTOM, TOP);
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  const formatY = formatter(ticksY), formatX = time ? (scaleX.high - scaleX.low > 3 * DAY_MS ? day : hour) : formatter(ticksX);
  for (const value of ticksY) {
    const at = scaleY.at(value);
    chart.append(svg("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }),
      svg("text", { class: "label", x: LEFT - 6, y: at + 4, "text-anchor": "end" }, formatY(value)));
  }
  for (const value of ticksX) {
    const at = scaleX.at(value);
    chart.append(svg("line", { class: "axis", x1: at, x2: at, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }),
      svg("text", { class: "label", x: at, y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, formatX(value)));
  }
  chart.append(svg("text", { class: "label", x: 4, y: 12 }, yTitle),
    svg("text", { class: "label", x: WIDTH - RIGHT, y: HEIGHT - 5, "text-anchor": "end" }, xTitle ?? "time, UTC"));
  if (band) chart.append(...bandPaths(x, band, scaleX, scaleY));
  for (const mark of marks.filter((one) => one.x >= scaleX.low && one.x <= scaleX.high)) {
    const at = scaleX.at(mark.x);
    chart.append(svg("line", { class: `mark ${mark.kind}`, x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }, svg("title", {}, mark.text)));
  }
  chart.append(svg("path", { class: "curve", d: curve(x, y, scaleX, scaleY) }));
  addReading(chart, { x, y, band, scaleX, scaleY, time, xTitle });
  place.replaceChildren(chart);
}

const least = (values) => values.reduce((low, value) => Math.min(low, value), Infinity);
const most = (values) => values.reduce((high, value) => Math.max(high, value), -Infinity);

class Scale {
  constructor(low, high, start, end) {
    [this.low, this.high] = high > low ? [low, high] : [low - 0.5, high + 0.5];
    this.start = start;
    this.size = (end - start) / (this.high - this.low);
  }

  at(value) { return this.start + (value - this.low) * this.size; }
}

function ticks(low, high, count) {
  if (!(high > low)) { const half = Math.abs(low) / 2 || 0.5; low -= half; high += half; }
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const found = [];
  for (let i = Math.floor(low / step); i <= Math.ceil(high / step - 1e-9); i++) found.push(i * step);
  return found.filter((value) => value >= low - step && value <= high + step);
}

function dayTicks(low, high) {
  if (high - low <= 3 * DAY_MS) return [0.1, 0.3, 0.5, 0.7, 0.9].map((part) => low + part * (high - low));
  const step = DAY_MS * [1, 2, 5, 7, 14, 28, 56, 112, 365].find((days) => (high - low) / (days * DAY_MS) <= 8);
  const found = [];
  for (let at = Math.ceil(low / DAY_MS) * DAY_MS; at <= high; at += step) found.push(at);
  return found;
}

function formatter(values) {
  const step = values.length > 1 ? values[1] - values[0] : 1;
  const size = Math.max(...values.map(Math.abs));
  if (size < 1e-3) return (value) => (value === 0 ? "0" : value.toExponential(1));
  if (size >= 1e6) return (value) => value.toExponential(1);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (String(step / 10 ** Math.floor(Math.log10(step))).startsWith("2.5") ? 1 : 0));
  return (value) => value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
}

function curve(x, y, scaleX, scaleY) {
  let path = "", pen = "M";
  for (const i of outline(y)) {
    if (!Number.isFinite(y[i])) { pen = "M"; continue; }
    path += `${pen}${scaleX.at(x[i]).toFixed(1)} ${scaleY.at(y[i]).toFixed(1)}`;
    if (pen === "M" && !Number.isFinite(y[i + 1])) path += "h.01"; // a lone reading is a dot
    pen = "L";
  }
  return path;
}

/** The places of the least and the greatest value in each of some hundred bins: a long curve with its peaks. */
function outline(y) {
  const bin = Math.floor(y.length / 1000);
  if (bin < 2) return y.keys();
  const kept = [];
  for (let start = 0; start < y.length; start += bin) {
    let low = start, high = start;
    for (let i = start; i < Math.min(start + bin, y.length); i++) {
      if (y[i] < y[low]) low = i;
      if (y[i] > y[high]) high = i;
    }
    kept.push(Math.min(low, high), Math.max(low, high));
  }
  return kept;
}

function bandPaths(x, band, scaleX, scaleY) {
  const runs = [];
  let run = [];
  band.forEach((pair, i) => {
    if (pair.every(Number.isFinite)) run.push(i);
    else if (run.length) { runs.push(run); run = []; }
  });
  if (run.length) runs.push(run);
  const spot = (i, side) => `${scaleX.at(x[i]).toFixed(1)} ${scaleY.at(band[i][side]).toFixed(1)}`;
  return runs.map((places) => {
    const outlinePoints = [...places.map((i) => spot(i, 1)), ...places.reverse().map((i) => spot(i, 0))];
    return svg("path", { class: "band", d: `M${outlinePoints.join("L")}Z` });
  });
}

function addReading(chart, { x, y, band, scaleX, scaleY, time, xTitle }) {
  const line = svg("line", { class: "pointer", y1: TOP, y2: HEIGHT - BOTTOM }), dot = svg("circle", { class: "dot", r: 3 });
  const text = svg("text", { class: "label reading", x: WIDTH - RIGHT, y: 12, "text-anchor": "end" });
  chart.append(line, dot, text);
  const exact = (value) => Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const wanted = scaleX.low + ((event.clientX - box.left) * WIDTH / box.width - LEFT) / scaleX.size;
    const i = nearest(x, wanted);
    if (!Number.isFinite(y[i])) return;
    for (const end of ["x1", "x2"]) line.setAttribute(end, scaleX.at(x[i]));
    dot.setAttribute("cx", scaleX.at(x[i]));
    dot.setAttribute("cy", scaleY.at(y[i]));
    const interval = band?.[i].every(Number.isFinite) ? ` (${exact(band[i][0])} to ${exact(band[i][1])})` : "";
    text.textContent = `${exact(y[i])}${interval} at ${time ? moment(x[i]) : `${exact(x[i])} ${xTitle.split(", ").at(-1)}`}`;
    chart.classList.add("read");
  });
  chart.addEventListener("pointerleave", () => chart.classList.remove("read"));
}

function nearest(x, wanted) {
  let low = 0, high = x.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] < wanted) low = middle; else high = middle;
  }
  return wanted - x[low] < x[high] - wanted ? low : high;
}
