// What stands over the time axis. `state` is shared by the three scripts of the timeline; each track shows its row,
// draws the part of it between `state.from` and `state.to`, and says what is at a place of it, with the number that
// was stored.
const {
  colour, sharp, bitmapOf, isDark, levelsOf, redraws, hear, tell, make, clock, save, quoted,
} = window.earwitness;
const find = (selector) => element.querySelector(selector);

const state = {
  sound: null, // {seconds, rate, envelope, mel, rows, columns, topHertz, decibels, audio, name}
  from: 0, // seconds at the left edge
  to: 1, // and at the right one
  position: 0,
  chosen: null, // [start, stop]
  loop: false,
  words: [], // {text, start, stop, probability}
  captions: [], // {text, start, stop}
  fits: [], // {label, windows: [[start, stop, cosine]]}
  attended: null, // {label, windows: [[start, stop, weight]]}
  marks: [], // {text, start, stop}
  deep: null, // {encoder, measure, layers, values, levels, secondsPerColumn, start}
};

const xOf = (seconds, width) => ((seconds - state.from) / (state.to - state.from)) * width;
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const plain = (value) => Number(value.toPrecision(6));

// The picture of a grid is made once for each scheme of colours.
const painter = () => {
  let made = null; // {of, dark, bitmap}
  return (grid) => {
    if (!made || made.of !== grid || made.dark !== isDark()) {
      made = { of: grid, dark: isDark(), bitmap: bitmapOf(grid.levels, grid.rows, grid.columns) };
    }
    return made.bitmap;
  };
};
const melPicture = painter();
const deepPicture = painter();

const within = (windows, seconds) => {
  const holding = windows.filter(([start, stop]) => start <= seconds && seconds < stop);
  const middle = ([start, stop]) => Math.abs((start + stop) / 2 - seconds);
  return holding.reduce((best, one) => (best === null || middle(one) < middle(best) ? one : best), null);
};
const cellOf = (grid, seconds, up) => [
  clamp(Math.floor(up * grid.rows), 0, grid.rows - 1),
  clamp(Math.floor(((seconds - grid.start) / grid.seconds) * grid.columns), 0, grid.columns - 1),
];

const chips = (row, strip, items, title) => {
  find(row).hidden = items.length === 0;
  const seconds = state.sound ? state.sound.seconds : 1;
  find(strip).replaceChildren(...items.map((item) => {
    const chip = make('span', '', item.text);
    chip.style.left = `${(100 * item.start) / seconds}%`;
    chip.style.width = `calc(${(100 * Math.max(0.02, item.stop - item.start)) / seconds}% - 2px)`;
    chip.title = title(item);
    return chip;
  }));
};
const span = (item) => `${item.start.toFixed(2)}–${item.stop.toFixed(2)} s`;
const at = (items, seconds) => items.find((item) => item.start <= seconds && seconds < item.stop);
// A strip is as long as the whole sound; only its place changes while the view moves.
const slide = (strip) => {
  const wide = state.sound.seconds / (state.to - state.from);
  find(strip).style.width = `${100 * wide}%`;
  find(strip).style.left = `${(-100 * state.from) / (state.to - state.from)}%`;
};

// A track of texts, each over a part of the sound.
const lane = (name, title, row, strip, shown) => ({
  title,
  show: () => chips(row, strip, state[name], (one) => `${one.text} · ${span(one)}`),
  draw: () => slide(strip),
  at(seconds) {
    const one = at(state[name], seconds);
    return one && { text: `${shown(one.text)} ${span(one)}`, value: one.text };
  },
  lines: () => state[name].map((one) => [one.start, one.stop, '', one.text]),
});

