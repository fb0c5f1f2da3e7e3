// Where circuits and numbers come from.
function provenanceSection({circuits, evaluation}) {
  const entries =
      circuits.map((circuit) => [circuits.length > 1 ? `${circuit.letter}: ${circuit.label}` : '', circuit.facts]);
  if (evaluation) entries.push(['Evaluation', evaluation.facts]);
  const boxes = entries.filter(([, facts]) => facts.length)
                    .map(
                        ([title, facts]) => html(
                            'div', {class: 'panel'}, title ? html('h3', {}, foreign(title)) : null,
                            factList(facts.map(([name, value]) => [foreign(name), foreign(value)]))));
  return boxes.length ? section('provenance', 'Provenance', html('div', {class: 'provenances'}, ...boxes)) : null;
}
