// Layer × time values of one encoder on a canvas. The tooltip shows the very numbers of the record. Arrow keys move
// over the cells when the picture has the focus; a click seeks on the timeline.
const { paintGrid, levelsOf, redraws, tell, make, save, quoted } = window.earwitness;
const find = (selector) => element.querySelector(selector);
const canvas = find('canvas');
const tip = find('.tip');
const cursor = find('.cursor');
let heat = null; // {values, layers, seconds_per_column, start, columns shown}
let cell = null; // [row, column]

const shownColumns = (value) => {
  const columns = value.values.length ? value.values[0].length : 0;
  if (!value.seconds) return columns;
  return Math.max(1, Math.min(columns, Math.ceil(value.seconds / value.seconds_per_column - 1e-9)));
};

const draw = () => {
  if (!heat) return;
  const rows = heat.values.map((row) => row.slice(0, heat.columns));
  const { levels } = levelsOf(rows);
  paintGrid(canvas, levels, rows.length, heat.columns);
  const names = heat.layers.map((name, k) => {
    const label = make('span', '', name);
    label.style.bottom = `${(100 * (k + 0.5)) / heat.layers.length}%`;
    return label;
  });
  const every = Math.ceil(heat.layers.length / Math.max(1, Math.floor(canvas.clientHeight / 15)));
  find('.layer-names').replaceChildren(...names.filter((_, k) => k % every === 0 || k === names.length - 1 && every === 1));
  find('.from').textContent = `${heat.start.toFixed(1)} s`;
  find('.to').textContent = `${(heat.start + heat.columns * heat.seconds_per_column).toFixed(1)} s`;
};

const point = (row, column) => {
  cell = row === null ? null : [row, column];
  tip.hidden = cursor.hidden = cell === null;
  if (!cell) return;
  const number = heat.values[row][column];
  const at = heat.start + column * heat.seconds_per_column;
  tip.textContent = `${heat.layers[row]} · ${at.toFixed(2)} s · ${number}`;
  tip.dataset.value = number;
  const left = (100 * (column + 0.5)) / heat.columns;
  const bottom = (100 * (row + 0.5)) / heat.values.length;
  cursor.style.left = `${(100 * column) / heat.columns}%`;
  cursor.style.width = `${100 / heat.columns}%`;
  cursor.style.bottom = `${(100 * row) / heat.values.length}%`;
  cursor.style.height = `${100 / heat.values.length}%`;
  tip.style.left = `${left}%`;
  tip.style.transform = `translate(${-left}%, -6px)`;
  tip.style.bottom = `${bottom}%`;
};

const cellAt = (event) => {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor(((event.clientX - box.left) / box.width) * heat.columns);
  const row = heat.values.length - 1 - Math.floor(((event.clientY - box.top) / box.height) * heat.values.length);
  return [Math.max(0, Math.min(heat.values.length - 1, row)), Math.max(0, Math.min(heat.columns - 1, column))];
};

canvas.addEventListener('pointermove', (event) => { if (heat) point(...cellAt(event)); });
canvas.addEventListener('pointerleave', () => point(null));
canvas.addEventListener('blur', () => point(null));
canvas.addEventListener('click', (event) => {
  if (!heat) return;
  const [, column] = cellAt(event);
  tell('seek', { at: heat.start + column * heat.seconds_per_column });
});
canvas.addEventListener('keydown', (event) => {
  if (!heat) return;
  const [row, column] = cell || [0, 0];
  const moves = { ArrowUp: [row + 1, column], ArrowDown: [row - 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1] };
  if (!(event.key in moves)) return;
  event.preventDefault();
  const [r, c] = cell ? moves[event.key] : [0, 0];
  point(Math.max(0, Math.min(heat.values.length - 1, r)), Math.max(0, Math.min(heat.columns - 1, c)));
});

const fileName = (ending) => `${heat.encoder} ${heat.measure}.${ending}`.replace(/[^\w.]+/g, '-');
find('.png').addEventListener('click', () => canvas.toBlob((blob) => save(blob, fileName('png'))));
find('.csv').addEventListener('click', () => {
  const times = heat.values[0].map((_, c) => (heat.start + c * heat.seconds_per_column).toFixed(4));
  const lines = [['layer', ...times], ...heat.values.map((row, r) => [quoted(heat.layers[r]), ...row])];
  save(new Blob([lines.map((line) => line.join(',')).join('\n')], { type: 'text/csv' }), fileName('csv'));
});

const load = () => {
  const value = props.value && props.value.values && props.value.values.length ? props.value : null;
  heat = value ? { ...value, columns: shownColumns(value) } : null;
  find('.heat').hidden = !heat;
  point(null);
  tell('layers', heat && {
    encoder: heat.encoder, measure: heat.measure, layers: heat.layers, values: heat.values, secondsPerColumn: heat.seconds_per_column, start: heat.start,
  });
  if (!heat) return;
  let best = { value: -Infinity };
  heat.values.forEach((row, r) => row.slice(0, heat.columns).forEach((v, c) => { if (v > best.value) best = { value: v, r, c }; }));
  const at = (heat.start + best.c * heat.seconds_per_column).toFixed(1);
  const most = { rms: 'Strongest', effective_rank: 'Highest rank', attention_entropy: 'Widest attention (nats)' };
  find('.most').textContent = `${most[heat.measure] || 'Most change'}: ${heat.layers[best.r]} at ${at} s.`;
  canvas.setAttribute('aria-label',
    `Layer by time heatmap of ${heat.encoder}: ${heat.values.length} layers, ${heat.columns} steps of time. Arrow keys read values.`);
  draw();
};
watch('value', load);
redraws(element, draw);
load();
