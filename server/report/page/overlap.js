// What several circuits have in common.
function common(a, b) {
  let shared = 0;
  for (const part of a)
    if (b.has(part)) ++shared;
  const either = a.size + b.size - shared;
  return {shared, jaccard: either ? shared / either : 1};
}

// Of a circuit whose list of edges is cut short nothing can be said.
function edgeKeys(circuit, model) {
  if (!circuit.edges || circuit.edges.count > circuit.edges.edges.length) return null;
  return new Set(circuit.edges.edges.map((edge) => model.edgeName(edge)));
}

const ownCount =
    (parts, others) => [...parts].filter((part) => !others.some((other) => other && other.has(part))).length;

function overlapMatrix(circuits, sets, title) {
  const head = html(
      'tr', {}, html('th', {scope: 'col'}, title),
      ...circuits.map((circuit) => html('th', {scope: 'col', class: 'number'}, circuit.letter)));
  const rows = circuits.map(
      (circuit, i) => html(
          'tr', {}, html('th', {scope: 'row'}, `${circuit.letter}: `, foreign(circuit.label)),
          ...circuits.map((other, j) => {
            if (!sets[i] || !sets[j]) return html('td', {class: 'number'}, NONE);
            if (i === j) return html('td', {class: 'number same'}, count(sets[i].size));
            const {shared, jaccard} = common(sets[i], sets[j]);
            const cell = html(
                'td', {class: 'number heat', title: `${count(shared)} shared`}, short(jaccard, 2),
                html('span', {class: 'note'}, ` (${count(shared)})`));
            cell.style.setProperty('--heat', `${Math.round(jaccard * 100)}%`);
            return cell;
          })));
  return tableBox(html('table', {class: 'matrix'}, html('thead', {}, head), html('tbody', {}, ...rows)), title);
}

function overlapSection({circuits, model}) {
  if (circuits.length < 2) return null;
  const nodes = circuits.map((circuit) => circuit.nodes), edges = circuits.map((circuit) => edgeKeys(circuit, model));
  const without = (sets, i) => sets.filter((_, j) => j !== i);
  const inAll = (sets) =>
      (sets.every(Boolean) ? [...sets[0]].filter((part) => sets.every((set) => set.has(part))).length : null);
  const anyEdges = circuits.some((circuit) => circuit.edges);
  const head = ['circuit', 'nodes', 'in it alone', ...(anyEdges ? ['edges', 'in it alone'] : [])];
  const rows = circuits.map(
      (circuit, i) => html(
          'tr', {},
          html(
              'th', {scope: 'row'}, html('span', {class: `swatch own-${i % 6}`, 'aria-hidden': 'true'}),
              `${circuit.letter}: `, foreign(circuit.label)),
          html('td', {class: 'number'}, count(nodes[i].size)),
          html('td', {class: 'number'}, count(ownCount(nodes[i], without(nodes, i)))),
          ...(anyEdges ?
                  [
                    html('td', {class: 'number'}, circuit.edges ? count(circuit.edges.count) : NONE),
                    html('td', {class: 'number'}, edges[i] ? count(ownCount(edges[i], without(edges, i))) : NONE)
                  ] :
                  [])));
  const shared = [`All share ${plural(inAll(nodes), 'node')}`];
  if (inAll(edges) !== null) shared.push(` and ${plural(inAll(edges), 'edge')}`);
  return section(
      'overlap', 'Overlap', html('p', {}, ...shared, '.'),
      tableBox(
          html(
              'table', {},
              html(
                  'thead', {},
                  html(
                      'tr', {},
                      ...head.map((title, i) => html('th', {scope: 'col', class: i ? 'number' : null}, title)))),
              html('tbody', {}, ...rows)),
          'Sizes'),
      html('p', {class: 'note'}, 'Jaccard index of each pair, with what both have; on the diagonal, what each has.'),
      html(
          'div', {class: 'matrices'}, overlapMatrix(circuits, nodes, 'Nodes'),
          anyEdges ? overlapMatrix(circuits, edges, 'Edges') : null));
}
