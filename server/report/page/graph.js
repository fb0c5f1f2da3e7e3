// The circuit's graph with its controls and, beside it, the details of what is pointed at.
function graphLabel(report, view) {
  const names = view.circuits.map((circuit) => `${circuit.label}: ${circuit.scoreLine}`).join('; ');
  return `Graph of ${view.several ? `${view.circuits.length} circuits` : 'the circuit'} in ${report.model.name}. ${
             names}. ` +
      'Arrow keys go from node to node, Enter pins one, plus and minus zoom.';
}

function zoomButtons(viewport) {
  return html(
      'div', {class: 'zoom', role: 'group', 'aria-label': 'Zoom'},
      button('zoom-in', '+', 'Zoom in', () => viewport.zoom(1.4)),
      button('zoom-out', '−', 'Zoom out', () => viewport.zoom(1 / 1.4)),
      button('zoom-fit', 'Fit', 'Show the whole graph', viewport.fit));
}

// The graph of one view, in `box`; its details go to `details`.
function drawGraph(report, view, box, details) {
  const layout = makeLayout(report.model, view.hasEdges);
  const canvas = svg('svg', {
    id: 'graph',
    class: view.hasEdges ? 'with-edges' : 'nodes-only',
    viewBox: `0 0 ${layout.width} ${layout.height}`,
    preserveAspectRatio: 'xMidYMid meet',
    role: 'group',
    tabindex: -1,
    'aria-label': graphLabel(report, view),
  });
  const strengths = strengthSteps(view, report.evaluation, report.model);
  const nodes = drawNodes(view, layout, strengths);
  const lines = view.hasEdges ? makeEdgeLines(view, layout) : null;
  const front = svg('g', {class: 'front'});
  const scene = svg('g', {}, drawAxes(layout), nodes.outside, lines && lines.group, front, nodes.inside);
  canvas.append(scene);
  // On a phone it scrolls sideways in its box rather than becoming too small to be read.
  canvas.style.minWidth = `${Math.round(Math.min(640, layout.width * 0.45))}px`;
  canvas.style.maxWidth = `${Math.round(layout.width * 1.6)}px`;
  canvas.style.aspectRatio = `${layout.width} / ${layout.height}`;
  const viewport = makeViewport(canvas, scene, layout.width, layout.height);
  const content = makeDetails(report, view, strengths, details, (id) => touching.pin(id));
  const touching = makeTouching(
      {canvas, elements: nodes.elements, lines, front, layout, viewport, panel: details}, content.showNode,
      content.showEdge);
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '=')
      viewport.zoom(1.4);
    else if (event.key === '-')
      viewport.zoom(1 / 1.4);
    else if (event.key === '0')
      viewport.fit();
  });
  const tools = html('div', {class: 'tools'});
  if (lines) {
    const controls = edgeControls(view, lines, () => touching.reset(), content.again);
    controls.start();
    content.useEdges(controls.edges);
    tools.append(controls.box);
  } else {
    const words = `${count(view.nodes.size)} of ${count(report.model.logits - 1)} heads and MLPs`;
    tools.append(html('div', {class: 'edge-controls'}, html('p', {class: 'tally'}, words)));
  }
  tools.append(zoomButtons(viewport));
  box.replaceChildren(tools, html('div', {class: 'canvas'}, canvas), makeLegend(view, strengths));
  content.overview();
}

function hasGraph({circuits, model}) {
  return circuits.length > 0 && model.layers > 0;
}

// Where circuits are compared, how each does on the others' tasks belongs to the picture.
function hasTransferBesideGraph(report) {
  return hasGraph(report) && report.circuits.length > 1 && report.evaluation !== null;
}

function graphSection(report) {
  const {circuits, model} = report;
  if (!hasGraph(report)) return null;
  const box = html('div', {class: 'graph-box'});
  const details = html('aside', {id: 'details', 'aria-label': 'Details'});
  const draw = (chosen) => drawGraph(report, makeView(chosen, model), box, details);
  const transfer = hasTransferBesideGraph(report) ? transferTable(report.evaluation) : null;
  const parts = [html('div', {class: 'graph-and-details'}, box, html('div', {class: 'beside'}, details, transfer))];
  if (circuits.length > 1) {
    const names = ['all, compared', ...circuits.map(({letter, label}) => `${letter}: ${label}`)];
    parts.unshift(select('Circuits', names, (i) => draw(i === 0 ? circuits : [circuits[i - 1]])));
  }
  draw(circuits);
  return html('section', {id: 'circuit', 'aria-label': 'Circuit'}, ...parts);
}
