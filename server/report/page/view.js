// What the graph shows: one circuit, or several over one another, with who has which node and edge.
const inputsMerged = (key) => key - (key % 4);

// A view has
//   circuits, several   what is shown
//   nodes               node -> bits of the circuits that have it
//   split, merged       edges [{from, to, input, value, untried, in}], the strongest first, those without a value last;
//                       merged: of a head's inputs as one
//   valued, score       whether edges have values, and what these are
function makeView(circuits, model) {
  const nodes = new Map();
  for (const circuit of circuits) {
    for (const id of circuit.nodes) nodes.set(id, (nodes.get(id) || 0) | (1 << circuit.place));
  }
  const withEdges = circuits.filter((circuit) => circuit.edges);
  const all = circuits.reduce((bits, circuit) => bits | (1 << circuit.place), 0);
  const scores = new Set(withEdges.map((circuit) => circuit.edges.score));
  const relative = scores.size > 1;
  const size = (a) => (a === null ? -1 : Math.abs(a));
  const key = (edge) => (edge.from * (model.logits + 1) + edge.to) * 4 + edge.input;
  const found = new Map();
  for (const circuit of withEdges) {
    const most = circuit.edges.edges.reduce((sofar, edge) => Math.max(sofar, size(edge.value)), 0);
    const scale = relative && most > 0 ? most : 1;
    const decided = circuit.decisions && circuit.decisions.ofEdges ? circuit.decisions.rows : null;
    const tried =
        new Set((decided || []).map((row) => key({from: row.sender, to: row.receiver, input: row.input || 0})));
    for (const edge of circuit.edges.edges) {
      const value = edge.value === null ? null : edge.value / scale;
      const untried = value === null && decided !== null && !tried.has(key(edge));
      const known = found.get(key(edge));
      if (!known) {
        found.set(key(edge), {...edge, value, untried, in : 1 << circuit.place});
      } else {
        known.in |= 1 << circuit.place;
        known.untried = known.untried && untried;
        if (size(value) > size(known.value)) known.value = value;
      }
    }
  }
  // A circuit of nodes has the edges between its nodes.
  for (const circuit of withEdges.length ? circuits.filter((other) => !other.edges) : []) {
    const has = (id) => model.isBar(id) || circuit.nodes.has(id);
    for (const edge of found.values())
      if (has(edge.from) && has(edge.to)) edge.in |= 1 << circuit.place;
  }
  const order = (edges) => edges.sort((a, b) => size(b.value) - size(a.value) || key(a) - key(b));
  const split = order([...found.values()]);
  const merged = new Map();
  for (const edge of split) {
    const known = merged.get(inputsMerged(key(edge)));
    if (known)
      known.in |= edge.in;
    else
      merged.set(inputsMerged(key(edge)), {...edge, input: 0});
  }
  const dropped = withEdges.length === 1 ? withEdges[0].edges.count - withEdges[0].edges.edges.length : 0;
  return {
    circuits,
    several: circuits.length > 1,
    all,
    nodes,
    split,
    merged: order([...merged.values()]),
    dropped,
    hasEdges: withEdges.length > 0,
    valued: split.some((edge) => edge.value !== null),
    score: relative ? 'score, of the largest in its circuit' : [...scores][0] || '',
  };
}

// "A C" of the circuits that these bits say.
const lettersOf = (view, bits, gap = ' ') =>
    view.circuits.filter((circuit) => bits & (1 << circuit.place)).map((circuit) => circuit.letter).join(gap);

// The class of colours: of all, of one, of some.
function ownerClass(view, bits) {
  if (!view.several || bits === view.all) return 'of-all';
  if ((bits & (bits - 1)) === 0) return `of-one own-${(31 - Math.clz32(bits)) % 6}`;
  return 'of-some';
}
