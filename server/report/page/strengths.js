// How much each node of a node circuit is worth: what the circuit loses without it.
const STRENGTH_STEPS = 5;

// node -> {row, loss}: its last decision, and the circuit's score just before that less the score without the node.
function lastTried({decisions}) {
  const tried = new Map();
  if (!decisions || decisions.ofEdges) return tried;
  let now = 100, next = 0;  // the circuit's score: at first of the whole model; null where it isn't known
  for (const row of [...decisions.rows].sort((a, b) => a.index - b.index)) {
    // Of a long log decisions that left are missing.
    if (row.index !== next) now = null;
    next = row.index + 1;
    tried.set(row.node, {row, loss: now === null || row.score === null ? null : now - row.score});
    if (row.removed) now = row.score;
  }
  return tried;
}

// {words, task, losses: node -> percent of the model's}: what an evaluation says is lost without it, on the circuit's
// own task if that is among those, or else what was lost when it was last tried. `task` is '' then.
function nodeLosses(circuit, evaluation, model) {
  const losses = new Map();
  if (circuit.edges) return {words: '', task: '', losses};
  const judged =
      cellsOf(evaluation, circuit.place).filter(({drops}) => [...drops.values()].some(({percent:
                                                                                            part}) => part !== null));
  const taskOf = (cell) => evaluation.tasks[cell.task].label;
  const cell = judged.find((entry) => taskOf(entry) === circuit.label) || judged[0];
  for (const id of cell ? circuit.nodes : []) {
    const drop = cell.drops.get(model.nodeName(id));
    if (drop && drop.percent !== null) losses.set(id, drop.percent);
  }
  if (losses.size) return {words: 'lost without it', task: taskOf(cell), losses};
  for (const [id, {loss}] of lastTried(circuit))
    if (loss !== null && circuit.nodes.has(id)) losses.set(id, loss);
  return {words: 'lost when last tried without it', task: '', losses};
}

// `losses` as steps: node -> 0 (next to nothing) to STRENGTH_STEPS - 1 (the most) for a node circuit's picture; empty
// if nothing is known.
function strengthSteps(view, evaluation, model) {
  const steps = new Map();
  const none = {steps, bounds: [], losses: new Map(), words: '', task: ''};
  if (view.several || view.hasEdges || !view.circuits.length) return none;
  const {words, task, losses} = nodeLosses(view.circuits[0], evaluation, model);
  const most = Math.max(0, ...losses.values());
  if (!(most > 0)) return {...none, losses, words, task};
  // By roots, so that one node that is worth all doesn't make the others look the same.
  for (const [id, loss] of losses) {
    steps.set(id, Math.min(STRENGTH_STEPS - 1, Math.floor(Math.sqrt(Math.max(loss, 0) / most) * STRENGTH_STEPS)));
  }
  const bounds = Array.from({length: STRENGTH_STEPS + 1}, (_, i) => most * (i / STRENGTH_STEPS) ** 2);
  return {steps, bounds, losses, words, task};
}
