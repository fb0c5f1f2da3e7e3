// The graph's nodes, the bars of embedding and logits, and the names of layers and columns.
function nodeLabel(view, id, model, {losses, words: lost, task}) {
  const bits = view.nodes.get(id) || 0;
  if (model.isBar(id)) return model.nodeName(id);
  let words = `${model.nodeName(id)}, `;
  if (view.several)
    words += bits ? `in ${lettersOf(view, bits, ' ')}` : 'in none of the circuits';
  else
    words += bits ? 'in the circuit' : 'not in the circuit';
  if (losses.has(id)) words += `, ${lost}${task ? ` on ${task}` : ''}: ${short(losses.get(id))} points`;
  return words;
}

function drawNode(view, layout, id, step, label) {
  const {model} = layout;
  const {x, y, width, height} = layout.place(id);
  const bits = view.nodes.get(id) || 0, bar = model.isBar(id), inside = bar || bits !== 0;
  const kind = bar ? 'bar' : model.isMlp(id) ? 'mlp' : 'head';
  const plain = view.several ? ownerClass(view, bits) : 'of-all sole';
  const look = bar || !inside ? '' : step !== undefined ? `strength strength-${step}` : plain;
  const letters = !bar && view.several && bits && bits !== view.all ? lettersOf(view, bits) : '';
  const group = svg('g', {
    class: `node ${kind} ${inside ? 'in' : 'out'} ${look}`,
    'data-node': model.nodeName(id),
    transform: `translate(${x} ${y})`,
    tabindex: -1,
    role: 'button',
    'aria-label': label,
    'aria-pressed': 'false',
    'data-circuits': view.several && !bar ? lettersOf(view, bits, '') : null,
  });
  const radius = kind === 'head' ? height / 2 : 5;
  group.append(
      svg('rect', {class: 'ring', x: -3, y: -3, width: width + 6, height: height + 6, rx: radius + 3}),
      svg('rect', {class: 'box', width, height, rx: radius}),
      svg('text', {x: width / 2, y: height / 2 + (letters ? -0.5 : 4)}, model.nodeName(id)));
  if (letters) {
    const size = Math.max(4, Math.min(8, (width * 1.5) / letters.length));
    group.append(svg('text', {class: 'letters', x: width / 2, y: height / 2 + 9, 'font-size': size}, letters));
  }
  return group;
}

function drawAxes(layout) {
  const {model} = layout;
  const axes = svg('g', {class: 'axes', 'aria-hidden': 'true'});
  for (let layer = 0; layer < model.layers; ++layer) {
    axes.append(svg('text', {x: layout.labelsX, y: layout.layerY(layer) + 4}, `layer ${layer}`));
  }
  for (let head = 0; head < model.heads; ++head) {
    axes.append(svg('text', {class: 'middle', x: layout.headX(head), y: layout.columnsY}, `head ${head}`));
  }
  axes.append(svg('text', {class: 'middle', x: layout.mlpX, y: layout.columnsY}, 'MLP'));
  if (!layout.withEdges) {
    const x = layout.streamX, tip = layout.streamTop + 2;
    axes.append(
        svg('path', {class: 'stream', d: `M${x} ${layout.embedY}V${tip + 7}`}),
        svg('path', {class: 'stream-tip', d: `M${x} ${tip}l-5 9h10z`}));
  }
  return axes;
}

// Groups of the nodes outside and inside, and each node's element by its number; `strengths` are strengthSteps'.
function drawNodes(view, layout, strengths) {
  const {model} = layout;
  const outside = svg('g', {class: 'outside'}), inside = svg('g', {class: 'inside'});
  const elements = [];
  for (let id = 0; id <= model.logits; ++id) {
    const label = nodeLabel(view, id, model, strengths);
    const element = drawNode(view, layout, id, strengths.steps.get(id), label);
    element.nodeId = id;
    elements.push(element);
    (element.classList.contains('out') ? outside : inside).append(element);
  }
  return {outside, inside, elements};
}
