// Each circuit on each task.
function transferTable(evaluation) {
  const {circuits, tasks, cells} = evaluation;
  if (circuits.length < 2 && tasks.length < 2) return null;
  const scored = cells.every((cell) => cell.faithfulness === null) && cells.some((cell) => cell.score !== null);
  const valueOf = (cell) => (scored ? cell.score : cell.faithfulness);
  const shown = (cell) => (scored ? percent(cell.score) : short(cell.faithfulness));
  const head = html(
      'tr', {}, html('th', {scope: 'col'}, 'circuit'),
      ...tasks.map((task) => html('th', {scope: 'col', class: 'number'}, 'on ', foreign(task.label))));
  const rows = circuits.map((circuit, i) => {
    const row = html(
        'tr', {}, html('th', {scope: 'row'}, circuits.length > 1 ? `${circuit.letter}: ` : '', foreign(circuit.label)));
    tasks.forEach((task, j) => {
      const cell = cells.find((entry) => entry.circuit === i && entry.task === j);
      const value = cell ? valueOf(cell) : null;
      const element = html('td', {class: 'number heat'}, cell ? shown(cell) : NONE);
      if (value !== null) {
        const part = Math.max(0, Math.min(1, scored ? value / 100 : value));
        element.style.setProperty('--heat', `${Math.round(part * 100)}%`);
      }
      row.append(element);
    });
    return row;
  });
  const title =
      scored ? 'Transfer: score of each circuit on each task' : 'Transfer: faithfulness of each circuit on each task';
  return html(
      'div', {class: 'transfer'}, html('h3', {}, title),
      tableBox(html('table', {id: 'transfer'}, html('thead', {}, head), html('tbody', {}, ...rows)), title));
}
