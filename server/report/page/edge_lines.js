// The graph's edges: as many of the strongest as are asked for, each a path.
const EDGE_LEVELS = 8;
const LEGIBLE = 120;  // edges that leave a picture clear; more are drawn fainter
const DASHES = ['8 3', '2 3', '8 3 2 3', '5 5', '12 3', '2 6'];

const UNTRIED = 'not tried: always kept';

const ownerLook = (view, edge) => (view.several ? ownerClass(view, edge.in) : `to-${INPUTS[edge.input] || 'other'}`);

function edgeClass(view, edge) {
  return ownerLook(view, edge) + (!view.several && edge.value !== null && edge.value < 0 ? ' negative' : '');
}

function edgeLevel(edge, most) {
  if (edge.value === null || !(most > 0)) return edge.value === null && most > 0 ? 0 : EDGE_LEVELS >> 1;
  return Math.round(Math.sqrt(Math.abs(edge.value) / most) * (EDGE_LEVELS - 1));
}

// `set(edges)` takes another list, `show(n)` draws its first n; `at(place)` is the path of one.
function makeEdgeLines(view, layout) {
  // A group for each width, so that thousands of paths need hardly a style of their own.
  const levels = Array.from({length: EDGE_LEVELS}, (_, level) => svg('g', {class: `level-${level}`}));
  const group = svg('g', {class: 'edges'}, ...levels);
  // Of a model of many layers the picture is made smaller: its lines must not become too thin to be seen.
  const bulk = Math.min(3, Math.max(1, layout.height / 1100));
  let edges = [], paths = [], most = 0;

  const make = (place) => {
    const edge = edges[place];
    const path = svg('path', {
      class: `edge ${edgeClass(view, edge)}`,
      d: layout.path(edge),
      'data-edge': layout.model.edgeName(edge),
    });
    const owner =
        view.several && edge.in !== view.all && (edge.in & (edge.in - 1)) === 0 ? 31 - Math.clz32(edge.in) : -1;
    if (owner >= 0) path.setAttribute('stroke-dasharray', DASHES[owner % DASHES.length]);
    path.edgePlace = place;
    return path;
  };

  const show = (wanted) => {
    // The weakest lie lowest.
    while (paths.length > wanted) paths.pop().remove();
    const added = levels.map(() => []);
    for (let place = paths.length; place < wanted && place < edges.length; ++place) {
      paths.push(make(place));
      added[edgeLevel(edges[place], most)].push(paths[place]);
    }
    added.forEach((own, level) => levels[level].prepend(...own.reverse()));
    const fade = Math.min(1, (LEGIBLE / Math.max(paths.length, 1)) ** 0.33);
    group.style.setProperty('--fade', fade.toFixed(3));
    group.style.setProperty('--thin', (Math.sqrt(fade) * bulk).toFixed(3));
  };

  return {
    group,
    show,
    set: (next) => {
      for (const level of levels) level.replaceChildren();
      edges = next;
      paths = [];
      most = edges.reduce((sofar, edge) => Math.max(sofar, edge.value === null ? 0 : Math.abs(edge.value)), 0);
    },
    shown: () => paths.length,
    at: (place) => paths[place],
    echo: (place) => svg('path', {
      class: `echo level-${edgeLevel(edges[place], most)} ${edgeClass(view, edges[place])}`,
      d: paths[place].getAttribute('d'),
      'stroke-dasharray': paths[place].getAttribute('stroke-dasharray'),
    }),
    edge: (place) => edges[place],
  };
}
