// One machine: its history, what is expected of it, its features, its last signals, what was done to it.
import { say } from "./catalogue.js";
import { draw, sayNothing } from "./charts.js";
import { drawDiagnosis } from "./diagnosis.js";
import { call, element, find, readAll } from "./service.js";
import { causeText, condition, featureName, featureUnit, moment, percent, reason, remaining, secondsIn, unit, unitOfTime, words } from "./words.js";

const shown = { machine: null, points: [], events: [] };
export const current = () => shown.machine;

export async function show(machine) {
  const described = await call(`/v1/machines/${machine}`);
  const isOther = shown.machine !== machine;
  shown.machine = machine;
  shown.points = described.points.filter((point) => point.sampling_rate_hz !== null);
  if (isOther) {
    find("point").replaceChildren(...shown.points.map((point) =>
      element("option", { value: point.point }, [point.name || point.point, point.direction].filter(Boolean).join(", "))));
  }
  find("detail").hidden = false;
  find("detail-title").textContent = machine + (described.name ? ` · ${described.name}` : "");
  await drawHistory();
  await drawDiagnosis(machine, described.diagnosed_at);
  await drawPoint();
  find("detail-title").focus();
  find("detail").scrollIntoView({ block: "start" });
}

export function hide() {
  shown.machine = null;
  find("detail").hidden = true;
}

export async function drawHistory() {
  const machine = shown.machine, place = `/v1/machines/${machine}`;
  const [health, prognosis, assessed, prognosed, events] = await Promise.all([
    call(`${place}/health`), call(`${place}/prognosis`),
    call(`${place}/health/history?limit=1000`), call(`${place}/prognosis/history?limit=1000`),
    readAll(`${place}/work-events?limit=200`, 200),
  ]);
  if (machine !== shown.machine) return;
  const counting = events.filter((event) => event.status !== "voided");
  shown.events = counting.map((event) => ({ x: Date.parse(event.occurred_at), kind: event.kind, text: eventText(event) }));
  drawFacts(health, prognosis);
  drawHealth(machine, assessed.items.toReversed(), health);
  drawRemaining(machine, prognosed.items.toReversed(), prognosis);
  listEvents(counting);
}

function drawFacts(health, prognosis) {
  const [figure, interval] = remaining(prognosis);
  const by = { model: say("page.by-model", { number: prognosis.model_id }), trend: say("page.by-trend") }[prognosis.source];
  const facts = [
    [say("page.health"), health.health === null ? condition(health) : percent(health.health)],
    [say("page.operating-state"), words(health.operating_state) || say("page.unknown")],
    [say("page.wrong"), condition(health) + (health.confidence === null ? "" : ` ${say("page.confidence", { share: percent(health.confidence) })}`)],
    [say("page.vibration-zone"), health.zone ?? say("page.no-limits")],
    [say("page.remaining-life"), figure + (interval ? `, ${interval}` : "")],
    [say("page.prognosis"), [by, prognosis.level && say("page.interval-right", { share: percent(prognosis.level) }), reason(prognosis.reason)].filter(Boolean).join("; ") || say("page.none-yet")],
  ];
  find("facts").replaceChildren(...facts.map(([name, text]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, text))));
  const causes = (health.evidence?.contributors ?? []).map(causeText);
  find("causes").textContent = causes.length ? say("page.weighs", { causes: causes.join(" · ") }) : "";
}

function drawHealth(machine, rows, now) {
  draw(find("health-chart"), {
    x: rows.map((row) => Date.parse(row.measured_at)), y: rows.map((row) => 100 * (row.health ?? NaN)), y0: 0, y1: 100,
    time: true, yTitle: say("page.health-axis"), label: say("page.health-over-time", { machine }), marks: shown.events, empty: condition(now),
  });
}

function drawRemaining(machine, rows, now) {
  const bounds = rows.flatMap((row) => [row.rul_s, row.rul_upper_s]).filter(Number.isFinite);
  const unitUsed = unitOfTime(bounds.reduce((high, value) => Math.max(high, value), 0)), size = secondsIn(unitUsed);
  const scaled = (value) => (value ?? NaN) / size;
  draw(find("rul-chart"), {
    x: rows.map((row) => Date.parse(row.measured_at)), y: rows.map((row) => scaled(row.rul_s)), y0: 0,
    band: rows.map((row) => [scaled(row.rul_lower_s), scaled(row.rul_upper_s)]),
    time: true, yTitle: say("page.rul-axis", { unit: say(`time.${unitUsed}`) }), label: say("page.rul-over-time", { machine }), marks: shown.events,
    empty: now.reason ? say("page.no-prognosis-why", { why: reason(now.reason) }) : say("page.no-prognosis-yet"),
  });
}

