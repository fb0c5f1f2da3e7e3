// Elements, made without markup: a text of the data is only ever text.
const SVG = 'http://www.w3.org/2000/svg';

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children)
    if (child !== null && child !== undefined) element.append(child);
  return element;
}

const html = (tag, attributes = {}, ...children) => dress(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => dress(document.createElementNS(SVG, tag), attributes, children);

// Somebody's text: its letters can't reorder those around it.
const foreign = (text) => html('bdi', {}, text);

function button(id, label, title, onClick) {
  const element = html('button', {id, type: 'button', title, 'aria-label': title}, label);
  element.addEventListener('click', onClick);
  return element;
}

// A section of the page under its heading; `id` is its place in the contents, too.
function section(id, title, ...children) {
  return html('section', {id, 'aria-labelledby': `${id}-title`}, html('h2', {id: `${id}-title`}, title), ...children);
}

// A table wider than the page scrolls in a box of its own, by keyboard, too.
function tableBox(table, label) {
  return html('div', {class: 'table-box', tabindex: 0, role: 'region', 'aria-label': label}, table);
}

function select(label, options, onChange) {
  const choice = html('select', {}, ...options.map((option, i) => html('option', {value: i}, option)));
  choice.addEventListener('change', () => onChange(Number(choice.value)));
  return html('label', {class: 'choice'}, html('span', {}, label), choice);
}

// Facts, one under the other: [[name, text or element], …].
function factList(facts) {
  const list = html('dl', {class: 'facts'});
  for (const [name, value] of facts) {
    list.append(html('div', {}, html('dt', {}, name), html('dd', {}, value)));
  }
  return list;
}

// Calls `draw(width)` now that `box` is in the page, and whenever its width changes.
function drawToWidth(box, draw) {
  let drawn = 0;
  const check = () => {
    const width = Math.round(box.clientWidth) || 640;
    if (Math.abs(width - drawn) < 2) return;
    drawn = width;
    draw(width);
  };
  check();
  if (typeof ResizeObserver === 'function') new ResizeObserver(() => requestAnimationFrame(check)).observe(box);
}
