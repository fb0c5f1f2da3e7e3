// Light or dark: as the reader's system says, until the reader says otherwise.
const THEMES = ['auto', 'light', 'dark'];

function themeButton() {
  let theme = 0;
  const name = html('span', {}, 'auto');
  const icon =
      svg('svg', {viewBox: '0 0 16 16', width: 14, height: 14, 'aria-hidden': 'true'},
          svg('circle', {cx: 8, cy: 8, r: 6.5, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5}),
          svg('path', {d: 'M8 1.5a6.5 6.5 0 0 1 0 13z', fill: 'currentColor'}));
  const element = html('button', {id: 'theme', type: 'button', title: 'Colours: auto, light, dark'}, icon, name);
  const show = () => {
    name.textContent = THEMES[theme];
    element.setAttribute('aria-label', `Colours: ${THEMES[theme]}`);
    if (theme === 0)
      document.documentElement.removeAttribute('data-theme');
    else
      document.documentElement.setAttribute('data-theme', THEMES[theme]);
  };
  element.addEventListener('click', () => {
    theme = (theme + 1) % THEMES.length;
    show();
  });
  show();
  return element;
}
