// What a head looks at and what it writes, on one of the sets of prompts.
function enlarge(pattern, title) {
  const readout = html('p', {class: 'readout', role: 'status'}, ' ');
  const dialog = html('dialog', {class: 'enlarged', 'aria-label': title});
  const close = html('button', {type: 'button'}, 'Close');
  const width = Math.min(860, window.innerWidth - 60, window.innerHeight - 110);
  dialog.append(
      html('header', {}, html('h3', {}, title), close),
      drawPattern(pattern, Math.max(width, 280), title, tellAttention(pattern, readout)), readout);
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// Says in `readout` what a cell is.
function tellAttention(pattern, readout) {
  const rest = 'Rows are queries, columns keys.';
  readout.textContent = rest;
  return (query, key) => {
    if (query === null) {
      readout.textContent = rest;
      return;
    }
    readout.replaceChildren(
        'query ', foreign(pattern.name(query)), ' → key ', foreign(pattern.name(key)), ': ',
        html('b', {}, short(pattern.at(query, key), 2)));
  };
}

function patternBox(set, id, name) {
  const pattern = readPattern(set, id);
  if (!pattern) return null;
  const title = `Mean attention of ${name}`;
  const readout = html('p', {class: 'readout', role: 'status'});
  const map =
      drawPattern(pattern, 330, `${title}, ${pattern.cells} by ${pattern.cells}`, tellAttention(pattern, readout));
  const larger =
      html('button', {type: 'button', class: 'larger', 'aria-label': 'Enlarge the attention map'}, 'Enlarge');
  const open = () => (typeof HTMLDialogElement === 'function' ? enlarge(pattern, title) : null);
  larger.addEventListener('click', open);
  map.addEventListener('dblclick', open);
  const prompts = number(set.prompt_count);
  const note = `mean of ${plural(prompts === null ? 0 : prompts, 'prompt')}` +
      (pattern.perCell > 1 ? `; a cell: the largest of ${pattern.perCell} × ${pattern.perCell}` : '');
  return html(
      'div', {class: 'pattern'}, html('div', {class: 'pattern-head'}, html('h4', {}, 'Attention'), larger), map,
      html(
          'div', {class: 'map-scale'}, '0', html('span', {class: 'ramp-bar', 'aria-hidden': 'true'}), '1',
          html('span', {}, prompts === null ? '' : ` · ${note}`)),
      readout);
}

function writesBox(set, id) {
  const tokens = list(set.tokens).map(text);
  const rows = [];
  for (const entry of list(object(object(set.heads)[id]).writes)) {
    if (!Array.isArray(entry) || !Array.isArray(entry[1])) continue;
    const position = whole(entry[0]);
    const chips = html('span', {class: 'tokens'});
    for (const token of entry[1]) chips.append(html('bdi', {class: 'token'}, quoted(text(token))), ' ');
    rows.push(html(
        'li', {}, 'reading ', html('bdi', {class: 'token read'}, quoted(text(tokens[position]))),
        html('span', {class: 'note'}, ` at ${position}`), ' it writes ', chips));
  }
  return rows.length ? html('div', {class: 'writes'}, html('h4', {}, 'Writes'), html('ul', {}, ...rows)) : null;
}

function headDetails(sets, place, id, name, onSet) {
  const {set} = sets[Math.min(place, sets.length - 1)];
  const box = html('div', {class: 'head-details'});
  if (sets.length > 1) {
    const choice = select('Prompts', sets.map((entry, i) => entry.label || `set ${i + 1}`), onSet);
    choice.querySelector('select').value = place;
    box.append(choice);
  }
  const parts = [patternBox(set, id, name), writesBox(set, id)].filter(Boolean);
  if (!parts.length) parts.push(html('p', {class: 'note'}, 'Its attention was not looked at on these prompts.'));
  box.append(...parts);
  return box;
}
