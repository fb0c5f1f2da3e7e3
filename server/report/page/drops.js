// What each circuit loses on each task without one of its parts, the most first.
const MOST_DROPS_AT_FIRST = 12;

function dropRows(cells) {
  const names = new Set(cells.flatMap((cell) => [...cell.drops.keys()]));
  const most = (name) =>
      Math.max(...cells.map((cell) => (cell.drops.get(name) || {drop: -Infinity}).drop ?? -Infinity));
  return [...names].map((name) => [name, most(name)]).sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

function dropsTable(evaluation) {
  const {circuits, tasks} = evaluation;
  const cells = evaluation.cells.filter((cell) => cell.drops.size);
  if (!cells.length) return null;
  const names = dropRows(cells);
  const largest = cells.map((cell) => Math.max(0, ...[...cell.drops.values()].map(({drop}) => drop || 0)));
  const heads = cells.map((cell) => {
    const circuit = circuits.length > 1 ? `${circuits[cell.circuit].letter}: ${circuits[cell.circuit].label}` : '';
    const task = tasks.length > 1 || !circuit ? `${circuit ? ' on ' : ''}${tasks[cell.task].label}` : '';
    return html('th', {scope: 'col', class: 'number'}, foreign(circuit + task));
  });
  const row = (name) =>
      html('tr', {}, html('th', {scope: 'row'}, name.replace('->', ' → ')), ...cells.map((cell, i) => {
        const known = cell.drops.get(name);
        if (!known) return html('td', {class: 'number'}, NONE);
        const part = known.percent === null ? '' : html('span', {class: 'note'}, ` (${percent(known.percent)})`);
        const element = html('td', {class: 'number heat'}, short(known.drop), part);
        const heat = largest[i] > 0 ? Math.max(0, known.drop || 0) / largest[i] : 0;
        element.style.setProperty('--heat', `${Math.round(heat * 100)}%`);
        return element;
      }));
  const body = html('tbody', {}, ...names.slice(0, MOST_DROPS_AT_FIRST).map(row));
  const title = `Lost without one part: ${evaluation.metric} (of the model's)`;
  const head = html('thead', {}, html('tr', {}, html('th', {scope: 'col'}, 'without'), ...heads));
  const box =
      html('div', {class: 'drops'}, html('h3', {}, title), tableBox(html('table', {id: 'drops'}, head, body), title));
  if (names.length > MOST_DROPS_AT_FIRST) {
    const more = html('button', {type: 'button'}, `Show all ${count(names.length)}`);
    more.addEventListener('click', () => {
      body.append(...names.slice(MOST_DROPS_AT_FIRST).map(row));
      more.remove();
    });
    box.append(more);
  }
  return box;
}
