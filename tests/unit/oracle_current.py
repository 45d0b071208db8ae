"""Motor current features in plain double-precision NumPy, slow and readable; NaN where refused."""

import itertools
import math

import numpy as np
from scipy import fft

from features.catalogue import names

NAN = math.nan
LOBE, APART = 3, 8.0
ORDER = {"bpfo": 0, "bpfi": 1, "bsf": 2, "ftf": 3}


def window(n):
    x = 2 * np.pi * np.arange(n) / n
    return 0.35875 - 0.48829 * np.cos(x) + 0.14128 * np.cos(2 * x) - 0.01168 * np.cos(3 * x)


def power_spectrum(centred):
    """Mean square of each line."""
    n = len(centred)
    spectrum = np.fft.rfft(centred * window(n))
    power = 2 * np.abs(spectrum) ** 2 / (n**2 * np.mean(window(n) ** 2))
    power[0] /= 2
    return spectrum, power


class Lines:
    """The power lines of one phase around a supply at `place` [lines] of amplitude `fundamental`."""

    def __init__(self, power):
        self.power, self.last = power, len(power) - 1
        self.place = self.fundamental = NAN

    def strongest(self, low, high):
        low, high = max(LOBE, math.ceil(low)), min(math.floor(high), self.last - LOBE)
        return low if high < low else low + int(np.argmax(self.power[low : high + 1]))

    def amplitude(self, k):
        return math.sqrt(2 * self.power[max(0, k - LOBE) : k + LOBE + 1].sum())

    def top(self, k):
        a, b, c = np.log(np.maximum(self.power[k - 1 : k + 2], 1e-300))
        return k + 0.5 * (a - c) / (a - 2 * b + c)

    def level(self, line, tolerance=2.0):
        k = self.strongest(line - tolerance, line + tolerance)
        return 20 * math.log10(max(self.amplitude(k) / self.fundamental, 1e-12))

    def free(self, line, supply=None, distance=APART):
        supply = self.place if supply is None else supply
        if not distance <= line <= self.last - distance:
            return False
        harmonic = round(line / supply)
        return harmonic == 0 or abs(line - harmonic * supply) >= distance

    def level_if_free(self, line, tolerance=2.0):
        return self.level(line, tolerance) if self.free(line, distance=APART + tolerance - 2) else NAN

    def highest(self, lines, tolerance=2.0):
        levels = [self.level_if_free(abs(line), tolerance) for line in lines]
        return max((v for v in levels if not math.isnan(v)), default=NAN)

    def prominence(self, line):
        k, supply, floors = self.strongest(line - 2, line + 2), round(self.place), []
        for side in (-1, 1):
            edge = supply if (supply - k) * side > 0 else 0 if side < 0 else self.last
            if abs(edge - k) >= 16:
                floors.append(np.median([self.power[k + side * d] for d in range(4, 13)]))
            else:
                floors.append(self.power[min(k, edge) : max(k, edge) + 1].min())
        return 10 * math.log10(self.power[k] / max(floors))


def moments(x):
    centred = x - x.mean()
    variance = np.mean(centred**2)
    out = {"mean": x.mean(), "rms": math.sqrt(np.mean(x**2)), "peak": np.abs(x).max()}
    if math.sqrt(variance) > max(1e-9, 1e-6 * abs(x.mean())):
        out["crest_factor"] = out["peak"] / out["rms"]
        out["kurtosis"] = np.mean(centred**4) / variance**2
    return out, centred, variance


def find_supply(lines, variance, nominal, seconds):
    if math.isnan(nominal) or nominal * seconds < APART or 1.1 * nominal * seconds + LOBE + 1 > lines.last:
        return False
    k = lines.strongest(0.9 * nominal * seconds, 1.1 * nominal * seconds)
    amplitude = lines.amplitude(k)
    if amplitude**2 / 2 < 0.1 * variance or lines.power[k] < max(lines.power[k - 1], lines.power[k + 1]):
        return False
    lines.place, lines.fundamental = lines.top(k), amplitude
    return True


def harmonics(lines):
    supply, amplitudes = lines.place, {1: lines.fundamental}
    residual = lines.power[LOBE + 1 :].sum() - lines.power[round(supply) - 4 : round(supply) + 5].sum()
    for h in range(2, 41):
        if h * supply + 2 + LOBE > lines.last:
            break
        amplitudes[h] = lines.amplitude(lines.strongest(h * supply - 1, h * supply + 1))
        residual -= lines.power[round(h * supply) - 4 : round(h * supply) + 5].sum()
    squares = np.array([a**2 for a in amplitudes.values()])
    orders = np.array(list(amplitudes))
    out = {f"harmonic_{h}_ratio": amplitudes.get(h, NAN) / lines.fundamental for h in (3, 5, 7)}
    out["total_harmonic_distortion"] = math.sqrt(squares[1:].sum()) / lines.fundamental
    out["k_factor"] = (orders**2 * squares).sum() / squares.sum()
    out["residual_rms"] = math.sqrt(max(0.0, residual))
    return out


