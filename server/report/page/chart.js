// A chart: lines and dots over two axes, a threshold, and what the pointer or the arrow keys are at.
const CHART_HEIGHT = 270;

function linePath({step, points}, x, y) {
  let path = '', last = null;
  for (const point of points) {
    const px = x.at(point.x).toFixed(1), py = y.at(point.y).toFixed(1);
    path += last === null ? `M${px} ${py}` : step ? `H${px}V${py}` : `L${px} ${py}`;
    last = point;
  }
  return path;
}

function drawAxesOf(chart, x, y, box) {
  const axes = svg('g', {class: 'axes'});
  y.ticks.forEach((tick, i) => {
    const at = y.at(tick);
    axes.append(
        svg('path', {class: 'grid', d: `M${box.left} ${at.toFixed(1)}H${box.right}`}),
        svg('text', {class: 'end', x: box.left - 7, y: at + 4}, y.labels[i]));
  });
  x.ticks.forEach((tick, i) => {
    const at = x.at(tick);
    if (at < box.left - 1 || at > box.right + 1) return;
    axes.append(
        svg('path', {class: 'tick', d: `M${at.toFixed(1)} ${box.bottom}v4`}),
        svg('text', {class: 'middle', x: at, y: box.bottom + 18}, x.labels[i]));
  });
  axes.append(
      svg('path', {class: 'base', d: `M${box.left} ${box.bottom}H${box.right}`}),
      svg('text', {class: 'middle name', x: (box.left + box.right) / 2, y: CHART_HEIGHT - 4}, chart.x));
  return axes;
}

// Its name stands at the end, and on the side, where there is most room, a line further away if need be.
function drawThreshold({threshold: {y: value, label}, lines, dots}, x, y, box) {
  const at = y.at(value), reach = label.length * 6.5 + 10;
  let best = null;
  for (const right of [true, false]) {
    for (const away of [-9, 10, -20, 21]) {
      const middle = at + away;
      if (middle < box.top + 4 || middle > box.bottom - 4) continue;
      let hits = (right ? 0 : 0.5) + (Math.abs(away) > 10 ? 0.7 : 0);
      for (const {points} of [...lines, ...dots]) {
        for (const point of points) {
          const px = x.at(point.x), near = right ? px > box.right - reach : px < box.left + reach;
          if (near && Math.abs(y.at(point.y) - middle) < 9) ++hits;
        }
      }
      if (!best || hits < best.hits) best = {hits, right, middle};
    }
  }
  const words = best &&
      svg('text', {
                  class: best.right ? 'end' : null,
                  x: best.right ? box.right - 4 : box.left + 6,
                  y: best.middle + 4,
                },
          label);
  return svg('g', {class: 'threshold'}, svg('path', {d: `M${box.left} ${at.toFixed(1)}H${box.right}`}), words);
}

// Where the pointer is, and what it says: the nearest point.
function followPointer(canvas, width, series, x, y, readout) {
  const mark = svg('circle', {class: 'mark', r: 5, visibility: 'hidden'});
  canvas.append(mark);
  const flat = series.flatMap(({label, points}, of) => points.map((point) => ({point, label, of})))
                   .sort((a, b) => a.point.x - b.point.x);
  const rest = readout.textContent;
  let current = -1;
  const show = (place) => {
    current = place;
    mark.setAttribute('visibility', place < 0 ? 'hidden' : 'visible');
    if (place < 0) {
      readout.textContent = rest;
      return;
    }
    const {point, label} = flat[place];
    dress(mark, {cx: x.at(point.x).toFixed(1), cy: y.at(point.y).toFixed(1)}, []);
    readout.replaceChildren(
        foreign(label), label ? ': ' : '', `${Number.isInteger(point.x) ? count(point.x) : short(point.x, 4)}, `,
        html('b', {}, short(point.y, 4)));
  };
  canvas.addEventListener('pointermove', (event) => {
    const box = canvas.getBoundingClientRect(), unit = width / box.width;
    const px = (event.clientX - box.left) * unit, py = (event.clientY - box.top) * unit;
    let best = -1, distance = Infinity;
    flat.forEach(({point}, i) => {
      const from = (x.at(point.x) - px) ** 2 + ((y.at(point.y) - py) * 0.5) ** 2;
      if (from < distance) [best, distance] = [i, from];
    });
    show(best);
  });
  canvas.addEventListener('pointerleave', () => show(-1));
  canvas.addEventListener('blur', () => show(-1));
  canvas.addEventListener('keydown', (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step || !flat.length) return;
    event.preventDefault();
    show(Math.max(0, Math.min(flat.length - 1, current + step)));
  });
}

