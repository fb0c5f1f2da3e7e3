// What is wrong with the texts of an SVG: how many there are, and a list of sentences. Run as a function's body.
// `selector` finds it in a page, where nodes are its cells and styles its own; without, it is the document.
const [tolerance, leastContrast, selector] = arguments;
const svg = selector ? document.querySelector(selector) : document.documentElement;

const shown = text => text.textContent.trim() !== '' && getComputedStyle(text).visibility === 'visible';
const quote = text => JSON.stringify(text.textContent.slice(0, 40));

// The corners of a text's box, turned as the text is.
function corners(element) {
  const box = element.getBBox(), matrix = element.getScreenCTM();
  return [[box.x, box.y], [box.x + box.width, box.y], [box.x + box.width, box.y + box.height],
          [box.x, box.y + box.height]].map(([x, y]) => {
    const point = new DOMPoint(x, y).matrixTransform(matrix);
    return [point.x, point.y];
  });
}

const range = (points, axis) => {
  const places = points.map(([x, y]) => x * axis[0] + y * axis[1]);
  return [Math.min(...places), Math.max(...places)];
};

// How deep two convex quadrangles are in one another: the least over the directions of their sides.
function depth(a, b) {
  let least = Infinity;
  for (const points of [a, b]) {
    for (const i of [0, 1]) {
      const side = [points[i + 1][0] - points[i][0], points[i + 1][1] - points[i][1]];
      const length = Math.hypot(...side);
      if (length === 0) return 0;
      const axis = [-side[1] / length, side[0] / length];
      const [lowA, highA] = range(a, axis), [lowB, highB] = range(b, axis);
      least = Math.min(least, highA - lowB, highB - lowA);
      if (least <= 0) return 0;
    }
  }
  return least;
}

const inside = (points, box) => points.every(([x, y]) =>
    x >= box.left - tolerance && x <= box.right + tolerance && y >= box.top - tolerance && y <= box.bottom + tolerance);
const quadOf = box => [[box.left, box.top], [box.right, box.top], [box.right, box.bottom], [box.left, box.bottom]];

function luminance(colour) {
  const parts = colour.match(/[\d.]+/g).slice(0, 3).map(part => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const order = new Map([...svg.querySelectorAll('text, rect')].map((element, place) => [element, place]));
const texts = [...svg.querySelectorAll('text')].filter(shown).map(element => {
  const points = corners(element);
  return {element, order: order.get(element), points, box: element.getBoundingClientRect(), top: range(points, [0, 1])[0],
          bottom: range(points, [0, 1])[1]};
});
const grounds = [...svg.querySelectorAll('rect')].filter(rect => !rect.closest('defs')).map(element => ({
  element, order: order.get(element), box: element.getBoundingClientRect(), fill: getComputedStyle(element).fill,
  // Cells and nodes say what they are when hovered.
  cell: element.matches('.node > .box') || element.firstElementChild?.tagName === 'title' || element.parentNode.firstElementChild?.tagName === 'title' &&
      element.parentNode.tagName === 'g'}));
const problems = [];

const page = selector ? svg.getBoundingClientRect() :
    {left: 0, top: 0, right: +svg.getAttribute('width'), bottom: +svg.getAttribute('height')};
for (const text of texts) {
  if (!inside(text.points, page)) problems.push(`${quote(text.element)} is cut by the border`);
}

texts.sort((a, b) => a.top - b.top);
for (let i = 0; i < texts.length; ++i) {
  for (let j = i + 1; j < texts.length && texts[j].top < texts[i].bottom - tolerance; ++j) {
    const deep = depth(texts[i].points, texts[j].points);
    if (deep > tolerance) {
      problems.push(`${quote(texts[i].element)} and ${quote(texts[j].element)} overlap by ${deep.toFixed(1)}`);
    }
  }
}

for (const text of texts) {
  const middle = [(text.box.left + text.box.right) / 2, (text.box.top + text.box.bottom) / 2];
  let ground = null;
  text.inCell = false;
  for (const rect of grounds) {
    if (rect.box.right < text.box.left || rect.box.left > text.box.right || rect.box.bottom < text.box.top ||
        rect.box.top > text.box.bottom) {
      continue;
    }
    const holds = middle[0] >= rect.box.left && middle[0] <= rect.box.right && middle[1] >= rect.box.top &&
        middle[1] <= rect.box.bottom;
    const before = rect.order < text.order;
    if (holds && before && rect.fill !== 'none') ground = rect;
    if (holds && before && rect.cell) text.inCell = true;
    if (rect.cell && depth(text.points, quadOf(rect.box)) > tolerance && !inside(text.points, rect.box)) {
      problems.push(`${quote(text.element)} runs over the border of a cell`);
    }
  }
  text.onBar = ground && ground.element.parentNode === svg && ground.element !== grounds[0].element;
  if (selector) continue;
  if (!ground || !ground.fill.startsWith('rgb')) {
    problems.push(`${quote(text.element)} is on no plain ground`);
  } else if (contrast(getComputedStyle(text.element).fill, ground.fill) < leastContrast) {
    problems.push(`${quote(text.element)} has too little contrast`);
  }
}

// Lines through what stands on the picture's ground.
const open = selector ? [] : texts.filter(text => !text.inCell && !text.onBar);
for (const path of svg.querySelectorAll('path')) {
  if (path.closest('defs') || getComputedStyle(path).stroke === 'none') continue;
  const around = path.getBoundingClientRect();
  const near = open.filter(({box}) => around.right >= box.left && around.left <= box.right &&
      around.bottom >= box.top && around.top <= box.bottom);
  if (near.length === 0) continue;
  const length = path.getTotalLength(), matrix = path.getScreenCTM();
  for (let at = 0; at <= length; at += 5) {
    const point = path.getPointAtLength(at).matrixTransform(matrix);
    const hit = near.find(({box}) => point.x > box.left + tolerance && point.x < box.right - tolerance &&
        point.y > box.top + tolerance && point.y < box.bottom - tolerance);
    if (hit) {
      problems.push(`a line runs through ${quote(hit.element)}`);
      break;
    }
  }
}
return {texts: texts.length, problems};
