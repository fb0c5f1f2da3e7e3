// The axes of a chart: where its numbers are.
const usable = (value, log) => value !== null && (!log || value > 0);

// Points with both numbers: [{label, step, points: [{x, y}]}].
function readSeries(entries, xLog, yLog) {
  const series = [];
  for (const entry of list(entries).map(object)) {
    const xs = list(entry.x), ys = list(entry.y), points = [];
    for (let i = 0; i < Math.min(xs.length, ys.length); ++i) {
      const x = number(xs[i]), y = number(ys[i]);
      if (usable(x, xLog) && usable(y, yLog)) points.push({x, y});
    }
    if (points.length) series.push({label: text(entry.label), step: entry.step === true, points});
  }
  return series;
}

function readChart(chart) {
  const xLog = chart.x_log === true, yLog = chart.y_log === true;
  const lines = readSeries(chart.lines, xLog, yLog), dots = readSeries(chart.dots, xLog, yLog);
  if (!lines.length && !dots.length) return null;
  const limit = object(chart.threshold);
  const threshold = usable(number(limit.y), yLog) ? {y: limit.y, label: text(limit.label)} : null;
  return {title: text(chart.title), x: text(chart.x), y: text(chart.y), xLog, yLog, lines, dots, threshold};
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

// {ticks, labels, at(value) -> pixels} from `from` to `to`.
function makeScale([low, high], log, wanted, from, to) {
  const {ticks, labels} = log ? logTicks(low, high, wanted) : linearTicks(low, high, wanted);
  const first = log ? Math.min(low, ticks[0]) : ticks[0], last = log ? Math.max(high, ticks[ticks.length - 1])
                                                                    : ticks[ticks.length - 1];
  const part = log ? (value) => Math.log(value / first) / Math.log(last / first)
                   : (value) => (value - first) / (last - first);
  return {ticks, labels, at: (value) => from + (to - from) * part(value)};
}
