// Draws one clip on one time axis and plays it. `props.value` is the sound, `props.words` what Whisper heard in it.
// Emits 'range' {start, stop} when a part is chosen by dragging, {start: null, stop: null} when it is let go.
const { colour, sharp, paintGrid, levelsOf, redraws, hear, make, clock } = window.earwitness;
const find = (selector) => element.querySelector(selector);
const [body, over, head, range, audio] = ['.tl-body', '.tl-over', '.tl-head', '.tl-range', 'audio'].map(find);

let sound = null; // {seconds, rate, envelope, mel, rows, columns, topHertz, audio, name}
let levels = null; // the log-mel picture as bytes
let position = 0; // seconds
let chosen = null; // [start, stop] in seconds
let fit = null; // {label, windows: [[start, stop, cosine]]}
let attended = null; // {label, windows: [[start, stop, weight]]}
let deep = null; // {encoder, values, secondsPerColumn, start}

const place = (seconds) => `${(100 * seconds) / sound.seconds}%`;

const drawTicks = () => {
  const ticks = find('.tl-ticks');
  const room = Math.max(2, Math.floor(ticks.clientWidth / 74));
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120].find((one) => sound.seconds / one <= room) || 300;
  const marks = [];
  for (let k = 0; k * step <= sound.seconds + 1e-9; k++) {
    const at = k * step;
    const mark = make('span', '', step < 1 ? `${at.toFixed(1)} s` : at < 60 ? `${at} s` : clock(at).slice(0, -2));
    mark.style.left = place(at);
    if (at > sound.seconds * 0.96) mark.classList.add('last');
    marks.push(mark);
  }
  ticks.replaceChildren(...marks);
};

const drawWave = () => {
  const [pen, width, height] = sharp(find('.tl-wave'));
  pen.fillStyle = colour('accent');
  const gain = 1 / Math.max(0.05, ...sound.envelope.map(([low, high]) => Math.max(-low, high)));
  const bars = Math.max(1, Math.min(sound.envelope.length, Math.floor(width / 2.5)));
  for (let k = 0; k < bars; k++) {
    const from = Math.floor((k * sound.envelope.length) / bars);
    const to = Math.max(from + 1, Math.floor(((k + 1) * sound.envelope.length) / bars));
    let low = 0;
    let high = 0;
    for (let i = from; i < to; i++) { low = Math.min(low, sound.envelope[i][0]); high = Math.max(high, sound.envelope[i][1]); }
    const top = height / 2 - high * gain * height * 0.48;
    const tall = Math.max(1, (high - low) * gain * height * 0.48);
    pen.fillRect((k * width) / bars, Math.min(top, height / 2 - 0.5), Math.max(1, width / bars - 0.7), tall);
  }
};

const drawFit = () => {
  find('.tl-fit').hidden = !fit;
  if (!fit) return;
  const label = find('.tl-fit .tl-label');
  label.replaceChildren(make('b', '', 'clap'), ` “${fit.label}”`);
  label.title = fit.label;
  const [pen, width, height] = sharp(find('.tl-curve'));
  const x = (seconds) => (seconds / sound.seconds) * width;
  const y = (cosine) => height - 2 - Math.max(0, Math.min(1, cosine)) * (height - 6);
  const middles = fit.windows.map(([start, stop, cosine]) => [(start + stop) / 2, cosine]);
  const first = fit.windows[0];
  const last = fit.windows[fit.windows.length - 1];
  const points = [[first[0], first[2]], ...middles, [Math.min(last[1], sound.seconds), last[2]]];
  pen.beginPath();
  pen.moveTo(x(points[0][0]), height);
  points.forEach(([at, cosine]) => pen.lineTo(x(at), y(cosine)));
  pen.lineTo(x(points[points.length - 1][0]), height);
  pen.closePath();
  pen.fillStyle = colour('accent-soft');
  pen.fill();
  pen.beginPath();
  points.forEach(([at, cosine], k) => (k ? pen.lineTo(x(at), y(cosine)) : pen.moveTo(x(at), y(cosine))));
  pen.strokeStyle = colour('accent');
  pen.lineWidth = 1.5;
  pen.stroke();
};

