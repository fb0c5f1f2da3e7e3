// HTML texts of the page with too little contrast to what is behind them: a list of sentences. A function's body.
const [least, leastOfLarge] = arguments;
const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});

// Any colour of CSS over an opaque one, as [red, green, blue].
function over(colour, below) {
  pixel.globalAlpha = 1;
  pixel.fillStyle = `rgb(${below.join(' ')})`;
  pixel.fillRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

function ground(element) {
  const chain = [];
  for (let at = element; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
  return chain.reduce((below, colour) => over(colour, below), [255, 255, 255]);
}

function luminance(rgb) {
  const [r, g, b] = rgb.map(part => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const problems = [];
for (const element of document.querySelectorAll('body *')) {
  if (element.namespaceURI !== 'http://www.w3.org/1999/xhtml' || element.disabled) continue;
  const words = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data).join('');
  if (words.trim() === '' || !element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
  if (['SCRIPT', 'STYLE', 'NOSCRIPT', 'OPTION'].includes(element.tagName)) continue;
  const style = getComputedStyle(element), below = ground(element);
  const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
  const [low, high] = [luminance(over(style.color, below)), luminance(below)].sort((a, b) => a - b);
  const contrast = (high + 0.05) / (low + 0.05);
  if (contrast < (large ? leastOfLarge : least)) {
    problems.push(`${element.tagName} ${element.className} "${words.trim().slice(0, 30)}" ${contrast.toFixed(2)}`);
  }
}
const html = ground(document.body);
return {problems, ground: html};
