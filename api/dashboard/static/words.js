// The service's keys, numbers and units in words.
import { knows, language, say } from "./catalogue.js";

const SIZES = { s: 1, min: 60, h: 3600, d: 86400, months: 2629800, years: 31557600 };

export const number = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });
export const moment = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ");
export const day = (milliseconds) =>
  new Date(milliseconds).toLocaleDateString(language, { month: "short", day: "numeric", timeZone: "UTC" });
export const hour = (milliseconds) => new Date(milliseconds).toISOString().slice(11, 16);
export const words = (text) => (text ?? "").replaceAll("_", " ").replaceAll(".", " ");
export const percent = (share) => `${Math.round(100 * share)} %`;
export const grade = (health) => (health >= 0.7 ? "good" : health >= 0.4 ? "fair" : "bad");
export const SEVERITY = { advisory: "quiet", warning: "fair", critical: "bad" };

export function unitOfTime(seconds) {
  if (seconds >= 2 * SIZES.years) return "years";
  if (seconds >= 90 * SIZES.d) return "months";
  if (seconds >= 2 * SIZES.d) return "d";
  if (seconds >= 2 * SIZES.h) return "h";
  return seconds >= 120 ? "min" : "s";
}

const inUnit = (seconds, unit) => {
  const value = seconds / SIZES[unit];
  return value < 10 ? String(Number(value.toFixed(1))) : String(Math.round(value));
};
export const secondsIn = (unit) => SIZES[unit];

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return say("time.unknown");
  if (seconds < 60) return say("time.under-a-minute");
  const unit = unitOfTime(seconds);
  return inUnit(seconds, unit) + (language === "ko" ? "" : " ") + say(`time.${unit}`);
}

/** A prognosis as [figure, interval], both in words; the interval may be empty. */
export function remaining(row) {
  const { rul_s: middle, rul_lower_s: low, rul_upper_s: high } = row;
  if (middle === null && low === null) return [say("page.no-prognosis"), ""];
  if (high === null) return [say("page.more-than", { time: duration(low) }), ""];
  const unit = unitOfTime(high);
  const interval = high < 60 ? "" : say("page.from-to", { low: inUnit(low, unit), high: inUnit(high, unit), unit: say(`time.${unit}`) });
  if (middle === null) return [interval, ""];
  return [middle < 60 ? say("page.due-now") : duration(middle), interval];
}

export function condition(row) {
  if (row.health === null && row.learning_progress !== null) return say("page.learning-now", { share: percent(row.learning_progress) });
  const found = [row.symptom && say(`fault.${row.symptom}`), row.component_name || row.component].filter(Boolean).join(" · ");
  return found || say(row.health === null ? "page.not-analysed" : "page.nothing-found");
}

export const reason = (key) => (key ? say(`reason.${key}`) : "");
/** A feature as the language calls it; English keeps the names of the catalogue of features. */
export const featureName = (name) => (language !== "en" && knows(`feature.${name}`) ? say(`feature.${name}`) : words(name));

const FEATURE_UNITS = [
  [/^(rms|mean|peak|fundamental_amplitude|load_current|park_modulus|residual_rms)$/, { current: "A" }],
  [/^(mean|rms|standard_deviation|maximum|minimum|peak|peak_to_peak|mean_absolute|mean_absolute_difference|envelope_rms|high_frequency_rms)$/, { acceleration: "m/s²" }],
  [/^(variance|total_power|band_power_\d)$/, { acceleration: "(m/s²)²" }],
  [/^energy$/, { acceleration: "(m/s²)² s" }],
  [/^envelope_(bpfo|bpfi|bsf|ftf)_\d$/, { acceleration: "(m/s²)⁴" }],
  [/^(velocity_rms|velocity_rms_low|velocity_peak|order_.*)$/, { acceleration: "m/s" }],
  [/(frequency|^rolloff_\d+|^spectral_centroid|^spectral_spread)$/, { acceleration: "Hz", current: "Hz" }],
  [/(prominence|^bearing_sideband_.*|^broken_bar_.*|^eccentricity_.*)$/, { acceleration: "dB", current: "dB" }],
];
export const featureUnit = (name, quantity) =>
  FEATURE_UNITS.find(([pattern, units]) => pattern.test(name) && units[quantity])?.[1][quantity] ?? "1";
export const unit = (text) => text.replace("s2", "s²").replace(")^2", ")²");

/** What weighs in an assessment, in words; values in the unit that the sender declared, if there is one. */
export function causeText(found) {
  const one = { ...found, ...found.declared };
  return say("page.cause", {
    feature: featureName(one.indicator), point: one.point, value: Number(one.value.toPrecision(3)), unit: unit(one.unit),
    baseline: Number(one.baseline.toPrecision(3)), limit: Number(one.limit.toPrecision(3)) });
}