def slip_sidebands(lines, shaft, pairs, slots):
    slip = 1 - shaft * pairs / lines.place
    if not 0 < slip < 1:
        return {}
    distance = 2 * slip * lines.place
    if not APART <= distance <= lines.place - APART:
        return {"slip": slip}
    lower, upper = lines.level(lines.place - distance), lines.level(lines.place + distance)
    return {
        "slip": slip,
        "broken_bar_lower": lower,
        "broken_bar_upper": upper,
        "broken_bar_index": max(lower, upper),
        "broken_bar_prominence": lines.prominence(lines.place + (distance if upper > lower else -distance)),
        "broken_bars_estimated": 2 * slots / (10 ** (-(lower + upper) / 40) + 2 * pairs),
    }


def shaft_lines(lines, shaft, slots, orders):
    supply, out = lines.place, {}
    for fault, i in ORDER.items():
        strike = orders[i] * shaft * (2 if fault == "bsf" else 1)
        sidebands = [] if math.isnan(strike) else [supply + m * s * strike for m in (1, 2) for s in (-1, 1)]
        out[f"bearing_sideband_{fault}"] = lines.highest(sidebands)
    if shaft < APART:
        return out
    for name, line in (
        ("eccentricity_lower", supply - shaft),
        ("eccentricity_upper", supply + shaft),
        ("eccentricity_second_lower", supply - 2 * shaft),
        ("eccentricity_second_upper", supply + 2 * shaft),
    ):
        out[name] = lines.level_if_free(abs(line))
    prominences = [
        lines.prominence(abs(supply + s * shaft))
        for s, side in ((-1, "lower"), (1, "upper"))
        if not math.isnan(out[f"eccentricity_{side}"])
    ]
    out["eccentricity_prominence"] = max(prominences, default=NAN)
    out["stator_turns"] = lines.highest(
        m * shaft + s * n * supply for m, n in ((3, 1), (5, 1), (1, 3)) for s in (-1, 1)
    )
    if not math.isnan(slots):
        at = {
            d: lines.highest(
                [(slots + d) * shaft + n * supply for n in (-5, -3, -1, 1, 3, 5)], 2 + 2e-4 * (slots + d) * shaft
            )
            for d in (-1, 0, 1)
        }
        out["slot_harmonic"] = at[0]
        out["slot_eccentricity"] = max((v for v in (at[-1], at[1]) if not math.isnan(v)), default=NAN)
    return out


def noise_floor(lines):
    if lines.place < 32:
        return NAN
    k = np.arange(lines.last + 1)
    distance = np.abs(k - lines.place)
    around = lines.power[(distance >= APART) & (distance <= lines.place / 2)]
    return 20 * math.log10(math.sqrt(2 * 7 * np.median(around) / math.log(2)) / lines.fundamental)


