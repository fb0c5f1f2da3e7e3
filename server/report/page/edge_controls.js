// How many edges are drawn, and whether a head's inputs are apart.
const MOST_AT_FIRST = 2000;
const SLIDER_STEPS = 1000;

// To the left all edges, to the right only the strongest: by the logarithm of the rank, so that each stretch of the
// slider takes away an equal share.
const shownAt = (position, total) => Math.max(1, Math.round(total ** (1 - position / SLIDER_STEPS)));
const valuedOf = (edges) => edges.filter((edge) => edge.value !== null).length;
const positionOf = (shown, total) =>
    total > 1 ? Math.round(SLIDER_STEPS * (1 - Math.log(Math.max(shown, 1)) / Math.log(total))) : 0;

// `onChange()` is called once other edges are drawn, `onMerge()` once inputs are merged or apart.
function edgeControls(view, lines, onChange, onMerge) {
  let edges = view.split, shown = 0, frame = 0;
  const tally = html('p', {id: 'graph-count', role: 'status'});
  const merge = html('input', {id: 'merge-inputs', type: 'checkbox'});
  const slider = html('input', {
    id: 'threshold',
    type: 'range',
    min: 0,
    max: SLIDER_STEPS,
    step: 1,
    'aria-label': 'Least size of a drawn edge',
  });
  const output = html('output', {
    id: 'threshold-value', for: 'threshold'
  });
  const least = html('p', {class: 'threshold-text'}, html('span', {}, '|value| ≥ '), output);
  const all = html('button', {type: 'button', id: 'draw-all'}, 'Draw all');

  const show = (wanted) => {
    // What has no value is drawn with all others only: none of these is stronger than another.
    const valued = valuedOf(edges);
    shown = wanted >= edges.length ? edges.length : valued ? Math.min(wanted, valued) : wanted;
    lines.show(shown);
    const total = edges.length + (edges === view.split ? view.dropped : 0);
    tally.textContent = `${count(shown)} of ${count(total)} ${total === 1 ? 'edge' : 'edges'}`;
    const weakest = shown ? edges[shown - 1].value : null;
    output.textContent = weakest !== null ? short(Math.abs(weakest)) : shown === total ? 'all' : '';
    least.firstChild.hidden = weakest === null;
    slider.setAttribute('aria-valuetext', `${output.textContent}, ${tally.textContent}`);
    all.hidden = shown === edges.length;
    onChange();
  };
  const start = (wanted) => {
    lines.set(edges);
    show(wanted);
    slider.value = shown === edges.length ? 0 : Math.max(1, positionOf(shown, valuedOf(edges)));
  };
  slider.addEventListener('input', () => {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      const position = Number(slider.value);
      show(position === 0 ? edges.length : shownAt(position, valuedOf(edges)));
    });
  });
  merge.addEventListener('change', () => {
    const weakest = shown && edges[shown - 1].value !== null ? Math.abs(edges[shown - 1].value) : null;
    const complete = shown === edges.length;
    edges = merge.checked ? view.merged : view.split;
    const strong = edges.findIndex((edge) => weakest !== null && Math.abs(edge.value) < weakest);
    onMerge();
    start(complete || strong < 0 ? Math.min(edges.length, Math.max(shown, MOST_AT_FIRST)) : strong);
  });
  all.addEventListener('click', () => start(edges.length));

  const box = html('div', {class: 'edge-controls'}, tally);
  if (view.valued) {
    box.append(
        html('label', {class: 'slider'}, html('span', {}, 'weaker'), slider, html('span', {}, 'stronger')), least);
  } else {
    box.append(all);
  }
  box.append(html('label', {class: 'switch'}, merge, html('span', {}, 'merge q, k, v')));
  return {box, start: () => start(MOST_AT_FIRST), edges: () => edges};
}
