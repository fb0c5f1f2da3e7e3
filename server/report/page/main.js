// The page: its head, and the sections that there is data for.
function pageHead(report, sections) {
  const {circuits, model} = report;
  const lines = circuits.map((circuit) => {
    const name = circuits.length > 1 ?
        html(
            'b', {}, html('span', {class: `swatch own-${circuit.place % 6}`, 'aria-hidden': 'true'}),
            `${circuit.letter}: `, foreign(circuit.label), ' ') :
        null;
    const words = [circuit.scoreLine, circuit.parameterLine].filter(Boolean);
    return html('p', {class: 'summary'}, name, ...words.map((line, i) => html('bdi', {class: i ? 'quiet' : ''}, line)));
  });
  const contents = html(
      'nav', {'aria-label': 'Contents'},
      ...sections.map(
          (part) => html(
              'a', {href: `#${part.id}`}, part.id === 'circuit' ? 'Circuit' : part.querySelector('h2').textContent)));
  const size = model.layers ? `${plural(model.layers, 'layer')} of ${plural(model.heads, 'head')}` : '';
  return html(
      'header', {id: 'head'}, html('div', {class: 'title'}, html('h1', {}, foreign(report.title)), themeButton()),
      html('p', {class: 'model'}, foreign(model.name), model.name && size ? ' · ' : '', size), ...lines,
      sections.length > 1 ? contents : null);
}

// One section that can't be made must not take the others with it.
function attempt(make) {
  try {
    return make();
  } catch (error) {
    console.error(error);
    return null;
  }
}

const report = readReport();
const root = document.getElementById('report');
const sections = [graphSection, faithfulnessSection, overlapSection, curvesSection, decisionsSection, provenanceSection]
                     .map((make) => attempt(() => make(report)))
                     .filter(Boolean);
root.append(pageHead(report, sections), ...sections);
for (const part of sections)
  if (part.drawNow) attempt(part.drawNow);
