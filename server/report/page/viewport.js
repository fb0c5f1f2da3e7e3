// Panning and zooming of the graph: drag, wheel, pinch, buttons and keys.
const MOST_ZOOM = 12;

// `canvas` is the svg, `scene` what moves in it; sizes are those of its viewBox. A drag is no click: `wasDragged()`.
function makeViewport(canvas, scene, width, height) {
  let scale = 1, x = 0, y = 0, frame = 0, dragged = false, active = false;
  const pointers = new Map();

  const apply = () => {
    frame = 0;
    scene.setAttribute('transform', `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${scale.toFixed(4)})`);
    canvas.classList.toggle('zoomed', scale > 1.001);
  };
  const update = () => {
    // Something of the picture stays in sight.
    x = Math.min(width * 0.8, Math.max(width * 0.2 - width * scale, x));
    y = Math.min(height * 0.8, Math.max(height * 0.2 - height * scale, y));
    if (!frame) frame = requestAnimationFrame(apply);
  };
  const toScene = (clientX, clientY) => {
    const matrix = canvas.getScreenCTM();
    if (!matrix) return {x: width / 2, y: height / 2, unit: 1};
    return {x: (clientX - matrix.e) / matrix.a, y: (clientY - matrix.f) / matrix.d, unit: 1 / matrix.a};
  };
  const zoomAt = (factor, at) => {
    const next = Math.min(MOST_ZOOM, Math.max(0.5, scale * factor));
    x = at.x - ((at.x - x) * next) / scale;
    y = at.y - ((at.y - y) * next) / scale;
    scale = next;
    update();
  };
  const zoom = (factor) => zoomAt(factor, {x: width / 2, y: height / 2});
  const fit = () => {
    [scale, x, y] = [1, 0, 0];
    update();
  };

  canvas.addEventListener('wheel', (event) => {
    if (!active && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    zoomAt(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) / 320), toScene(event.clientX, event.clientY));
  }, {passive: false});
  canvas.addEventListener('touchstart', (event) => {
    if (event.touches.length > 1) event.preventDefault();
  }, {passive: false});

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    active = true;
    if (!pointers.size) dragged = false;
    pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
  });
  document.addEventListener('pointerdown', (event) => {
    if (!canvas.contains(event.target)) active = false;
  });
  canvas.addEventListener('pointermove', (event) => {
    const from = pointers.get(event.pointerId);
    if (!from) return;
    const now = {x: event.clientX, y: event.clientY};
    const others = [...pointers.entries()].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    const {unit} = toScene(0, 0);
    if (others.length) {
      const other = others[0], distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
      const middle = {x: (now.x + other.x) / 2, y: (now.y + other.y) / 2};
      zoomAt(distance(now, other) / distance(from, other), toScene(middle.x, middle.y));
    } else if (event.pointerType === 'touch' && scale <= 1.001) {
      return;  // one finger scrolls the page
    } else if (!dragged && Math.hypot(now.x - from.x, now.y - from.y) < 4) {
      return;
    }
    if (!dragged) {
      dragged = true;
      canvas.classList.add('dragging');
      if (canvas.setPointerCapture) canvas.setPointerCapture(event.pointerId);
    }
    const share = others.length ? 0.5 : 1;
    x += (now.x - from.x) * unit * share;
    y += (now.y - from.y) * unit * share;
    pointers.set(event.pointerId, now);
    update();
  });
  const release = (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) canvas.classList.remove('dragging');
  };
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
  canvas.addEventListener('pointerleave', (event) => {
    if (!dragged) release(event);
  });

  // Brings a node that has the focus into sight.
  const reveal = (place) => {
    const inX = x + (place.x + place.width / 2) * scale, inY = y + (place.y + place.height / 2) * scale;
    if (inX < 20 || inX > width - 20) x += width / 2 - inX;
    if (inY < 20 || inY > height - 20) y += height / 2 - inY;
    update();
  };
  return {
    zoom,
    fit,
    reveal,
    wasDragged: () => dragged,
    leave: () => {
      active = false;
    }
  };
}