const drawAttended = () => {
  find('.tl-attended').hidden = !attended;
  if (!attended) return;
  const label = find('.tl-attended .tl-label');
  label.replaceChildren(make('b', '', 'salmonn'), ` “${attended.label}” hears`);
  label.title = attended.label;
  const canvas = find('.tl-heard');
  const [pen, width, height] = sharp(canvas);
  const most = Math.max(1e-9, ...attended.windows.map(([, , weight]) => weight));
  pen.fillStyle = colour('accent');
  for (const [start, stop, weight] of attended.windows) {
    const x = (start / sound.seconds) * width;
    pen.globalAlpha = 0.06 + 0.94 * (weight / most);
    pen.fillRect(x + 0.5, 0, Math.max(1, (Math.min(stop, sound.seconds) / sound.seconds) * width - x - 1), height);
  }
  const [from, to] = attended.windows.reduce((best, one) => (one[2] > best[2] ? one : best));
  canvas.setAttribute('aria-label', `SALMONN listened most at ${from.toFixed(1)} to ${to.toFixed(1)} seconds for ${attended.label}`);
};

const drawDeep = () => {
  find('.tl-deep').hidden = !deep;
  if (!deep) return;
  find('.tl-deep .tl-label').replaceChildren(make('b', '', 'layers'), ` ${deep.encoder}`);
  const heat = levelsOf(deep.values);
  const wide = Math.min(heat.columns * deep.secondsPerColumn, sound.seconds - deep.start) / sound.seconds;
  const shown = Math.max(1, Math.round((wide * sound.seconds) / deep.secondsPerColumn));
  const cut = new Uint8Array(heat.rows * shown);
  for (let r = 0; r < heat.rows; r++) {
    for (let c = 0; c < shown; c++) cut[r * shown + c] = heat.levels[r * heat.columns + Math.min(c, heat.columns - 1)];
  }
  paintGrid(find('.tl-layers'), cut, heat.rows, shown, false, deep.start / sound.seconds, wide);
};

const drawHead = () => {
  head.style.left = place(position);
  head.querySelector('i').textContent = `${position.toFixed(1)} s`;
  head.classList.toggle('at-start', position < 0.02 * sound.seconds);
  head.classList.toggle('at-end', position > 0.98 * sound.seconds);
  find('.tl-time').textContent = clock(position);
  over.setAttribute('aria-valuemax', sound.seconds.toFixed(2));
  over.setAttribute('aria-valuenow', position.toFixed(2));
  over.setAttribute('aria-valuetext', `${position.toFixed(1)} of ${sound.seconds.toFixed(1)} seconds`);
};

const drawRange = () => {
  range.hidden = !chosen;
  if (!chosen) return;
  range.style.left = place(chosen[0]);
  range.style.width = place(chosen[1] - chosen[0]);
};

const draw = () => {
  if (!sound) return;
  drawTicks();
  drawWave();
  paintGrid(find('.tl-mel'), levels, sound.rows, sound.columns, sound.columns > find('.tl-mel').clientWidth);
  drawFit();
  drawAttended();
  drawDeep();
  drawHead();
  drawRange();
};

const showWords = () => {
  const words = (sound && props.words) || [];
  find('.tl-said').classList.toggle('none', words.length === 0);
  find('.tl-words').replaceChildren(...words.map((word) => {
    const chip = make('span', '', word.text.trim());
    chip.style.left = place(word.start);
    chip.style.width = `calc(${place(Math.max(0.02, word.stop - word.start))} - 2px)`;
    chip.title = `${word.text.trim()} · ${word.start.toFixed(2)}–${word.stop.toFixed(2)} s`;
    return chip;
  }));
};

const seek = (seconds, inSound = true) => {
  position = Math.max(0, Math.min(sound.seconds, seconds));
  if (inSound && audio.readyState > 0) audio.currentTime = position;
  drawHead();
};

const choose = (start, stop) => {
  chosen = start === null ? null : [Math.max(0, start), Math.min(sound.seconds, stop)];
  drawRange();
  trigger('range', chosen ? { start: chosen[0], stop: chosen[1] } : { start: null, stop: null });
};

