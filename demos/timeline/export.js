// The timeline to take away: a picture of what is shown, as pixels or as shapes, and the values as a table.
const shownRows = () => [...element.querySelectorAll('.tl-row')].filter((row) => !row.hidden);
const fileOf = (ending) => `${state.sound.name.replace(/\.[^.]*$/, '')} timeline.${ending}`.replace(/[^\w.]+/g, '-');

// Every row with its label, canvas or chips, in CSS pixels from the left upper corner of the rows.
const layout = () => {
  const frame = find('.tl-rows').getBoundingClientRect();
  const placed = (node) => {
    const box = node.getBoundingClientRect();
    return { x: box.left - frame.left, y: box.top - frame.top, width: box.width, height: box.height };
  };
  const rows = shownRows().map((row) => {
    const lane = row.querySelector('.tl-lane');
    const chips = lane ? [...lane.querySelectorAll('.tl-strip span')].map((chip) => ({ ...placed(chip), text: chip.textContent })) : [];
    const label = row.querySelector('.tl-label');
    return {
      label: { ...placed(label), text: label.textContent.replace(/\s+/g, ' ').trim() },
      canvas: row.querySelector('canvas'),
      box: placed(row.querySelector('canvas') || lane),
      chips,
    };
  });
  return { width: frame.width, height: frame.height, rows };
};
// A chip that is cut off at the edges of its lane.
const cut = (chip, box) => {
  const x = Math.max(chip.x, box.x);
  return { ...chip, x, width: Math.min(chip.x + chip.width, box.x + box.width) - x };
};

const asPicture = () => new Promise((done) => {
  const { width, height, rows } = layout();
  const canvas = make('canvas');
  const ratio = Math.max(2, window.devicePixelRatio || 1);
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  pen.fillStyle = colour('card');
  pen.fillRect(0, 0, width, height);
  pen.font = '12px Inter, system-ui, sans-serif';
  for (const { label, canvas: drawn, box, chips: words } of rows) {
    pen.fillStyle = colour('muted');
    if (label.width > 1) pen.fillText(label.text, Math.max(label.x, label.x + label.width - pen.measureText(label.text).width), label.y + label.height / 2 + 4, label.width);
    if (drawn) pen.drawImage(drawn, box.x, box.y, box.width, box.height);
    for (const whole of words) {
      const chip = cut(whole, box);
      if (chip.width <= 0) continue;
      pen.fillStyle = colour('accent-soft');
      pen.fillRect(chip.x, chip.y, chip.width, chip.height);
      pen.save();
      pen.beginPath();
      pen.rect(chip.x, chip.y, chip.width, chip.height);
      pen.clip();
      pen.fillStyle = colour('accent');
      pen.fillText(chip.text, chip.x + 6, chip.y + chip.height / 2 + 4);
      pen.restore();
    }
  }
  canvas.toBlob(done);
});

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]);
const asShapes = () => {
  const { width, height, rows } = layout();
  const round = (value) => Math.round(value * 100) / 100;
  const rect = (box) => `x="${round(box.x)}" y="${round(box.y)}" width="${round(box.width)}" height="${round(box.height)}"`;
  const parts = rows.flatMap(({ label, canvas, box, chips: words }, row) => [
    `<text x="${round(label.x + label.width)}" y="${round(label.y + label.height / 2 + 4)}" text-anchor="end" fill="${colour('muted')}">${escaped(label.text)}</text>`,
    ...(canvas ? [`<image ${rect(box)} preserveAspectRatio="none" href="${canvas.toDataURL()}"/>`] : []),
    ...words.map((whole) => cut(whole, box)).filter((chip) => chip.width > 0).flatMap((chip, n) => [
      `<clipPath id="c${row}-${n}"><rect ${rect(chip)}/></clipPath><rect ${rect(chip)} rx="5" fill="${colour('accent-soft')}"/>`,
      `<text x="${round(chip.x + 6)}" y="${round(chip.y + chip.height / 2 + 4)}" fill="${colour('accent')}" clip-path="url(#c${row}-${n})">${escaped(chip.text)}</text>`,
    ]),
  ]);
  const title = `${state.sound.name}, ${state.from.toFixed(2)} to ${state.to.toFixed(2)} seconds`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" font-family="Inter, system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title><rect width="100%" height="100%" fill="${colour('card')}"/>`,
    ...parts,
    '</svg>',
  ].join('\n');
};

const asTable = () => {
  const lines = Object.values(tracks).flatMap((track) => (track.lines ? track.lines().map((line) => [track.title, ...line]) : []));
  return [['track', 'start', 'stop', 'value', 'text'], ...lines].map((line) => line.map(quoted).join(',')).join('\n');
};

find('.tl-png').addEventListener('click', async () => save(await asPicture(), fileOf('png')));
find('.tl-svg').addEventListener('click', () => save(new Blob([asShapes()], { type: 'image/svg+xml' }), fileOf('svg')));
find('.tl-csv').addEventListener('click', () => save(new Blob([asTable()], { type: 'text/csv' }), fileOf('csv')));