const eventText = (event) => [say(`work.${event.kind}`), event.component, event.finding, event.note].filter(Boolean).join(" · ");

function listEvents(events) {
  const rows = events.map((event) => element("li", {},
    element("span", { className: `event ${event.kind}` }, say(`work.${event.kind}`)), ` ${moment(Date.parse(event.occurred_at))} `,
    element("span", { className: "quiet" }, [event.component, event.finding, event.note, say("page.by-actor", { actor: event.actor })].filter(Boolean).join(" · "))));
  find("events").replaceChildren(...(rows.length ? rows : [element("li", { className: "quiet" }, say("page.none-recorded"))]));
}

const CHARTS_OF_POINT = ["trend-chart", "waveform-chart", "spectrum-chart"];

export async function drawPoint() {
  const point = find("point").value;
  if (!point) {
    for (const id of CHARTS_OF_POINT) sayNothing(find(id), say("page.no-waveform-point"));
    return;
  }
  await Promise.all([drawTrend(point), drawSignals()]);
}

async function drawTrend(point) {
  const place = `/v1/machines/${shown.machine}/features/${point}`;
  const wanted = find("feature").value;
  const known = [...find("feature").options].map((option) => option.value);
  let trend = await call(place);
  if (wanted && known.includes(wanted) && trend.available.includes(wanted)) trend = await call(`${place}?names=${wanted}`);
  const name = trend.available.includes(wanted) ? wanted : Object.keys(trend.features)[0];
  find("feature").replaceChildren(...trend.available.map((each) => element("option", { value: each, selected: each === name }, featureName(each))));
  const course = trend.features[name], unitUsed = featureUnit(name, trend.quantity);
  draw(find("trend-chart"), {
    x: trend.starts.map(Date.parse), y: course.mean.map((value) => value ?? NaN),
    band: course.minimum.map((low, i) => [low ?? NaN, course.maximum[i] ?? NaN]),
    time: true, yTitle: featureName(name) + (unitUsed === "1" ? "" : `, ${unitUsed}`), marks: shown.events,
    label: say("page.feature-over-time", { feature: featureName(name), point }), empty: say("page.no-feature"),
  });
}

export async function drawSignals() {
  const point = find("point").value, machine = shown.machine;
  const last = (await call(`/v1/machines/${machine}/acquisitions?limit=20`)).items.find((one) => !one.missing.includes(point));
  find("signal-time").textContent = last ? say("page.measured-at", { time: moment(Date.parse(last.measured_at)) }) +
    (last.speed_rpm === null ? "" : `, ${Math.round(last.speed_rpm)} rpm`) : "";
  if (!last) {
    for (const id of ["waveform-chart", "spectrum-chart"]) sayNothing(find(id), say("page.no-waveform"));
    return;
  }
  const place = `/v1/machines/${machine}/acquisitions/${encodeURIComponent(last.measured_at)}`, kind = find("kind").value;
  const [waveform, spectrum] = await Promise.all([
    call(`${place}/waveforms/${point}`), call(`${place}/spectrum/${point}?kind=${kind}`)]);
  const count = Math.min(waveform.samples.length, Math.ceil(Number(find("span").value) * waveform.sampling_rate_hz));
  draw(find("waveform-chart"), {
    x: Array.from({ length: count }, (_, i) => (1000 * i) / waveform.sampling_rate_hz), y: waveform.samples.slice(0, count),
    xTitle: say("page.time-axis"), yTitle: `${say(`feature.${waveform.quantity}`)}, ${unit(waveform.unit)}`, label: say("page.waveform-of", { point }),
  });
  const lines = Math.min(spectrum.amplitudes.length, Math.ceil(Number(find("reach").value) / spectrum.resolution_hz) + 1);
  draw(find("spectrum-chart"), {
    x: Array.from({ length: lines }, (_, line) => line * spectrum.resolution_hz), y: spectrum.amplitudes.slice(0, lines), y0: 0,
    xTitle: say("page.frequency-axis"), yTitle: say("page.spectrum-axis", { kind: say(`page.${spectrum.kind}`), unit: unit(spectrum.unit) }),
    label: say("page.spectrum-of", { kind: say(`page.${spectrum.kind}`), point }),
  });
}
