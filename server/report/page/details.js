// The panel beside the graph: numbers of a node or an edge, its strongest edges, what a head looks at and writes.
const MOST_EDGES_LISTED = 5;
const MOST_NODES_LISTED = 8;

// All sets of prompts that heads were looked at on: [{label, set}, …].
function promptSets(report, view) {
  const sets = [];
  for (const circuit of view.circuits) {
    for (const set of circuit.heads) sets.push({label: text(set.label) || circuit.label, of: circuit.letter, set});
  }
  for (const set of report.heads) sets.push({label: text(set.label), of: '', set});
  const seen = new Map();
  for (const entry of sets) seen.set(entry.label, (seen.get(entry.label) || 0) + 1);
  return sets.map(({label, of, set}) => ({label: seen.get(label) > 1 && of ? `${label} (${of})` : label, set}));
}

function barList(title, entries) {
  if (!entries.length) return null;
  const most = Math.max(...entries.map((entry) => Math.abs(entry.value === null ? 0 : entry.value))) || 1;
  const rows = entries.map(({name, value, look, onClick}) => {
    const bar = html('span', {class: `bar ${look}${value < 0 ? ' negative' : ''}`});
    bar.style.width = `${Math.max(2, (Math.abs(value === null ? 0 : value) / most) * 100).toFixed(1)}%`;
    const label = onClick ? html('button', {type: 'button', class: 'link'}, name) : html('span', {}, name);
    if (onClick) label.addEventListener('click', onClick);
    return html('li', {}, label, html('span', {class: 'track'}, bar), html('span', {class: 'value'}, short(value)));
  });
  return html('div', {class: 'bars'}, html('h4', {}, title), html('ol', {}, ...rows));
}

