# The page's scripts in the order in which they become one.
set(page_scripts
    dom.js
    numbers.js
    data.js
    evaluation_data.js
    theme.js
    view.js
    strengths.js
    layout.js
    edge_lines.js
    nodes_drawn.js
    viewport.js
    touching.js
    edge_controls.js
    legend.js
    attention_map.js
    head_panel.js
    details.js
    graph.js
    chart_scale.js
    chart.js
    transfer.js
    drops.js
    faithfulness.js
    overlap.js
    decisions.js
    provenance.js
    main.js)
# Likewise, into one style.
set(page_styles look.css graph.css details.css sections.css media.css)
