// The axes of a chart: where its numbers are.
const usable = (value, log) => value !== null && (!log || value > 0);

// Points with both numbers: [{label, step, total, points: [{x, y}]}]; `total` is how many there were before thinning.
function readSeries(entries, xLog, yLog) {
  const series = [];
  for (const entry of list(entries).map(object)) {
    const xs = list(entry.x), ys = list(entry.y), points = [];
    for (let i = 0; i < Math.min(xs.length, ys.length); ++i) {
      const x = number(xs[i]), y = number(ys[i]);
      if (usable(x, xLog) && usable(y, yLog)) points.push({x, y});
    }
    if (!points.length) continue;
    const total = Math.max(whole(entry.count), points.length);
    series.push({label: text(entry.label), step: entry.step === true, total, points});
  }
  return series;
}

// null: there is nothing in it, or its numbers are too far apart for an axis.
function readChart(chart) {
  const xLog = chart.x_log === true, yLog = chart.y_log === true;
  const lines = readSeries(chart.lines, xLog, yLog), dots = readSeries(chart.dots, xLog, yLog);
  if (!lines.length && !dots.length) return null;
  const limit = object(chart.threshold);
  const threshold = usable(number(limit.y), yLog) ? {y: limit.y, label: text(limit.label)} : null;
  const drawn = {title: text(chart.title), x: text(chart.x), y: text(chart.y), xLog, yLog, lines, dots, threshold};
  const hasScale = (axis, log) => makeScale(rangeOf(drawn, axis), log, 1, 0, 1) !== null;
  return hasScale('x', xLog) && hasScale('y', yLog) ? drawn : null;
}

function rangeOf(chart, axis) {
  let low = Infinity, high = -Infinity;
  for (const {points} of [...chart.lines, ...chart.dots]) {
    for (const point of points) {
      low = Math.min(low, point[axis]);
      high = Math.max(high, point[axis]);
    }
  }
  if (axis === 'y' && chart.threshold) {
    low = Math.min(low, chart.threshold.y);
    high = Math.max(high, chart.threshold.y);
  }
  return [low, high];
}

// The range with some air, from 0 where that is near. One number alone gets a range around it.
function airy(low, high, log) {
  if (log) {
    const air = high > low ? Math.exp((Math.log(high) - Math.log(low)) * 0.03) : 2;
    return [low / air, high * air];
  }
  if (!(high > low)) return [low - (Math.abs(low) || 1) * 0.5, high + (Math.abs(high) || 1) * 0.5];
  const air = (high - low) * 0.03;
  return [
    low >= 0 && low < (high - low) * 0.4 ? 0 : low - air, high <= 0 && high > (low - high) * 0.4 ? 0 : high + air
  ];
}

// {ticks, labels, at(value) -> pixels} from `from` to `to`; null of numbers too large, or too far apart, for that.
function makeScale([low, high], log, wanted, from, to) {
  const [first, last] = airy(low, high, log);
  const place = log ? Math.log : Number, start = place(first), length = place(last) - start;
  if (!(length > 0) || !Number.isFinite(length)) return null;
  const {ticks, labels} = log ? logTicks(first, last, wanted) : linearTicks(first, last, wanted);
  return {ticks, labels, at: (value) => from + (to - from) * ((place(value) - start) / length)};
}