function drawChart(chart, width, readout) {
  const yWanted = 5, probe = makeScale(rangeOf(chart, 'y'), chart.yLog, yWanted, 1, 0);
  const longest = Math.max(0, ...probe.labels.map((label) => label.length));
  const box = {left: 16 + longest * 6.6, right: width - 18, top: 10, bottom: CHART_HEIGHT - 42};
  const y = makeScale(rangeOf(chart, 'y'), chart.yLog, yWanted, box.bottom, box.top);
  const x = makeScale(rangeOf(chart, 'x'), chart.xLog, Math.max(3, Math.floor(width / 90)), box.left, box.right);
  const canvas =
      svg('svg', {
        class: 'plot',
        viewBox: `0 0 ${width} ${CHART_HEIGHT}`,
        role: 'img',
        tabindex: 0,
        'aria-label': `${chart.title}: ${chart.y} over ${chart.x}`,
      },
          drawAxesOf(chart, x, y, box));
  const many = chart.dots.reduce((all, {points}) => all + points.length, 0) > 500;
  const dotGroups = [];
  chart.dots.forEach(({points}, i) => {
    const group = svg('g', {class: `dots dots-${i % 3}${many ? ' many' : ''}`});
    const r = points.length === 1 ? 5 : many ? 1.7 : 3;
    for (const point of points) {
      group.append(svg('circle', {class: 'dot', cx: x.at(point.x).toFixed(1), cy: y.at(point.y).toFixed(1), r}));
    }
    dotGroups.push(group);
  });
  chart.lines.forEach((line, i) => {
    const dashes = chart.lines.length > 1 && i ? DASHES[i % DASHES.length] : null;
    canvas.append(svg('path', {class: `line line-${i % 6}`, d: linePath(line, x, y), 'stroke-dasharray': dashes}));
    if (line.step || line.points.length > 40) return;
    for (const point of line.points) {
      canvas.append(svg(
          'circle', {class: `knot line-${i % 6}`, cx: x.at(point.x).toFixed(1), cy: y.at(point.y).toFixed(1), r: 3}));
    }
  });
  canvas.append(...dotGroups);
  if (chart.threshold) canvas.append(drawThreshold(chart, x, y, box));
  followPointer(canvas, width, [...chart.lines, ...chart.dots], x, y, readout);
  return canvas;
}

function chartKeys(chart) {
  const entries = [];
  chart.lines.forEach(({label}, i) => {
    const dashes = chart.lines.length > 1 && i ? DASHES[i % DASHES.length] : null;
    entries.push(html(
        'li', {},
        svg('svg', {viewBox: '0 0 26 12', width: 26, height: 12, 'aria-hidden': 'true'},
            svg('path', {class: `line line-${i % 6}`, d: 'M1 6H25', 'stroke-dasharray': dashes})),
        foreign(label)));
  });
  chart.dots.forEach(({label, total}, i) => {
    entries.push(html(
        'li', {},
        svg('svg', {viewBox: '0 0 12 12', width: 12, height: 12, 'aria-hidden': 'true'},
            svg('g', {class: `dots dots-${i % 3}`}, svg('circle', {class: 'dot', cx: 6, cy: 6, r: 3.4}))),
        foreign(total > 1 ? `${label} (${count(total)})` : label)));
  });
  return html('ul', {class: 'chart-keys'}, ...entries);
}

function chartFigure(data, label) {
  const chart = readChart(data);
  if (!chart) return null;
  const plot = html('div', {class: 'plot-box'}), readout = html('p', {class: 'readout', role: 'status'}, ' ');
  const figure = html(
      'figure', {class: 'chart'},
      html(
          'figcaption', {}, html('h3', {}, foreign(chart.title), label ? html('span', {class: 'note'}, label) : null),
          chartKeys(chart)),
      html('div', {class: 'chart-line'}, html('p', {}, foreign(chart.y)), readout), plot);
  figure.drawNow = () => drawToWidth(plot, (width) => plot.replaceChildren(drawChart(chart, width, readout)));
  return figure;
}

function curvesSection({circuits, evaluation}) {
  const figures = [];
  for (const circuit of circuits) {
    for (const chart of circuit.charts) {
      figures.push(chartFigure(chart, circuits.length > 1 ? `${circuit.letter}: ${circuit.label}` : ''));
    }
  }
  for (const chart of evaluation ? evaluation.charts : []) figures.push(chartFigure(chart, ''));
  const drawn = figures.filter(Boolean);
  if (!drawn.length) return null;
  const element =
      section('curves', 'Curves', html('div', {class: `charts${drawn.length === 1 ? ' alone' : ''}`}, ...drawn));
  element.drawNow = () => drawn.forEach((figure) => figure.drawNow());
  return element;
}