def find_peaks(lines, last):
    """[(place, stand)] of the lines that stand 10 dB over the median of their 32."""
    found = []
    for start in range(0, last + 1, 32):
        stop = min(start + 32, last + 1)
        first = max(0, stop - 32)
        block = np.sort(lines.power[first:stop])
        floor = block[len(block) // 2]
        for k in range(max(start, LOBE + 1), min(stop, lines.last + 1 - LOBE)):
            p = lines.power[k]
            if p < 10 * floor or p <= lines.power[k - 1] or p < lines.power[k - LOBE : k + LOBE + 1].max():
                continue
            if lines.free(float(k)):
                found.append((lines.top(k), min(40.0, 10 * math.log10(p / floor))))
    return found


def tallest(peaks, line, tolerance):
    near = [(stand, place) for place, stand in peaks if abs(place - line) <= tolerance]
    return max(near, key=lambda pair: pair[0], default=(0.0, NAN))


def weigh(peaks, slip, error, supply, pairs, slots):
    """How far the lines of a slip stand out together, and the slip that the finest of them says."""
    total, finest = 0.0, slip
    mechanisms = [(2 * slip * supply, 2 * supply, lambda half: half / (2 * supply))]
    if not math.isnan(pairs):
        mechanisms.append((supply * (1 - slip) / pairs, supply / pairs, lambda half: 1 - half * pairs / supply))
    for i, (distance, lines_of_slip, slip_of) in enumerate(mechanisms):
        if i == 0 and (distance < APART or slip > (0.06 if math.isnan(pairs) else min(0.1, 0.45 / pairs))):
            continue
        (low, left), (high, right) = (
            tallest(peaks, supply + side * distance, 0.3 + error * lines_of_slip) for side in (-1, 1)
        )
        if low and high:
            total += min(low, high)
            if i == 0 or total == min(low, high):
                finest = slip_of((right - left) / 2)
    if not math.isnan(slots * pairs):
        centre = slots * supply * (1 - slip) / pairs
        tolerance = 0.3 + error * slots * supply / pairs
        (low, left), (high, right) = (tallest(peaks, centre + side * supply, tolerance) for side in (-1, 1))
        if min(low, high) > 0 or (total > 0 and max(low, high) >= 20):
            total += max(low, high)
            finest = 1 - (left + supply if low > high else right - supply) * pairs / (slots * supply)
    return total, finest


def estimate_slip(lines, pairs, slots):
    supply = lines.place
    reach = max(2 * supply, 0 if math.isnan(slots * pairs) else (slots / pairs + 1) * supply)
    peaks = find_peaks(lines, min(lines.last - LOBE, math.ceil(reach) + 2 * LOBE))
    found = []
    for line, _ in peaks:
        guesses = [((supply - line) / (2 * supply), 0.1 / supply)]
        if not math.isnan(pairs):
            guesses += [(1 - abs(line - supply) * pairs / supply, 0.15 * pairs / supply)]
        if not math.isnan(slots * pairs):
            whole = slots * supply / pairs
            guesses += [(1 - (line - supply) / whole, 0.15 / whole), (1 - (line + supply) / whole, 0.15 / whole)]
        found += [
            weigh(peaks, slip, error, supply, pairs, slots) for slip, error in guesses if 1 / supply < slip <= 0.1
        ]
    total, slip = max(found, key=lambda pair: pair[0], default=(0.0, NAN))
    same = max(2 / supply, 0 if math.isnan(pairs) else pairs / supply)
    other = max((t for t, s in found if abs(s - slip) > same), default=0.0)
    if total == 0 or total - other < 6 or not 0 < slip <= 0.1:
        return {}
    out = {"slip_estimated": slip, "slip_confidence": total - other}
    distance = 2 * slip * supply
    if distance >= APART:
        out["broken_bar_index_estimated"] = max(lines.level(supply - distance), lines.level(supply + distance))
    return out


def track(spectrum, lines, nominal, seconds):
    """Demodulate the fundamental: its lines within a quarter supply moved to zero, transformed back."""
    half, centre = int(nominal * seconds / 4), round(lines.place)
    if half < 8 or lines.place + half >= lines.last:
        return {}
    # As many points as the implementation has: the steps of the frequency depend on them.
    points = fft.next_fast_len(2 * half + 1)
    time = np.arange(points) / points
    band = sum(spectrum[centre + j] * np.exp(2j * np.pi * j * time) for j in range(-half, half + 1))
    shape = window(points)
    heard = np.flatnonzero(shape >= 0.1)
    weight, time, band = shape[heard] ** 2, time[heard], band[heard]
    amplitude = np.abs(band) / shape[heard]
    mean = np.average(amplitude, weights=weight)
    phase = np.unwrap(np.angle(band * np.exp(-2j * np.pi * (lines.place - centre) * time)))
    parabola = np.polynomial.polynomial.polyfit(time - 0.5, phase, 2, w=np.sqrt(weight))
    rest = phase - np.polynomial.polynomial.polyval(time - 0.5, parabola)
    steps, between = np.diff(rest) * points / (2 * np.pi * seconds), weight[1:] * weight[:-1]
    return {
        "fundamental_variation": math.sqrt(np.average((amplitude - mean) ** 2, weights=weight)) / mean,
        "supply_drift": 2 * parabola[2] / (2 * np.pi * seconds),
        "phase_wander": math.sqrt(np.average(rest**2, weights=weight)),
        "supply_deviation": math.sqrt(np.average((steps - np.average(steps, weights=between)) ** 2, weights=between)),
    }


def inrush(x, period, rate):
    halves = 0 if math.isnan(period) else math.floor(2 * len(x) / period)
    if halves < 20 or period < 8:
        return {}
    tail = 2 * (halves // 10)
    edges = [round(h * period / 2) for h in range(halves + 1)]
    x = x - x[edges[-1 - tail] : edges[-1]].mean()
    powers = np.array([np.mean(x[a:b] ** 2) for a, b in itertools.pairwise(edges)])
    rms = np.sqrt((powers[1:] + powers[:-1]) / 2)
    steady = rms[halves - tail :].mean()
    off = np.flatnonzero(rms[: halves - tail] < 0.1 * steady)
    if not len(off) or steady < 1e-9 or np.ptp(rms[halves - tail :]) > 0.1 * steady:
        return {}
    begin = round((off[-1] + 1) * period / 2)
    loud = np.flatnonzero(np.abs(x[begin:]) >= 0.1 * math.sqrt(2) * steady)
    onset = begin + int(loud[0])
    above = np.flatnonzero(rms[:-1] > 1.1 * steady)
    end = 0.0
    if len(above):
        h = above[-1]
        end = (h + 1 + (rms[h] - 1.1 * steady) / (rms[h] - rms[h + 1])) * period / 2
    return {
        "inrush_peak": np.abs(x).max(),
        "inrush_ratio": rms.max() / steady,
        "inrush_duration": max(0.0, end - onset) / rate,
    }


def together(centred, spectra, phases, all_lines, shaft, seconds):
    rms = np.array([p["rms"] for p in phases])
    direct = math.sqrt(2 / 3) * centred[0] - (centred[1] + centred[2]) / math.sqrt(6)
    quadrature = (centred[1] - centred[2]) / math.sqrt(2)
    modulus = np.hypot(direct, quadrature)
    out = {"load_current": rms.mean(), "park_modulus": modulus.mean()}
    if any("kurtosis" in p for p in phases):
        out["current_unbalance"] = np.abs(rms - rms.mean()).max() / rms.mean()
        small, large = np.linalg.eigvalsh(np.cov([direct, quadrature], ddof=0))
        out["park_eccentricity"] = math.sqrt(1 - max(0.0, small) / large)
    strongest = int(np.argmax(rms))
    supply = all_lines[strongest].place
    if math.isnan(supply):
        return out
    a, b, c = (s[round(supply)] for s in spectra)
    third = np.exp(2j * np.pi / 3)
    positive, negative, turn = a + third * b + third**2 * c, a + third**2 * b + third * c, third
    if abs(negative) > abs(positive):
        positive, negative, turn = negative, positive, third**2
    for phase, phasor in zip(phases, (a, turn * b, turn**2 * c), strict=True):
        if "kurtosis" in phase:
            phase["phase_angle_deviation"] = np.angle(phasor / positive)
    sizes = np.abs([a, b, c])
    out |= {
        "negative_sequence_ratio": abs(negative / positive),
        "zero_sequence_ratio": abs((a + b + c) / positive),
        "negative_sequence_angle": np.angle(negative / positive),
        "fundamental_unbalance": np.abs(sizes - sizes.mean()).max() / sizes.mean(),
    }
    ripple, power = power_spectrum(modulus - modulus.mean())
    heights = 2 * np.abs(ripple) / window(len(modulus)).sum()
    slip = phases[strongest].get("slip", NAN)
    for name, line in (("park_ripple_2f", 2 * supply), ("park_ripple_2sf", 2 * slip * supply)):
        if name == "park_ripple_2sf" and "broken_bar_lower" not in phases[strongest]:
            continue
        k = round(line)
        out[name] = heights[max(1, k - 2) : k + 3].max() / modulus.mean() if k + 2 < len(heights) else NAN
    lines = Lines(power)
    if shaft >= APART and lines.free(shaft, 2 * supply):
        out["park_ripple_shaft"] = lines.amplitude(lines.strongest(shaft - 2, shaft + 2)) / modulus.mean()
    return out


def current_features(currents, rate, *, nominal=NAN, speed=NAN, pairs=NAN, slots=NAN, orders=(NAN,) * 4):
    """Return a dictionary for each phase of `currents` (phases, samples) [A] and one for all together."""
    currents = np.asarray(currents, np.float64)
    seconds = currents.shape[1] / rate
    shaft = speed * seconds
    phases, spectra, centred, all_lines = [], [], [], []
    for x in currents:
        out, middle, variance = moments(x)
        spectrum, power = power_spectrum(middle)
        lines = Lines(power)
        out |= inrush(x, rate / nominal, rate)
        if "kurtosis" in out and find_supply(lines, variance, nominal, seconds):
            out["fundamental_frequency"] = lines.place / seconds
            out["fundamental_amplitude"] = lines.fundamental
            out |= harmonics(lines)
            out["noise_floor"] = noise_floor(lines)
            out |= estimate_slip(lines, pairs, slots) | track(spectrum, lines, nominal, seconds)
            if not math.isnan(speed):
                out |= {} if math.isnan(pairs) else slip_sidebands(lines, shaft, pairs, slots)
                out |= shaft_lines(lines, shaft, slots, orders)
        phases.append(out)
        spectra.append(spectrum)
        centred.append(middle)
        all_lines.append(lines)
    group = together(centred, spectra, phases, all_lines, shaft, seconds) if len(currents) == 3 else {}
    filled = [{name: phase.get(name, NAN) for name in names("current", "channel")} for phase in phases]
    return filled, {name: group.get(name, NAN) for name in names("current", "group")}
