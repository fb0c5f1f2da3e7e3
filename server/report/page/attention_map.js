// A head's mean attention, query by query over the keys up to it.
const LABEL_SIZE = 9.5;

// Bytes of base64, or none where the text is no base64.
function bytesOf(base64) {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch (error) {
    return new Uint8Array(0);
  }
}

// Tokens begin with a space more often than not: shown, as it counts.
const tokenLabel = (token) => token.replace(/^ /, '·');
const quoted = (token) => `“${token}”`;

// {cells, at(query, key) of 0 to 1, label(cell), name(cell)}; null where the data has no such pattern.
function readPattern(set, id) {
  const head = object(object(set.heads)[id]);
  const tokens = list(set.tokens).map(text), perCell = Math.max(1, whole(set.positions_per_cell));
  const cells = Math.ceil(tokens.length / perCell);
  const bytes = typeof head.pattern === 'string' ? bytesOf(head.pattern) : [];
  if (!cells || bytes.length !== (cells * (cells + 1)) / 2) return null;
  const last = (cell) => Math.min(tokens.length, (cell + 1) * perCell) - 1;
  return {
    cells,
    perCell,
    at: (query, key) => bytes[(query * (query + 1)) / 2 + key] / 255,
    label: (cell) => tokenLabel(tokens[cell * perCell]) + (perCell > 1 ? '…' : ''),
    name: (cell) => {
      const first = cell * perCell, end = last(cell);
      return `${tokens.slice(first, end + 1).map(quoted).join('')} (${first === end ? first : `${first}–${end}`})`;
    },
  };
}

// The map, `width` pixels wide. What the pointer is at goes to `tell(query, key)`, nulls when it leaves.
function drawPattern(pattern, width, label, tell) {
  const {cells} = pattern;
  const longest = Math.max(...Array.from({length: cells}, (_, cell) => [...pattern.label(cell)].length));
  const margin = Math.min(72, Math.max(26, longest * LABEL_SIZE * 0.62 + 8));
  const size = Math.min(26, (width - margin - 4) / cells), side = size * cells;
  const every = Math.max(1, Math.ceil((LABEL_SIZE + 0.5) / size));
  const map = svg('svg', {
    class: 'attention',
    viewBox: `0 0 ${width} ${side + margin + 2}`,
    role: 'img',
    tabindex: 0,
    'aria-label': label
  });
  const fills = svg('g', {class: 'cells'}), names = svg('g', {class: 'token-labels'});
  map.append(svg('path', {class: 'ground', d: triangle(margin, size, cells)}), fills, names);
  const seam = size > 8 ? 0.5 : 0;
  for (let query = 0; query < cells; ++query) {
    for (let key = 0; key <= query; ++key) {
      const value = pattern.at(query, key);
      if (value < 0.004) continue;
      fills.append(svg('rect', {
        x: (margin + key * size).toFixed(2),
        y: (query * size).toFixed(2),
        width: (size - seam).toFixed(2),
        height: (size - seam).toFixed(2),
        'fill-opacity': (value ** 0.7).toFixed(3),
      }));
    }
    if (query % every) continue;
    const middle = (query + 0.5) * size;
    names.append(
        svg('text', {class: 'query', x: margin - 4, y: middle + 3.2, 'font-size': LABEL_SIZE}, pattern.label(query)),
        svg('text', {
          class: 'key',
          'font-size': LABEL_SIZE,
          transform: `translate(${(margin + middle + 3.2).toFixed(2)} ${(side + 5).toFixed(2)}) rotate(-90)`,
        },
            pattern.label(query)));
  }
  const cross = svg('rect', {class: 'cross', width: size, height: size, visibility: 'hidden'});
  const row = svg('rect', {class: 'lane', height: size, x: margin, visibility: 'hidden'});
  const column = svg('rect', {class: 'lane', width: size, visibility: 'hidden'});
  map.append(row, column, cross);
  const at = (query, key) => {
    const inside = query >= 0 && query < cells && key >= 0 && key <= query;
    for (const mark of [cross, row, column]) mark.setAttribute('visibility', inside ? 'visible' : 'hidden');
    tell(inside ? query : null, inside ? key : null);
    if (!inside) return;
    dress(cross, {x: margin + key * size, y: query * size}, []);
    dress(row, {y: query * size, width: (query + 1) * size}, []);
    dress(column, {x: margin + key * size, y: key * size, height: (cells - key) * size}, []);
  };
  map.addEventListener('pointermove', (event) => {
    const box = map.getBoundingClientRect(), unit = width / box.width;
    at(Math.floor(((event.clientY - box.top) * unit) / size),
       Math.floor(((event.clientX - box.left) * unit - margin) / size));
  });
  map.addEventListener('pointerleave', () => at(-1, -1));
  const keys = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  let query = cells - 1, key = cells - 1;
  map.addEventListener('keydown', (event) => {
    const step = keys[event.key];
    if (!step) return;
    event.preventDefault();
    query = Math.max(0, Math.min(cells - 1, query + step[0]));
    key = Math.max(0, Math.min(query, key + step[1]));
    at(query, key);
  });
  map.addEventListener('blur', () => at(-1, -1));
  return map;
}

// The stairs of the lower triangle.
function triangle(margin, size, cells) {
  let path = `M${margin} 0`;
  for (let cell = 0; cell < cells; ++cell) path += `h${size}v${size}`;
  return `${path}H${margin}Z`;
}
