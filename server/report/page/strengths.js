// How much each node of a node circuit is worth: what the circuit loses without it.
const STRENGTH_STEPS = 5;

// node -> {score, loss} as the last decision of each has it; `score` is null where only an evaluation knows the loss.
function nodeStrengths(circuit, evaluation, model) {
  const known = new Map();
  const decisions = circuit.decisions;
  if (decisions && !decisions.ofEdges) {
    const rows = [...decisions.rows].sort((a, b) => a.index - b.index);
    let now = 100;  // of the whole model
    for (const row of rows)
      if (row.removed && row.score !== null) now = row.score;
    for (const row of rows) {
      known.set(row.node, {score: row.score, loss: row.score === null ? null : now - row.score, row});
    }
  }
  if (!circuit.edges && !known.size) {
    const cell = cellsOf(evaluation, circuit.place).find((entry) => entry.drops.size);
    for (const id of cell ? circuit.nodes : []) {
      const drop = cell.drops.get(model.nodeName(id));
      if (drop) known.set(id, {score: null, loss: drop.percent, row: null});
    }
  }
  return known;
}

// node -> 0 (next to nothing) to STRENGTH_STEPS - 1 (the most) for a node circuit's picture; empty if nothing is known.
function strengthSteps(view, evaluation, model) {
  const steps = new Map();
  if (view.several || view.hasEdges || !view.circuits.length) return {steps, bounds: []};
  const losses = new Map();
  const circuit = view.circuits[0];
  for (const [id, {loss}] of nodeStrengths(circuit, evaluation, model)) {
    if (circuit.nodes.has(id) && loss !== null) losses.set(id, Math.max(loss, 0));
  }
  const most = Math.max(0, ...losses.values());
  if (!(most > 0)) return {steps, bounds: []};
  // By roots, so that one node that is worth all doesn't make the others look the same.
  for (const [id, loss] of losses) {
    steps.set(id, Math.min(STRENGTH_STEPS - 1, Math.floor(Math.sqrt(loss / most) * STRENGTH_STEPS)));
  }
  const bounds = Array.from({length: STRENGTH_STEPS + 1}, (_, i) => most * (i / STRENGTH_STEPS) ** 2);
  return {steps, bounds};
}