const follow = () => {
  if (audio.paused) return;
  position = Math.min(sound.seconds, audio.currentTime);
  if (chosen && position >= chosen[1]) { audio.pause(); seek(chosen[1]); return; }
  drawHead();
  requestAnimationFrame(follow);
};

const showPlaying = () => {
  const button = find('.tl-play');
  button.textContent = audio.paused ? '▶' : '❚❚';
  button.setAttribute('aria-label', audio.paused ? 'Play' : 'Pause');
};

const playOrPause = () => {
  if (!sound) return;
  if (!audio.paused) { audio.pause(); return; }
  const outside = chosen && (position < chosen[0] - 0.01 || position >= chosen[1] - 0.01);
  if (outside) seek(chosen[0]);
  else if (position >= sound.seconds - 0.02) seek(0);
  audio.currentTime = position;
  audio.play().catch(() => {});
};

audio.addEventListener('play', () => { showPlaying(); follow(); });
audio.addEventListener('pause', showPlaying);
audio.addEventListener('ended', () => { seek(0, false); showPlaying(); });
find('.tl-play').addEventListener('click', playOrPause);

let pressed = null; // where the pointer went down, in seconds
const secondsAt = (event) => {
  const box = over.getBoundingClientRect();
  return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * sound.seconds;
};
over.addEventListener('pointerdown', (event) => {
  if (!sound || event.button !== 0) return;
  pressed = { at: secondsAt(event), x: event.clientX, dragged: false };
  over.setPointerCapture(event.pointerId);
});
over.addEventListener('pointermove', (event) => {
  if (!pressed) return;
  if (Math.abs(event.clientX - pressed.x) > 4) pressed.dragged = true;
  if (!pressed.dragged) return;
  const now = secondsAt(event);
  chosen = [Math.min(pressed.at, now), Math.max(pressed.at, now)];
  drawRange();
});
over.addEventListener('pointerup', (event) => {
  if (!pressed) return;
  const { dragged, at } = pressed;
  pressed = null;
  if (dragged && chosen && chosen[1] - chosen[0] > 0.01) { choose(chosen[0], chosen[1]); seek(chosen[0]); return; }
  if (chosen) choose(null, null);
  seek(at);
});
over.addEventListener('pointercancel', () => { pressed = null; });
over.addEventListener('keydown', (event) => {
  if (!sound) return;
  const step = event.shiftKey ? 1 : 0.1;
  const moves = { ArrowLeft: position - step, ArrowRight: position + step, Home: 0, End: sound.seconds };
  if (event.key in moves) seek(moves[event.key]);
  else if (event.key === ' ') playOrPause();
  else if (event.key === 'Escape' && chosen) choose(null, null);
  else return;
  event.preventDefault();
});

hear('fit', (detail) => { fit = sound && detail && detail.windows.length > 1 ? detail : null; if (sound) draw(); });
hear('attended', (detail) => { attended = sound && detail && detail.windows.length ? detail : null; if (sound) draw(); });
hear('layers', (detail) => { deep = sound && detail ? detail : null; if (sound) draw(); });
hear('seek', (detail) => { if (sound) seek(detail.at); });

const load = () => {
  sound = props.value && props.value.seconds ? props.value : null;
  find('.tl-empty').hidden = sound !== null;
  body.hidden = sound === null;
  position = 0;
  chosen = null;
  fit = null;
  attended = null;
  deep = null;
  audio.pause();
  audio.removeAttribute('src');
  if (!sound) return;
  levels = Uint8Array.from(atob(sound.mel), (character) => character.charCodeAt(0));
  find('.tl-bands').textContent = `log-mel, 0–${Math.round(sound.topHertz / 1000)} kHz`;
  find('.tl-wave').setAttribute('aria-label', `Waveform of ${sound.name}, ${sound.seconds.toFixed(1)} seconds`);
  find('.tl-mel').setAttribute('aria-label', `Log-mel spectrogram of ${sound.name}`);
  audio.src = sound.audio;
  showWords();
  draw();
};

watch('value', load);
watch('words', showWords);
redraws(body, draw);
load();
