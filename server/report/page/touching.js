// What the reader points at: the node, its neighbours and the edges between them stand out, the rest is dimmed.
const NEAR = [[0, 0], [3, 0], [-3, 0], [0, 3], [0, -3], [5, 5], [-5, -5], [5, -5], [-5, 5]];

// The parts: {canvas, elements, lines, front, layout, viewport, panel}. `onNode(id or null, pinned)` and `onEdge(edge)`
// tell what is touched now.
function makeTouching({canvas, elements, lines, front, layout, viewport, panel}, onNode, onEdge) {
  let pinned = null, hovered = null, focused = null, roving = null, marked = [], byNode = null, frame = 0;

  const places = (id) => {
    if (!byNode) {
      byNode = new Map();
      for (let place = 0; lines && place < lines.shown(); ++place) {
        for (const end of [lines.edge(place).from, lines.edge(place).to]) {
          if (!byNode.has(end)) byNode.set(end, []);
          byNode.get(end).push(place);
        }
      }
    }
    return byNode.get(id) || [];
  };
  const mark = (nodes, edgePlaces) => {
    for (const element of marked) element.classList.remove('touched');
    marked = [...nodes].map((id) => elements[id]);
    const echoes = document.createDocumentFragment();
    // The weakest first, as they lie. A copy stands above those that are dimmed as one.
    for (const place of [...edgePlaces].sort((a, b) => b - a)) {
      const path = lines.at(place);
      if (!path) continue;
      echoes.append(lines.echo(place));
      marked.push(path);
    }
    for (const element of marked) element.classList.add('touched');
    if (front) front.replaceChildren(echoes);
    canvas.classList.toggle('touching', marked.length > 0);
  };
  const refresh = () => {
    const id = hovered !== null ? hovered : focused !== null ? focused : pinned;
    if (id === null) {
      mark([], []);
      return;
    }
    const own = places(id), nodes = new Set([id]);
    for (const place of own) nodes.add(lines.edge(place).from).add(lines.edge(place).to);
    mark(nodes, own);
  };
  const tell = () => onNode(hovered !== null ? hovered : focused !== null ? focused : pinned, pinned);
  const pin = (id) => {
    if (pinned !== null) {
      elements[pinned].classList.remove('pinned');
      elements[pinned].setAttribute('aria-pressed', 'false');
    }
    pinned = id;
    if (id !== null) {
      elements[id].classList.add('pinned');
      elements[id].setAttribute('aria-pressed', 'true');
    }
    refresh();
    tell();
  };
  const rove = (id) => {
    if (roving !== null) elements[roving].setAttribute('tabindex', -1);
    roving = id;
    elements[id].setAttribute('tabindex', 0);
  };
  const nodeAt = (target) => {
    const element = target && target.closest ? target.closest('g.node') : null;
    return element && canvas.contains(element) ? element.nodeId : null;
  };
  // Lines are thin: what is next to the pointer counts, too.
  const edgeAt = (x, y) => {
    for (const [dx, dy] of NEAR) {
      const hit = document.elementFromPoint(x + dx, y + dy);
      if (hit && hit.edgePlace !== undefined && canvas.contains(hit)) return hit.edgePlace;
    }
    return null;
  };

  canvas.addEventListener('pointermove', (event) => {
    if (frame || canvas.classList.contains('dragging')) return;
    const {target, clientX, clientY} = event;
    frame = requestAnimationFrame(() => {
      frame = 0;
      const id = nodeAt(target);
      if (id !== null) {
        if (id === hovered) return;
        hovered = id;
        refresh();
        tell();
        return;
      }
      const left = hovered !== null;
      hovered = null;
      const place = lines ? edgeAt(clientX, clientY) : null;
      if (place !== null) {
        mark([lines.edge(place).from, lines.edge(place).to], [place]);
        onEdge(lines.edge(place));
      } else if (left || canvas.classList.contains('touching')) {
        refresh();
        if (pinned !== null || focused !== null) tell();
      }
    });
  });
  canvas.addEventListener('pointerleave', () => {
    hovered = null;
    refresh();
    if (pinned !== null || focused !== null) tell();
  });
  canvas.addEventListener('focusin', (event) => {
    const id = nodeAt(event.target);
    // A click's focus is none to follow.
    if (id === null || !event.target.matches(':focus-visible')) return;
    focused = id;
    rove(id);
    viewport.reveal(layout.place(id));
    refresh();
    tell();
  });
  canvas.addEventListener('focusout', ({relatedTarget: next}) => {
    focused = null;
    refresh();
    // Whoever goes on to the details is still to find there what was shown.
    if (nodeAt(next) === null && !panel.contains(next) && !panel.matches(':hover')) tell();
  });
  canvas.addEventListener('click', (event) => {
    if (viewport.wasDragged()) return;
    const id = nodeAt(event.target);
    if (id !== null) rove(id);
    pin(id !== null && id === pinned ? null : id);
  });
  canvas.addEventListener('keydown', (event) => {
    const id = nodeAt(event.target);
    if (event.key === 'Escape') {
      viewport.leave();
      pin(null);
    } else if (id !== null && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      pin(id === pinned ? null : id);
    } else if (id !== null && event.key.startsWith('Arrow')) {
      event.preventDefault();
      const next = neighbourInGrid(layout.model, id, event.key.slice(5));
      if (next !== null) elements[next].focus();
    }
  });
  rove(firstToFocus(elements));
  return {
    pin,
    reset: () => {
      byNode = null;
      refresh();
    },
  };
}

const firstToFocus = (elements) => Math.max(1, elements.findIndex((element) => element.matches('.in:not(.bar)')));

// Where an arrow key leads from a node; null at the rim.
function neighbourInGrid(model, id, direction) {
  const columns = model.heads + 1;
  if (model.isBar(id)) {
    if (direction === (id === 0 ? 'Up' : 'Down')) return id === 0 ? 1 : model.logits - columns;
    return null;
  }
  const column = model.column(id);
  if (direction === 'Left') return column > 0 ? id - 1 : null;
  if (direction === 'Right') return column < model.heads ? id + 1 : null;
  const next = direction === 'Up' ? id + columns : id - columns;
  return Math.max(0, Math.min(model.logits, next));
}
