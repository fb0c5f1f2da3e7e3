// What the graph's shapes, colours and lines mean.
function legendNode(kind, look, inside = true) {
  return svg(
      'svg', {class: 'key', viewBox: '0 0 30 16', width: 30, height: 16, 'aria-hidden': 'true'},
      svg('g', {class: `key-node ${kind} ${inside ? 'in' : 'out'} ${look}`},
          svg('rect', {class: 'box', x: 1, y: 1, width: 28, height: 14, rx: kind === 'head' ? 7 : 4})));
}

function legendLine(look, dashes = null, level = 5) {
  return svg(
      'svg', {class: 'key', viewBox: '0 0 30 16', width: 30, height: 16, 'aria-hidden': 'true'},
      svg('path', {class: `edge-key level-${level} ${look}`, d: 'M1 8H29', 'stroke-dasharray': dashes}));
}

const legendEntry = (words, ...keys) => html('li', {}, html('span', {class: 'keys'}, ...keys), html('span', {}, words));

function nodeEntries(view, {steps, bounds, words, task}) {
  const entries = [];
  if (bounds.length) {
    const ramp = html('span', {class: 'keys ramp'});
    for (let step = 0; step < STRENGTH_STEPS; ++step) ramp.append(legendNode('head', `strength strength-${step}`));
    const range = `: 0 to ${short(bounds[STRENGTH_STEPS], 2)} points`;
    entries.push(html('li', {}, ramp, html('span', {}, words, task ? ' on ' : '', task ? foreign(task) : '', range)));
  }
  if (!view.several) {
    const look = bounds.length ? `strength strength-${STRENGTH_STEPS - 2}` : 'of-all sole';
    entries.push(
        legendEntry('head in the circuit', legendNode('head', look)),
        legendEntry('MLP in the circuit', legendNode('mlp', look)),
        legendEntry('not in the circuit', legendNode('head', '', false)));
    if (bounds.length && [...view.nodes.keys()].some((id) => !steps.has(id))) {
      const plain = ['head', 'mlp'].map((kind) => legendNode(kind, 'of-all sole'));
      entries.push(legendEntry('in the circuit; the loss is not known', ...plain));
    }
    return entries;
  }
  const both =
      (look,
       dashes) => [legendNode('head', look), legendNode('mlp', look), view.hasEdges ? legendLine(look, dashes) : null];
  entries.push(legendEntry('in all circuits', ...both('of-all', null)));
  if (view.circuits.length > 2) entries.push(legendEntry('in some, as its letters say', ...both('of-some', null)));
  for (const {place, letter, label} of view.circuits) {
    const words = html('span', {}, `${letter}: only in `, foreign(label));
    entries.push(legendEntry(words, ...both(`of-one own-${place % 6}`, DASHES[place % DASHES.length])));
  }
  entries.push(legendEntry('in none', legendNode('head', '', false)));
  return entries;
}

function edgeEntries(view) {
  const entries = [];
  if (!view.several) {
    if (view.split.some((edge) => edge.input)) {
      entries.push(
          legendEntry('into q (left)', legendLine('to-q')), legendEntry('into k (middle)', legendLine('to-k')),
          legendEntry('into v (right)', legendLine('to-v')));
    }
    entries.push(legendEntry('into an MLP, the logits or a head as a whole', legendLine('to-other')));
    if (view.split.some((edge) => edge.value !== null && edge.value < 0)) {
      entries.push(legendEntry('value below 0', legendLine('to-other negative')));
    }
  }
  if (view.valued) {
    const look = view.several ? 'of-all' : 'to-other';
    const words = `the wider and darker, the larger the value${view.score ? ` (${view.score})` : ''}, sign aside`;
    entries.push(legendEntry(words, legendLine(look, null, 1), legendLine(look, null, 7)));
    if (view.split.some((edge) => edge.untried)) entries.push(legendEntry(UNTRIED, legendLine(look, null, 0)));
  }
  return entries;
}

function makeLegend(view, strengths) {
  return html(
      'ul', {class: 'legend', 'aria-label': 'Legend'}, ...nodeEntries(view, strengths),
      ...(view.hasEdges ? edgeEntries(view) : []));
}
