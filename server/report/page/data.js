// The data of the page, checked: what is not as it should be is left out, so that all else can rely on it.
const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => (value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {});
const text = (value) => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '');
const number = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const whole = (value) => (Number.isInteger(value) && value >= 0 ? value : 0);

const INPUTS = ['', 'q', 'k', 'v'];
const MOST_NODES = 4096;

// Names and places of a model's nodes, which the data has as numbers.
function readModel(data) {
  const model = object(data.model);
  const heads = whole(model.n_heads), layers = whole(model.n_layers);
  const sane = layers > 0 && layers * (heads + 1) <= MOST_NODES;
  const logits = sane ? 1 + layers * (heads + 1) : 0;
  const column = (id) => (id - 1) % (heads + 1);
  const layer = (id) => (id === 0 ? -1 : id === logits ? layers : Math.floor((id - 1) / (heads + 1)));
  const isBar = (id) => id === 0 || id === logits;
  const isMlp = (id) => !isBar(id) && column(id) === heads;
  const name = (id) => {
    if (id === 0) return 'embed';
    if (id === logits) return 'logits';
    return isMlp(id) ? `M${layer(id)}` : `A${layer(id)}.${column(id)}`;
  };
  return {
    name: text(model.name),
    layers: sane ? layers : 0,
    heads,
    logits,
    layer,
    column,
    isBar,
    isMlp,
    nodeName: name,
    isHead: (id) => !isBar(id) && !isMlp(id),
    has: (id) => sane && Number.isInteger(id) && id >= 0 && id <= logits,
    isPart: (id) => sane && Number.isInteger(id) && id > 0 && id < logits,
    // Whether there can be an edge: upwards only.
    joins: (from, to) => from < to && (layer(from) < layer(to) || (isMlp(to) && !isMlp(from))),
    edgeName: (edge, arrow = '->') =>
        `${name(edge.from)}${arrow}${name(edge.to)}${edge.input ? `.${INPUTS[edge.input]}` : ''}`,
  };
}

function readEdges(value, model) {
  if (value === null || value === undefined) return null;
  const data = object(value);
  const from = list(data.sender), to = list(data.receiver), input = list(data.input), values = list(data.value);
  const edges = [];
  for (let i = 0; i < Math.min(from.length, to.length); ++i) {
    if (!model.has(from[i]) || !model.has(to[i]) || !model.joins(from[i], to[i])) continue;
    const into = input[i] >= 1 && input[i] <= 3 && model.isHead(to[i]) ? Math.floor(input[i]) : 0;
    edges.push({from: from[i], to: to[i], input: into, value: number(values[i]), in : 0});
  }
  return {
    edges,
    score: text(data.score),
    total: number(data.total),
    count: Math.max(whole(data.count), edges.length),
    valued: edges.some((edge) => edge.value !== null),
  };
}

function readDecisions(value, model) {
  const data = object(value);
  const ofEdges = data.kind === 'edges';
  if (!ofEdges && data.kind !== 'nodes') return null;
  const columns = ofEdges ?
      ['index', 'sender', 'receiver', 'input', 'metric', 'criterion_value', 'removed', 'edges_kept'] :
      ['index', 'node', 'score', 'removed', 'iteration', 'backward', 'heads_kept', 'mlps_kept'];
  const part = list(data[columns[1]]), to = list(data.receiver);
  const rows = [];
  for (let i = 0; i < Math.min(list(data.index).length, part.length); ++i) {
    if (!(ofEdges ? model.has(part[i]) && model.has(to[i]) : model.isPart(part[i]))) continue;
    const row = {};
    for (const column of columns) row[column] = number(list(data[column])[i]);
    row.name = ofEdges ?
        model.edgeName({from: part[i], to: to[i], input: row.input >= 1 && row.input <= 3 ? row.input : 0}) :
        model.nodeName(part[i]);
    rows.push(row);
  }
  if (!rows.length) return null;
  return {
    ofEdges,
    rows,
    count: Math.max(whole(data.count), rows.length),
    threshold: number(data.threshold),
    criterion: text(data.criterion) || 'criterion'
  };
}

const readFacts = (value) =>
    list(value).filter((fact) => Array.isArray(fact) && fact.length >= 2).map((fact) => [text(fact[0]), text(fact[1])]);

// 0 is "A".
const letterOf = (place) => String.fromCharCode(65 + (place % 26)) + (place < 26 ? '' : Math.floor(place / 26));

function readCircuit(value, place, model) {
  const data = object(value);
  return {
    place,
    letter: letterOf(place),
    label: text(data.label) || letterOf(place),
    scoreLine: text(data.score_line),
    parameterLine: text(data.parameter_line),
    method: text(data.method),
    nodes: new Set(list(data.nodes).filter(model.isPart)),
    edges: readEdges(data.edges, model),
    decisions: readDecisions(data.decisions, model),
    charts: list(data.charts).map(object),
    heads: list(data.heads).map(object),
    facts: readFacts(data.facts),
  };
}

function readReport() {
  let data = {};
  try {
    data = object(JSON.parse(document.getElementById('report-data').textContent));
  } catch (error) {
    console.error(error);
  }
  const model = readModel(data);
  const circuits = list(data.circuits).slice(0, 16).map((circuit, i) => readCircuit(circuit, i, model));
  return {
    title: text(data.title) || 'Circuits',
    model,
    circuits: model.layers ? circuits : [],
    evaluation: readEvaluation(data.evaluation, model),
    heads: list(data.heads).map(object),
  };
}
