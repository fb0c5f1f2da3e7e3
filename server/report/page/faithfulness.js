// How well circuits do what the model does, beside random circuits of their size.
const ROW = 46;

// As much of a text as fits a picture that can't wrap it: the title and the table have it all.
function fitted(words, width) {
  const letters = [...words], most = Math.floor(width / 7.2);
  return letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : words;
}

// Of all that the plot shows; null if it can't be drawn.
function faithfulnessScale(cells, width, left, right) {
  const values = cells
                     .flatMap(
                         ({circuit_metric, model_metric, empty_metric, random}) =>
                             [circuit_metric, model_metric, empty_metric, random && random.low, random && random.high,
                              random && random.mean])
                     .filter((value) => typeof value === 'number');
  if (!values.length) return null;
  const wanted = Math.max(3, Math.floor(width / 90));
  return makeScale([Math.min(0, ...values), Math.max(...values)], false, wanted, left, right);
}

function faithfulnessPlot(evaluation, width) {
  const {cells, circuits, tasks} = evaluation;
  const left = 12, right = width - 16, height = cells.length * ROW + 50;
  const x = faithfulnessScale(cells, width, left, right);
  const canvas = svg('svg', {
    class: 'plot faithful',
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-label': `${evaluation.metric} of circuits, the model and random circuits; the table has the numbers`
  });
  const axes = svg('g', {class: 'axes'});
  x.ticks.forEach(
      (tick, i) => axes.append(
          svg('path', {class: 'grid', d: `M${x.at(tick).toFixed(1)} 4V${height - 44}`}),
          svg('text', {
            class: i === 0               ? 'start' :
                i === x.ticks.length - 1 ? 'end' :
                                           'middle',
            x: x.at(tick) +
                (i === 0                      ? -8 :
                     i === x.ticks.length - 1 ? 8 :
                                                0),
            y: height - 26
          },
              x.labels[i])));
  axes.append(svg('text', {class: 'middle name', x: (left + right) / 2, y: height - 6}, evaluation.metric));
  canvas.append(axes);
  cells.forEach((cell, i) => {
    const y = i * ROW + 32, circuit = circuits[cell.circuit];
    const at = (value) => x.at(value).toFixed(1);
    const row = svg('g', {class: 'row'}, svg('title', {}, faithfulnessWords(evaluation, cell)));
    const name = circuits.length > 1 ? `${circuit.letter}: ${circuit.label}` : circuit.label;
    row.append(
        svg('text', {class: 'row-name', x: left, y: y - 15},
            fitted(tasks.length > 1 ? `${name} on ${tasks[cell.task].label}` : name, right - left)),
        svg('path', {class: 'rail', d: `M${left} ${y}H${right}`}));
    const {random} = cell;
    if (random && random.low !== null && random.high !== null) {
      row.append(svg('path', {class: 'interval', d: `M${at(random.low)} ${y}H${at(random.high)}`}));
      if (random.mean !== null) row.append(svg('path', {class: 'interval-mean', d: `M${at(random.mean)} ${y - 6}v12`}));
    }
    if (cell.empty_metric !== null) {
      row.append(
          svg('path', {class: 'empty', d: `M${(x.at(cell.empty_metric) - 4).toFixed(1)} ${y - 4}l8 8m0 -8l-8 8`}));
    }
    if (cell.model_metric !== null) row.append(svg('circle', {class: 'model', cx: at(cell.model_metric), cy: y, r: 6}));
    if (cell.circuit_metric !== null) {
      const own = circuits.length > 1 ? `own-${placeInPage(evaluation, cell.circuit) % 6}` : 'own-0';
      row.append(svg('circle', {class: `judged ${own}`, cx: at(cell.circuit_metric), cy: y, r: 6}));
    }
    canvas.append(row);
  });
  return canvas;
}

function faithfulnessWords({circuits, tasks, metric}, cell) {
  const {random} = cell;
  const interval = random ? `, random circuits ${short(random.low)} to ${short(random.high)}` : '';
  return `${circuits[cell.circuit].label} on ${tasks[cell.task].label}: ${metric} ${short(cell.circuit_metric)}, ` +
      `model ${short(cell.model_metric)}, empty ${short(cell.empty_metric)}${interval}`;
}

