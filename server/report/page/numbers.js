// Numbers as they are read: short, with a real minus.
const NONE = '–';

const withMinus = (text) => text.replace(/^-/, '−');

// Three significant digits, or as many as asked for; "–" for none.
function short(value, digits = 3) {
  if (typeof value !== 'number' || !Number.isFinite(value)) return NONE;
  if (value === 0) return '0';
  // As it will be read: 999.7 is 1,000.
  const size = Math.abs(Number(value.toPrecision(digits))), nearest = Math.round(value);
  if (Math.abs(nearest) >= 1e6 || size < 1e-4) return withMinus(value.toExponential(Math.min(digits, 3) - 1));
  if (size >= 10 ** digits) return withMinus(nearest.toLocaleString('en-US'));
  return withMinus(value.toPrecision(digits));
}

// With its sign, of differences.
const signed = (value, digits = 3) => (value > 0 ? '+' : '') + short(value, digits);

const count = (value) => (typeof value === 'number' ? value.toLocaleString('en-US') : NONE);

const percent = (value) => (typeof value === 'number' && Number.isFinite(value) ? `${short(value)} %` : NONE);

const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

// As many decimals as the step between ticks asks for.
function tickText(value, step) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) {
    const [mantissa, exponent] = value.toExponential(1).split('e');
    return withMinus(`${mantissa.replace(/\.0$/, '')}e${Number(exponent)}`);
  }
  const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  return withMinus(value.toLocaleString('en-US', {minimumFractionDigits: decimals, maximumFractionDigits: decimals}));
}

// About `wanted` round numbers between `low` and `high`, which differ.
function linearTicks(low, high, wanted) {
  const rough = (high - low) / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) || 10);
  const ticks = [];
  if (!(step > 0)) return {ticks, labels: []};
  const from = Math.ceil(low / step - 1e-9), to = Math.floor(high / step + 1e-9);
  for (let i = from; i <= to && ticks.length < 100; ++i) ticks.push(i * step + 0);  // no -0
  return {ticks, labels: ticks.map((tick) => tickText(tick, step === 2.5 * power ? step / 5 : step))};
}

// Powers of ten between them, thinned; with 2 and 5 where there are few, and round numbers where even these are none.
function logTicks(low, high, wanted) {
  const from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.round((to - from) / Math.max(wanted, 1)));
  const ticks = [];
  for (let power = from; power <= to; ++power) {
    for (const factor of to - from <= 2 ? [1, 2, 5] : [1]) {
      const tick = factor * 10 ** power;
      if ((power - from) % every === 0 && tick >= low * 0.9999 && tick <= high * 1.0001) ticks.push(tick);
    }
  }
  if (ticks.length < 2) return linearTicks(low, high, wanted);
  return {ticks, labels: ticks.map((tick) => tickText(tick, tick))};
}
