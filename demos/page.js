// What the page's own components share: the colours of heat, painting of grids, formats of numbers, and a way to
// tell each other things ("this range is chosen", "show when this label fits") without asking the server.
window.earwitness = (() => {
  const LIGHT = [[247, 247, 245], [214, 226, 247], [126, 160, 232], [66, 84, 190], [46, 32, 110]];
  const DARK = [[24, 26, 33], [36, 42, 86], [66, 84, 190], [120, 160, 255], [225, 236, 255]];

  const isDark = () => document.querySelector('body.dark, html.dark, .gradio-container.dark') !== null;

  // 256 colours from quiet to loud, as flat [r, g, b, …].
  const palette = () => {
    const stops = isDark() ? DARK : LIGHT;
    const flat = new Uint8ClampedArray(256 * 3);
    for (let i = 0; i < 256; i++) {
      const x = (i / 255) * (stops.length - 1);
      const k = Math.min(stops.length - 2, Math.floor(x));
      for (let c = 0; c < 3; c++) flat[i * 3 + c] = stops[k][c] + (stops[k + 1][c] - stops[k][c]) * (x - k);
    }
    return flat;
  };

  const colour = (name) => getComputedStyle(document.body).getPropertyValue(`--ew-${name}`).trim();

  // A canvas made as sharp as the screen and emptied; returns its context, scaled to CSS pixels, with width and height.
  const sharp = (canvas) => {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, canvas.clientWidth);
    const height = Math.max(1, canvas.clientHeight);
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== across) canvas.width = across; // setting it makes a new canvas, which takes time
    if (canvas.height !== down) canvas.height = down;
    const pen = canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.globalAlpha = 1;
    pen.clearRect(0, 0, width, height);
    return [pen, width, height];
  };

  // Levels 0..255 in the colours of heat, one pixel each, row 0 at the bottom.
  const bitmapOf = (levels, rows, columns) => {
    const colours = palette();
    const small = document.createElement('canvas');
    small.width = columns;
    small.height = rows;
    const image = new ImageData(columns, rows);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const level = levels[r * columns + c];
        const at = ((rows - 1 - r) * columns + c) * 4;
        image.data[at] = colours[level * 3];
        image.data[at + 1] = colours[level * 3 + 1];
        image.data[at + 2] = colours[level * 3 + 2];
        image.data[at + 3] = 255;
      }
    }
    small.getContext('2d').putImageData(image, 0, 0);
    return small;
  };

  // Paints levels 0..255 over the whole canvas.
  const paintGrid = (canvas, levels, rows, columns) => {
    const [pen, width, height] = sharp(canvas);
    if (!rows || !columns) return;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(bitmapOf(levels, rows, columns), 0, 0, width, height);
  };

  // Heat values [rows][columns] as levels 0..255 over their own range.
  const levelsOf = (values) => {
    let low = Infinity;
    let high = -Infinity;
    for (const row of values) for (const v of row) { if (v < low) low = v; if (v > high) high = v; }
    const columns = values.length ? values[0].length : 0;
    const levels = new Uint8Array(values.length * columns);
    const scale = high > low ? 255 / (high - low) : 0;
    values.forEach((row, r) => row.forEach((v, c) => { levels[r * columns + c] = Math.round((v - low) * scale); }));
    return { levels, rows: values.length, columns, low, high };
  };

  // Calls `draw` whenever the element changes size or the page changes between light and dark.
  const redraws = (element, draw) => {
    let waiting = false;
    const soon = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; if (element.isConnected) draw(); });
    };
    new ResizeObserver(soon).observe(element);
    const scheme = new MutationObserver(soon);
    for (const one of [document.body, document.documentElement]) {
      scheme.observe(one, { attributes: true, attributeFilter: ['class'] });
    }
    soon();
    return soon;
  };

  const tell = (what, detail) => document.dispatchEvent(new CustomEvent(`earwitness:${what}`, { detail }));
  const hear = (what, callback) => document.addEventListener(`earwitness:${what}`, (event) => callback(event.detail));

  const make = (tag, className = '', text = '') => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== '') made.textContent = text;
    return made;
  };

  const clock = (seconds) => {
    const tenths = Math.floor(seconds * 10 + 1e-6);
    return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, '0')}.${tenths % 10}`;
  };

  // Characters of `element`'s text that the person has selected, or [0, 0].
  const selectionWithin = (element) => {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !selection.rangeCount) return [0, 0];
    const range = selection.getRangeAt(0);
    if (!element.contains(range.startContainer) || !element.contains(range.endContainer)) return [0, 0];
    const before = document.createRange();
    before.selectNodeContents(element);
    before.setEnd(range.startContainer, range.startOffset);
    const start = [...before.toString()].length; // code points, as the server counts them
    return [start, start + [...range.toString()].length];
  };

  // Saves a file on the visitor's machine.
  const save = (blob, name) => {
    const link = make('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  // A cell of a CSV file.
  const quoted = (cell) => (typeof cell === 'number' ? String(cell) : `"${String(cell).replaceAll('"', '""')}"`);

  return {
    colour, isDark, sharp, bitmapOf, paintGrid, levelsOf, redraws, tell, hear, make, clock, selectionWithin, save, quoted,
  };
})();