const tracks = {
  sound: {
    title: 'sound',
    canvas: '.tl-wave',
    draw() {
      const { envelope, seconds, peak } = state.sound;
      const [pen, width, height] = sharp(find('.tl-wave'));
      pen.fillStyle = colour('accent');
      const count = envelope.length / 2;
      const perSecond = count / seconds;
      // Bars begin at the same samples however the view moves, so that they do not shimmer.
      const group = Math.max(1, Math.ceil(((state.to - state.from) * perSecond) / (width / 2.5)));
      const first = Math.floor((state.from * perSecond) / group) * group;
      const wide = Math.max(1, xOf(state.from + group / perSecond, width) - 0.7);
      for (let k = Math.max(0, first); k < count && k / perSecond < state.to; k += group) {
        let low = 0;
        let high = 0;
        for (let i = k; i < Math.min(count, k + group); i++) {
          low = Math.min(low, envelope[2 * i]);
          high = Math.max(high, envelope[2 * i + 1]);
        }
        const top = height / 2 - (high / peak) * height * 0.48;
        const tall = Math.max(1, ((high - low) / peak) * height * 0.48);
        pen.fillRect(xOf(k / perSecond, width), Math.min(top, height / 2 - 0.5), wide, tall);
      }
    },
    at(seconds) {
      const { envelope } = state.sound;
      const k = clamp(Math.floor((seconds / state.sound.seconds) * (envelope.length / 2)), 0, envelope.length / 2 - 1);
      const [low, high] = [envelope[2 * k] / 32767, envelope[2 * k + 1] / 32767];
      return { text: `samples ${low.toFixed(3)} to ${high.toFixed(3)}`, value: high };
    },
  },
  mel: {
    title: 'log-mel',
    canvas: '.tl-mel',
    draw() {
      const [pen, width, height] = sharp(find('.tl-mel'));
      const from = xOf(0, width);
      pen.imageSmoothingEnabled = xOf(state.sound.seconds, width) - from < state.sound.columns;
      pen.drawImage(melPicture(state.sound.grid), from, 0, xOf(state.sound.seconds, width) - from, height);
    },
    at(seconds, up) {
      const { grid, topHertz, decibels } = state.sound;
      const [row, column] = cellOf(grid, seconds, up);
      const mel = (hertz) => 2595 * Math.log10(1 + hertz / 700);
      const middle = mel(30) + ((row + 1) / (grid.rows + 1)) * (mel(topHertz) - mel(30));
      const hertz = 700 * (10 ** (middle / 2595) - 1);
      const value = plain(decibels[0] + (grid.levels[row * grid.columns + column] / 255) * (decibels[1] - decibels[0]));
      return { text: `${hertz < 1000 ? `${Math.round(hertz)} Hz` : `${(hertz / 1000).toFixed(1)} kHz`} · ${value.toFixed(0)} dB`, value };
    },
  },
  words: {
    title: 'whisper words',
    show: () => chips('.tl-said', '.tl-words', state.words, (word) => `${word.text} · ${span(word)}`),
    draw: () => slide('.tl-words'),
    at(seconds) {
      const word = at(state.words, seconds);
      return word && { text: `“${word.text}” ${span(word)} · probability ${word.probability}`, value: word.probability };
    },
    lines: () => state.words.map((word) => [word.start, word.stop, word.probability, word.text]),
  },
  captions: lane('captions', 'pengi captions', '.tl-captioned', '.tl-captions', (text) => `“${text}”`),
  fits: {
    title: 'clap',
    canvas: '.tl-curve',
    show() {
      find('.tl-fit').hidden = state.fits.length === 0;
      const names = state.fits.map(({ label }, k) => {
        const name = make('span', 'tl-of', `“${label}”`);
        name.style.color = colour(HUES[k % HUES.length]);
        return name;
      });
      find('.tl-fit .tl-label').replaceChildren(make('b', '', 'clap'), ' ', ...names);
      find('.tl-fit .tl-label').title = state.fits.map(({ label }) => label).join(', ');
    },
    draw() {
      if (!state.fits.length) return;
      const [pen, width, height] = sharp(find('.tl-curve'));
      const y = (cosine) => height - 2 - clamp(cosine, 0, 1) * (height - 6);
      state.fits.forEach(({ windows }, k) => {
        const last = windows[windows.length - 1];
        const points = [
          [windows[0][0], windows[0][2]],
          ...windows.map(([start, stop, cosine]) => [(start + stop) / 2, cosine]),
          [Math.min(last[1], state.sound.seconds), last[2]],
        ].sort((one, other) => one[0] - other[0]);
        const trace = () => points.forEach(([x, cosine], n) => pen[n ? 'lineTo' : 'moveTo'](xOf(x, width), y(cosine)));
        pen.strokeStyle = colour(HUES[k % HUES.length]);
        if (state.fits.length === 1) {
          pen.beginPath();
          trace();
          pen.lineTo(xOf(points[points.length - 1][0], width), height);
          pen.lineTo(xOf(points[0][0], width), height);
          pen.fillStyle = colour('accent-soft');
          pen.fill();
        }
        pen.beginPath();
        trace();
        pen.lineWidth = 1.5;
        pen.stroke();
      });
      find('.tl-curve').setAttribute('aria-label', `How well ${state.fits.map(({ label }) => label).join(', ')} fits over time`);
    },
    at(seconds) {
      const found = state.fits.map(({ label, windows }) => [label, within(windows, seconds)]).filter(([, one]) => one);
      return found.length > 0 && {
        text: found.map(([label, [start, stop, cosine]]) => `${label}: ${plain(cosine)} in ${start.toFixed(1)}–${stop.toFixed(1)} s`).join('; '),
        value: found[0][1][2],
      };
    },
    lines: () => state.fits.flatMap(({ label, windows }) => windows.map(([start, stop, cosine]) => [start, stop, cosine, label])),
  },
  attended: {
    title: 'salmonn attention',
    canvas: '.tl-heard',
    show() {
      find('.tl-attended').hidden = !state.attended;
      if (!state.attended) return;
      const { label, windows } = state.attended;
      find('.tl-attended .tl-label').replaceChildren(make('b', '', 'salmonn'), ` “${label}” hears`);
      find('.tl-attended .tl-label').title = label;
      const [from, to] = windows.reduce((best, one) => (one[2] > best[2] ? one : best));
      const most = `SALMONN listened most at ${from.toFixed(1)} to ${to.toFixed(1)} seconds for ${label}`;
      find('.tl-heard').setAttribute('aria-label', most);
    },
    draw() {
      if (!state.attended) return;
      const [pen, width, height] = sharp(find('.tl-heard'));
      const most = Math.max(1e-9, ...state.attended.windows.map(([, , weight]) => weight));
      pen.fillStyle = colour('accent');
      for (const [start, stop, weight] of state.attended.windows) {
        pen.globalAlpha = 0.06 + 0.94 * (weight / most);
        const x = xOf(start, width);
        pen.fillRect(x + 0.5, 0, Math.max(1, xOf(Math.min(stop, state.sound.seconds), width) - x - 1), height);
      }
    },
    at(seconds) {
      const one = within(state.attended.windows, seconds);
      return one && { text: `attention ${one[2]} to ${one[0].toFixed(2)}–${one[1].toFixed(2)} s`, value: one[2] };
    },
    lines: () => (state.attended ? state.attended.windows.map(([start, stop, weight]) => [start, stop, weight, state.attended.label]) : []),
  },
  marks: lane('marks', 'flagged', '.tl-marked', '.tl-marks', (text) => text),
  layers: {
    title: 'layers',
    canvas: '.tl-layers',
    show() {
      find('.tl-deep').hidden = !state.deep;
      if (state.deep) find('.tl-deep .tl-label').replaceChildren(make('b', '', 'layers'), ` ${state.deep.encoder}`);
    },
    draw() {
      if (!state.deep) return;
      const { grid } = state.deep;
      const [pen, width, height] = sharp(find('.tl-layers'));
      pen.imageSmoothingEnabled = false;
      const from = xOf(grid.start, width);
      pen.save();
      pen.beginPath(); // what is behind the end of the sound is padding
      pen.rect(0, 0, xOf(state.sound.seconds, width), height);
      pen.clip();
      pen.drawImage(deepPicture(grid), from, 0, xOf(grid.start + grid.seconds, width) - from, height);
      pen.restore();
    },
    at(seconds, up) {
      const { grid, values, layers } = state.deep;
      if (seconds < grid.start || seconds >= grid.start + grid.seconds) return null;
      const [row, column] = cellOf(grid, seconds, up);
      return { text: `${layers[row]} · ${values[row][column]}`, value: values[row][column] };
    },
    lines() {
      if (!state.deep) return [];
      const { values, layers, secondsPerColumn, start, encoder, measure } = state.deep;
      return values.flatMap((row, r) => row.map((value, c) => [
        plain(start + c * secondsPerColumn), plain(start + (c + 1) * secondsPerColumn), value, `${encoder}, ${measure}, ${layers[r]}`,
      ]));
    },
  },
};
const HUES = ['accent', 'green', 'amber', 'red'];

const drawTicks = () => {
  const [pen, width, height] = sharp(find('.tl-ticks'));
  const room = Math.max(2, Math.floor(width / 74));
  const shown = state.to - state.from;
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120].find((one) => shown / one <= room) || 300;
  pen.font = '11px Inter, system-ui, sans-serif';
  pen.fillStyle = colour('muted');
  for (let k = Math.ceil(state.from / step - 1e-9); k * step <= state.to + 1e-9; k++) {
    const seconds = k * step;
    const x = xOf(seconds, width);
    const text = step < 0.1 ? `${seconds.toFixed(2)} s` : step < 1 ? `${seconds.toFixed(1)} s` : seconds < 60 ? `${seconds} s` : clock(seconds).slice(0, -2);
    pen.globalAlpha = 0.6;
    pen.fillRect(Math.min(width - 1, x), height - 11, 1, 9);
    pen.globalAlpha = 1;
    const wide = pen.measureText(text).width;
    pen.fillText(text, x + 5 + wide > width ? x - 5 - wide : x + 5, 11);
  }
};