function faithfulnessKeys({cells, randomCircuits}) {
  const key = (...shapes) =>
      svg('svg', {viewBox: '0 0 30 14', width: 30, height: 14, 'aria-hidden': 'true'}, ...shapes);
  const entries = [
    ['circuit', key(svg('circle', {class: 'judged own-0', cx: 15, cy: 7, r: 5}))],
    ['model', key(svg('circle', {class: 'model', cx: 15, cy: 7, r: 5}))],
    ['all ablated', key(svg('path', {class: 'empty', d: 'M11 3l8 8m0 -8l-8 8'}))]
  ];
  if (cells.some((cell) => cell.random)) {
    const words =
        `${randomCircuits ? `${count(randomCircuits)} ` : ''}random circuits of the same size: mean, 2.5 to 97.5 %`;
    entries.push([
      words, key(svg('path', {class: 'interval', d: 'M1 7H29'}), svg('path', {class: 'interval-mean', d: 'M15 2v10'}))
    ]);
  }
  return html('ul', {class: 'chart-keys'}, ...entries.map(([words, shape]) => html('li', {}, shape, words)));
}

function faithfulnessTable(evaluation) {
  const {circuits, tasks, cells} = evaluation;
  const numbers = [
    ['circuit', (cell) => short(cell.circuit_metric), (cell) => cell.circuit_metric],
    ['model', (cell) => short(cell.model_metric), (cell) => cell.model_metric],
    ['all ablated', (cell) => short(cell.empty_metric), (cell) => cell.empty_metric],
    ['score', (cell) => percent(cell.score), (cell) => cell.score],
    ['faithfulness', (cell) => short(cell.faithfulness), (cell) => cell.faithfulness],
    ['random', (cell) => (cell.random ? short(cell.random.mean) : NONE), (cell) => cell.random],
    [
      '95 % of them', (cell) => (cell.random ? `${short(cell.random.low)} to ${short(cell.random.high)}` : NONE),
      (cell) => cell.random
    ],
    [
      'as good', (cell) => (cell.random && cell.random.asGood !== null ? percent(100 * cell.random.asGood) : NONE),
      (cell) => cell.random
    ],
    ['incompleteness', (cell) => short(cell.incompleteness), (cell) => cell.incompleteness],
    ['CPR', (cell) => short(cell.cpr), (cell) => cell.cpr],
    ['CMD', (cell) => short(cell.cmd), (cell) => cell.cmd],
  ].filter(([, , known]) => cells.some((cell) => known(cell) !== null));
  const head = html(
      'tr', {}, html('th', {scope: 'col'}, 'circuit'), html('th', {scope: 'col'}, 'task'),
      html('th', {scope: 'col', class: 'number'}, 'prompts'),
      ...numbers.map(
          ([title], i) => html('th', {scope: 'col', class: 'number'}, i === 0 ? evaluation.metric || title : title)));
  const rows = cells.map(
      (cell) => html(
          'tr', {}, html('th', {scope: 'row'}, foreign(circuits[cell.circuit].label)),
          html('td', {}, foreign(tasks[cell.task].label)),
          html('td', {class: 'number'}, count(tasks[cell.task].promptCount)),
          ...numbers.map(([, show]) => html('td', {class: 'number'}, show(cell)))));
  return html('table', {id: 'faithfulness-table'}, html('thead', {}, head), html('tbody', {}, ...rows));
}

function faithfulnessSection(report) {
  const {evaluation} = report;
  if (!evaluation) return null;
  const plot = faithfulnessScale(evaluation.cells, 640, 0, 640) ? html('div', {class: 'plot-box'}) : null;
  const better = evaluation.higherIsBetter ? 'higher is better' : 'lower is better';
  const ablation = evaluation.ablation ? `${evaluation.ablation} ablation` : '';
  const note = [evaluation.metric, better, ablation].filter(Boolean).join(' · ');
  const element = section(
      'faithfulness', 'Faithfulness', html('p', {class: 'note'}, note),
      plot ? html('figure', {class: 'panel'}, faithfulnessKeys(evaluation), plot) : null,
      tableBox(faithfulnessTable(evaluation), 'Faithfulness'),
      hasTransferBesideGraph(report) ? null : transferTable(evaluation), dropsTable(evaluation));
  if (plot) {
    element.drawNow = () => drawToWidth(plot, (width) => plot.replaceChildren(faithfulnessPlot(evaluation, width)));
  }
  return element;
}