function makeDetails(report, view, strengths, panel, pinNode) {
  const {model, evaluation} = report;
  const sets = promptSets(report, view);
  let setPlace = 0, shownNode = null, edges = () => view.split;
  const tried = view.circuits.map(lastTried);
  const tag = (circuit) => (view.several ? ` (${circuit.letter})` : '');

  const membership = (bits) => {
    if (!view.several) return bits ? 'in the circuit' : 'not in the circuit';
    return bits ? `in ${lettersOf(view, bits, ', ')}` : 'in none';
  };
  const heading = (name, bits, bar) => html(
      'header', {}, html('h3', {}, name),
      bar ? null : html('span', {class: `badge ${bits ? ownerClass(view, bits) : 'of-none'}`}, membership(bits)));

  const decisionFacts = (id) => {
    const facts = [];
    view.circuits.forEach((circuit, i) => {
      const known = tried[i].get(id);
      if (!known) return;
      const {row: {score, index}, loss} = known;
      if (circuit.nodes.has(id)) {
        const change = loss === null ? '' : ` (${signed(-loss)})`;
        facts.push([`score when last tried without it${tag(circuit)}`, `${percent(score)}${change}`]);
      } else {
        facts.push([`left${tag(circuit)}`, `decision ${count(index)}, score ${percent(score)}`]);
      }
    });
    return facts;
  };
  const dropFacts = (name) => {
    const facts = [];
    for (const circuit of view.circuits) {
      for (const cell of cellsOf(evaluation, circuit.place)) {
        const drop = cell.drops.get(name);
        if (!drop) continue;
        const task = evaluation.tasks.length > 1 ? ` on ${evaluation.tasks[cell.task].label}` : '';
        const part = drop.percent === null ? '' : ` (${percent(drop.percent)})`;
        facts.push([html('span', {}, 'lost without it', foreign(task), tag(circuit)), `${short(drop.drop)}${part}`]);
      }
    }
    return facts;
  };
  // Of an edge in where it comes from and into what of the node, of one out where it goes.
  const edgeLabel = (edge, towards) => {
    const input = INPUTS[edge.input];
    if (towards) return model.nodeName(edge.from) + (input ? ` → ${input}` : '');
    return model.nodeName(edge.to) + (input ? `.${input}` : '');
  };
  const listed = (own, towards) => own.slice(0, MOST_EDGES_LISTED).map((edge) => {
    const onClick = () => pinNode(towards ? edge.from : edge.to);
    return {name: edgeLabel(edge, towards), value: edge.value, look: ownerLook(view, edge), onClick};
  });

  const hint = () => html('p', {class: 'hint'}, 'Point at a node or an edge; a click or Enter keeps a node here.');

  // What the circuits differ in.
  const overviewOfSeveral = () => {
    const rows = [...view.nodes].filter(([, bits]) => bits !== view.all).sort(([a], [b]) => a - b).map(([id, bits]) => {
      const link = html('button', {type: 'button', class: 'link'}, model.nodeName(id));
      link.addEventListener('click', () => pinNode(id));
      return [link, lettersOf(view, bits, ', ')];
    });
    panel.replaceChildren(hint());
    if (rows.length) panel.append(html('div', {}, html('h4', {}, 'Not in all circuits'), factList(rows)));
  };

  const overview = () => {
    shownNode = null;
    const worth = new Map();
    if (view.hasEdges) {
      for (const edge of view.split) {
        if (edge.value === null) continue;
        for (const id of [edge.from, edge.to]) worth.set(id, (worth.get(id) || 0) + Math.abs(edge.value));
      }
    } else {
      for (const [id, loss] of strengths.losses) worth.set(id, loss);
    }
    if (!view.hasEdges && view.several) {
      overviewOfSeveral();
      return;
    }
    const best = [...worth].filter(([id]) => !model.isBar(id)).sort((a, b) => b[1] - a[1]).slice(0, MOST_NODES_LISTED);
    const entries = best.map(([id, value]) => ({
                               name: model.nodeName(id),
                               value,
                               look: 'of-all',
                               onClick: () => pinNode(id),
                             }));
    panel.replaceChildren(hint());
    const {words, task} = strengths;
    const title = html('span', {}, `Points ${words}`, task ? ' on ' : '', task ? foreign(task) : '');
    const bars = barList(view.hasEdges ? 'Nodes by the sum of their edges' : title, entries);
    if (bars) panel.append(bars);
  };

  const showNode = (id) => {
    // Shown already, it keeps what the reader points at in its map.
    if (!model.has(id) || id === shownNode) return;
    shownNode = id;
    const name = model.nodeName(id), bits = view.nodes.get(id) || 0;
    const facts = [...decisionFacts(id), ...dropFacts(name)];
    const parts = [heading(name, bits, model.isBar(id))];
    let lists = [];
    if (view.hasEdges) {
      const into = edges().filter((edge) => edge.to === id), out = edges().filter((edge) => edge.from === id);
      const sum = (own) =>
          (own.some((edge) => edge.value !== null) ?
               `${count(own.length)}, sum ${short(own.reduce((all, edge) => all + (edge.value || 0), 0))}` :
               count(own.length));
      if (id !== 0) facts.push(['edges in', sum(into)]);
      if (id !== model.logits) facts.push(['edges out', sum(out)]);
      lists = [barList('Strongest edges in', listed(into, true)), barList('Strongest edges out', listed(out, false))];
    }
    parts.push(factList(facts), ...lists.filter(Boolean));
    if (model.isHead(id) && sets.length)
      parts.push(headDetails(sets, setPlace, id, name, (place) => {
        setPlace = place;
        again();
      }));
    panel.replaceChildren(...parts);
  };

  const again = () => {
    const id = shownNode;
    shownNode = null;
    if (id !== null) showNode(id);
  };

  const showEdge = (edge) => {
    shownNode = null;
    const facts = [edge.untried ? ['decision', UNTRIED] : [view.score || 'value', short(edge.value, 4)]];
    if (view.several) facts.push(['circuits', lettersOf(view, edge.in, ', ')]);
    panel.replaceChildren(
        html('header', {}, html('h3', {}, model.edgeName(edge, ' → '))),
        factList([...facts, ...dropFacts(model.edgeName(edge))]));
  };

  return {
    overview,
    showEdge,
    useEdges: (current) => {
      edges = current;
    },
    again,
    showNode: (id, pinned) => (id === null && pinned === null ? overview() : showNode(id))
  };
}
