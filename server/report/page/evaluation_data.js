// The evaluation in the data, checked as the rest is.
function readDrops(value, model) {
  const data = object(value);
  const from = list(data.sender), to = list(data.receiver), input = list(data.input);
  const drops = new Map();  // by name
  for (let i = 0; i < from.length; ++i) {
    const ofNode = !Number.isInteger(to[i]);
    if (ofNode ? !model.isPart(from[i]) : !model.has(from[i]) || !model.has(to[i])) continue;
    const into = input[i] >= 1 && input[i] <= 3 ? Math.floor(input[i]) : 0;
    const name = ofNode ? model.nodeName(from[i]) : model.edgeName({from: from[i], to: to[i], input: into});
    drops.set(name, {drop: number(list(data.drop)[i]), percent: number(list(data.percent)[i])});
  }
  return drops;
}

function readRandom(value) {
  if (value === null || value === undefined) return null;
  const data = object(value);
  return {mean: number(data.mean), low: number(data.low), high: number(data.high), asGood: number(data.as_good)};
}

function readEvaluation(value, model) {
  const data = object(value);
  const circuits = list(data.circuits).map((label, i) => ({label: text(label) || letterOf(i), letter: letterOf(i)}));
  const tasks = list(data.tasks).map(object).map((task, i) => ({
                                                   label: text(task.label) || `task ${i + 1}`,
                                                   promptCount: number(task.prompt_count),
                                                 }));
  const cells = [];
  for (const entry of list(data.cells)) {
    const cell = object(entry);
    if (!circuits[cell.circuit] || !tasks[cell.task]) continue;
    const numbers = {};
    for (const key
             of ['circuit_metric', 'model_metric', 'empty_metric', 'score', 'faithfulness', 'incompleteness', 'cpr',
                 'cmd']) {
      numbers[key] = number(cell[key]);
    }
    cells.push({
      circuit: cell.circuit,
      task: cell.task,
      ...numbers,
      random: readRandom(cell.random),
      drops: readDrops(cell.drops, model)
    });
  }
  if (!cells.length) return null;
  return {
    metric: text(data.metric),
    ablation: text(data.ablation),
    higherIsBetter: data.higher_is_better !== false,
    randomCircuits: number(data.random_circuits),
    circuits,
    tasks,
    cells,
    shown: list(data.shown),
    charts: list(data.charts).map(object),
    facts: readFacts(data.facts),
  };
}

// The cells that judge circuit `place` of the page.
const cellsOf = (evaluation, place) =>
    evaluation ? evaluation.cells.filter((cell) => evaluation.shown[cell.circuit] === place) : [];

// Where in the palette of circuits one of the evaluation's is: as on the rest of the page where it is shown there.
function placeInPage(evaluation, circuit) {
  const place = evaluation.shown[circuit];
  return Number.isInteger(place) && place >= 0 ? place : circuit;
}
