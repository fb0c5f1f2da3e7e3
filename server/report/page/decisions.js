// The log of decisions: sortable, a page at a time, filtered by name.
const ROWS_A_PAGE = 100;

const outcome = (row) => html('span', {class: row.removed ? 'leaves' : 'stays'}, row.removed ? 'leaves' : 'stays');

// [title, key to sort by, what a cell shows, whether it is a number].
function decisionColumns({ofEdges, criterion}) {
  const figure = (title, key) => [title, key, (row) => short(row[key]), true];
  const whole = (title, key) => [title, key, (row) => count(row[key]), true];
  const removed = ['decision', 'removed', outcome, false];
  if (ofEdges) {
    return [
      whole('#', 'index'), ['edge', 'name', (row) => row.name.replace('->', ' → '), false], removed,
      figure(criterion, 'criterion_value'), figure('metric', 'metric'), whole('edges kept', 'edges_kept')
    ];
  }
  return [
    whole('#', 'index'), ['node', 'name', (row) => row.name, false], removed,
    ['score without it', 'score', (row) => percent(row.score), true], whole('iteration', 'iteration'),
    ['direction', 'backward', (row) => (row.backward ? 'backward' : 'forward'), false],
    whole('heads kept', 'heads_kept'), whole('MLPs kept', 'mlps_kept')
  ];
}

const naturally = new Intl.Collator('en', {numeric: true});

// Sorted anew; what has no value comes last, whichever way.
function sortedRows(rows, key, down) {
  const compare = key === 'name' ? (a, b) => naturally.compare(a.name, b.name) : (a, b) => a[key] - b[key];
  const known = rows.filter((row) => row[key] !== null), unknown = rows.filter((row) => row[key] === null);
  known.sort((a, b) => (down ? -1 : 1) * compare(a, b) || a.index - b.index);
  return known.concat(unknown);
}

function decisionTable(decisions, label) {
  const columns = decisionColumns(decisions);
  let key = 'index', down = false, words = '', first = 0, rows = decisions.rows;
  const heads = columns.map(([title, of, , isNumber]) => {
    const sort = html('button', {type: 'button'}, title, html('span', {class: 'arrow', 'aria-hidden': 'true'}));
    const head = html('th', {scope: 'col', class: isNumber ? 'number' : null, 'aria-sort': 'none'}, sort);
    sort.addEventListener('click', () => {
      [key, down] = [of, key === of ? !down : false];
      update();
    });
    return head;
  });
  const body = html('tbody');
  const table = html('table', {}, html('thead', {}, html('tr', {}, ...heads)), body);
  const place = html('output', {id: 'decisions-page'});
  const filter = html(
      'input', {id: 'decisions-filter', type: 'search', placeholder: 'A3.7', spellcheck: 'false', autocomplete: 'off'});
  const turn = (by) => () => {
    first += by * ROWS_A_PAGE;
    show();
  };
  const previous = button('decisions-previous', '‹', 'Previous page', turn(-1));
  const next = button('decisions-next', '›', 'Next page', turn(1));

  const show = () => {
    first = Math.max(0, Math.min(first, Math.floor(Math.max(rows.length - 1, 0) / ROWS_A_PAGE) * ROWS_A_PAGE));
    const shown = rows.slice(first, first + ROWS_A_PAGE);
    body.replaceChildren(...shown.map(
        (row) => html(
            'tr', {},
            ...columns.map(([, , cell, isNumber]) => html('td', {class: isNumber ? 'number' : null}, cell(row))))));
    place.textContent =
        rows.length ? `${count(first + 1)}-${count(first + shown.length)} of ${count(rows.length)}` : 'none';
    previous.disabled = first === 0;
    next.disabled = first + ROWS_A_PAGE >= rows.length;
    columns.forEach(
        ([, of], i) => heads[i].setAttribute(
            'aria-sort',
            of !== key ? 'none' :
                down   ? 'descending' :
                         'ascending'));
  };
  const update = () => {
    const matching = words ? decisions.rows.filter((row) => row.name.toLowerCase().includes(words)) : decisions.rows;
    rows = sortedRows(matching, key, down);
    first = 0;
    show();
  };
  filter.addEventListener('input', () => {
    words = filter.value.trim().toLowerCase().replace(/\s*(→|->)\s*/g, '->');
    update();
  });
  show();
  const left = decisions.count - decisions.rows.length;
  return html(
      'div', {},
      html(
          'div', {class: 'table-tools'}, html('label', {class: 'choice'}, html('span', {}, 'Filter by name'), filter),
          html('div', {class: 'pages'}, previous, place, next)),
      tableBox(table, label),
      left > 0 ? html('p', {class: 'note'}, `${plural(left, 'more decision')} of what left are in decisions.jsonl.`) :
                 null);
}

function decisionsSection({circuits}) {
  const logged = circuits.filter((circuit) => circuit.decisions);
  if (!logged.length) return null;
  const box = html('div');
  const show = (i) => box.replaceChildren(decisionTable(logged[i].decisions, `Decisions, ${logged[i].label}`));
  show(0);
  const names = logged.map(({letter, label}) => `${letter}: ${label}`);
  return section('decisions', 'Decisions', logged.length > 1 ? select('Circuit', names, show) : null, box);
}
