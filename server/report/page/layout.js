// Where nodes are: a row a layer, bottom to top, a column a head, MLPs beside them; and how edges run between them.
const BAR = 26;     // the height of embed and logits
const TURN = 26;    // of a curve out of a channel between columns, or into it
const LABELS = 58;  // "layer 11", left of the grid
const STREAM = 34;  // between heads and MLPs
const MARGIN = 14;

function makeLayout(model, withEdges) {
  const longest = model.nodeName(model.logits - 2).length;
  const width = Math.max(50, longest * 7 + 18), height = withEdges ? 24 : 30;
  const gap = withEdges ? 14 : 8;
  const few = model.layers <= 6;
  const row = withEdges ? (few ? 96 : 72) : height + 9;
  const rise = withEdges ? row / 2 : 0;  // of MLPs over the heads of their layer: all edges lead upwards
  const arcs = withEdges ? Math.min(20 + 7 * model.layers, 110) : 0;
  const left = MARGIN + LABELS;
  const headX = (head) => left + head * (width + gap);
  const mlpX = headX(model.heads) - gap + STREAM;
  const right = mlpX + width;
  const logitsY = MARGIN, top = logitsY + BAR + (withEdges ? 34 : 16);
  const bottom = top + rise + (model.layers - 1) * row + height;
  // With edges the columns' names stand below embed, out of their way.
  const embedY = bottom + (withEdges ? 34 : 30);

  const place = (id) => {
    if (id === 0) return {x: left, y: embedY, width: right - left, height: BAR};
    if (id === model.logits) return {x: left, y: logitsY, width: right - left, height: BAR};
    const y = bottom - height - model.layer(id) * row - (model.isMlp(id) ? rise : 0);
    return {x: model.isMlp(id) ? mlpX : headX(model.column(id)), y, width, height};
  };

  // A cubic curve by (dx, -dy), upright at both ends; `bow` pushes it to the right.
  const curve = (dx, dy, bow) => {
    const reach = bow ? dy / 3 : Math.max(dy * 0.45, Math.min(dy, 14));
    return `c${bow} ${- reach} ${dx + bow} ${reach - dy} ${dx} ${- dy}`;
  };
  // With split inputs q enters a head left of its middle, k there, v right of it.
  const side = (edge) => (edge.input ? edge.input - 2 : 0);

  const path = (edge) => {
    const a = place(edge.from), b = place(edge.to);
    const below = embedY, above = logitsY + BAR;
    if (edge.from === 0 && edge.to === model.logits) return `M${mlpX - STREAM / 2} ${below}V${above}`;
    const into = b.x + b.width / 2 + side(edge) * (b.width / 4);
    if (edge.from === 0) {
      const y = b.y + b.height;
      if (below - y < 2 * TURN + rise) return `M${into} ${below}V${y}`;
      const channel = b.x - gap / 3;
      return `M${channel} ${below}V${y + TURN}${curve(into - channel, TURN, 0)}`;
    }
    const x = a.x + a.width / 2 + side(edge) * 4;
    if (edge.to === model.logits) {
      if (a.y - above < 2 * TURN + rise) return `M${x} ${a.y}V${above}`;
      const channel = a.x + a.width + gap / 3;
      return `M${x} ${a.y}${curve(channel - x, TURN, 0)}V${above}`;
    }
    const layers = model.layer(edge.to) - model.layer(edge.from);
    // Around the nodes of the same column in between; MLPs' edges the further out the longer they are.
    let bow = 0;
    if (layers > 1 && a.x === b.x) {
      bow = a.x === mlpX ? ((width / 2 + Math.min(8 + 7 * layers, arcs - 8)) * 4) / 3 : ((width + gap) * 2) / 3;
    }
    return `M${x} ${a.y}${curve(into - x, a.y - b.y - b.height, bow)}`;
  };

  return {
    width: right + arcs + MARGIN,
    height: embedY + BAR + MARGIN + (withEdges ? 12 : 0),
    place,
    path,
    model,
    withEdges,
    layerY: (layer) => bottom - height / 2 - layer * row,
    headX: (head) => headX(head) + width / 2,
    mlpX: mlpX + width / 2,
    streamX: mlpX - STREAM / 2,
    columnsY: withEdges ? embedY + BAR + 16 : bottom + 16,
    labelsX: MARGIN,
    embedY,
    streamTop: logitsY + BAR,
  };
}
