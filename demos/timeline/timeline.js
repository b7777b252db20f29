// One clip on one time axis: play, seek, loop, zoom, scroll, choose a part. `props.value` is the sound; `props.words`,
// `props.captions` and `props.marks` are what stands over it. Emits 'loaded' when a sound is drawn, 'range' {start, stop}
// when a part is chosen, {start: null, stop: null} when it is let go. Asking about a part and flagging it are told to the panels.
const [body, rows, over, head, range, tip, audio] =
  ['.tl-body', '.tl-rows', '.tl-over', '.tl-head', '.tl-range', '.tl-tip', 'audio'].map(find);
const SHORTEST = 0.25; // seconds that can fill the axis
const answers = new Map(); // which systems have an answer that can be flagged: system → title

const place = (seconds) => xOf(seconds, over.clientWidth);

const drawHead = () => {
  const x = place(state.position);
  head.style.transform = `translateX(${x}px)`;
  head.hidden = x < -1 || x > over.clientWidth + 1;
  head.firstChild.textContent = `${state.position.toFixed(1)} s`;
  head.classList.toggle('at-start', x < 20);
  head.classList.toggle('at-end', x > over.clientWidth - 20);
  find('.tl-time').textContent = clock(state.position);
};

const tellPosition = () => {
  const { seconds } = state.sound;
  const word = at(state.words, state.position);
  over.setAttribute('aria-valuemax', seconds.toFixed(2));
  over.setAttribute('aria-valuenow', state.position.toFixed(2));
  over.setAttribute('aria-valuetext', `${state.position.toFixed(1)} of ${seconds.toFixed(1)} seconds${word ? `, ${word.text}` : ''}`);
};

const drawRange = () => {
  range.hidden = !state.chosen;
  find('.tl-part').hidden = !state.chosen;
  if (!state.chosen) return;
  const [start, stop] = state.chosen;
  const [left, right] = [start, stop].map((seconds) => clamp(place(seconds), 0, over.clientWidth));
  range.style.left = `${left}px`;
  range.style.width = `${right - left}px`;
  find('.tl-times').textContent = `${start.toFixed(2)}–${stop.toFixed(2)} s`;
};

const drawTracks = () => {
  drawTicks();
  Object.values(tracks).forEach((track) => track.draw());
  const { seconds } = state.sound;
  const shown = state.to - state.from;
  const pan = find('.tl-pan');
  pan.hidden = shown > seconds - 1e-6;
  pan.value = pan.hidden ? 0 : Math.round((1000 * state.from) / (seconds - shown));
};

const draw = () => {
  if (!state.sound) return;
  drawTracks();
  drawHead();
  drawRange();
};

const show = (...names) => {
  if (!state.sound) return;
  names.forEach((name) => tracks[name].show());
  draw();
};

const view = (from, shown) => {
  const { seconds } = state.sound;
  const wide = clamp(shown, Math.min(SHORTEST, seconds), seconds);
  state.from = clamp(from, 0, seconds - wide);
  state.to = state.from + wide;
  draw();
};

const zoom = (factor, around = state.position) => {
  const shown = (state.to - state.from) * factor;
  const share = clamp((around - state.from) / (state.to - state.from), 0, 1);
  view(around - share * shown, shown);
};

const seek = (seconds, inSound = true) => {
  state.position = clamp(seconds, 0, state.sound.seconds);
  if (inSound && audio.readyState > 0) audio.currentTime = state.position;
  const shown = state.to - state.from;
  if (state.position < state.from || state.position > state.to) view(state.position - shown / 2, shown);
  drawHead();
  tellPosition();
};

const choose = (start, stop) => {
  state.chosen = start === null ? null : [clamp(start, 0, state.sound.seconds), clamp(stop, 0, state.sound.seconds)];
  drawRange();
  const [from, to] = state.chosen || [null, null];
  trigger('range', { start: from, stop: to });
};

const follow = () => {
  if (audio.paused || !state.sound) return;
  state.position = Math.min(state.sound.seconds, audio.currentTime);
  const [start, stop] = state.chosen || [0, state.sound.seconds];
  if (state.chosen && state.position >= stop) {
    if (state.loop) { seek(start); } else { audio.pause(); seek(stop); return; }
  }
  const shown = state.to - state.from;
  if (shown < state.sound.seconds - 1e-6 && !pressed) {
    // The axis moves under the playhead once that has come to the middle.
    const from = clamp(state.position - shown / 2, 0, state.sound.seconds - shown);
    if (from > state.from || state.position < state.from) {
      state.from = from;
      state.to = from + shown;
      drawTracks();
      drawRange();
    }
  }
  drawHead();
  requestAnimationFrame(follow);
};

const showPlaying = () => {
  const button = find('.tl-play');
  button.textContent = audio.paused ? '▶' : '❚❚';
  button.setAttribute('aria-label', audio.paused ? 'Play' : 'Pause');
  tellPosition();
};

const playOrPause = () => {
  if (!state.sound) return;
  if (!audio.paused) { audio.pause(); draw(); return; }
  const { chosen, position, sound } = state;
  if (chosen && (position < chosen[0] - 0.01 || position >= chosen[1] - 0.01)) seek(chosen[0]);
  else if (position >= sound.seconds - 0.02) seek(0);
  audio.currentTime = state.position;
  audio.play().catch(() => {});
};

const loopOrNot = () => {
  state.loop = !state.loop;
  find('.tl-loop').setAttribute('aria-pressed', String(state.loop));
};

audio.addEventListener('play', () => { showPlaying(); follow(); });
audio.addEventListener('pause', () => { if (state.sound) showPlaying(); });
audio.addEventListener('ended', () => {
  seek(state.loop ? (state.chosen || [0])[0] : 0, false);
  if (state.loop) { audio.currentTime = state.position; audio.play().catch(() => {}); }
  showPlaying();
});
find('.tl-play').addEventListener('click', playOrPause);
find('.tl-loop').addEventListener('click', loopOrNot);
find('.tl-in').addEventListener('click', () => zoom(0.5));
find('.tl-out').addEventListener('click', () => zoom(2));
find('.tl-whole').addEventListener('click', () => view(0, state.sound.seconds));
find('.tl-pan').addEventListener('input', (event) => {
  const shown = state.to - state.from;
  view((event.target.value / 1000) * (state.sound.seconds - shown), shown);
});

// What lies under the pointer, with the number that was stored.
const hover = (event) => {
  const row = shownRows().find((one) => {
    const box = one.getBoundingClientRect();
    return event.clientY >= box.top && event.clientY < box.bottom;
  });
  const track = row && tracks[row.dataset.track];
  const seconds = secondsAt(event);
  let found = null;
  if (track) {
    const box = (row.querySelector('canvas') || row).getBoundingClientRect();
    found = track.at(seconds, clamp(1 - (event.clientY - box.top) / box.height, 0, 1));
  }
  tip.hidden = !track;
  if (!track) return;
  tip.textContent = `${seconds.toFixed(2)} s${found ? ` · ${found.text}` : ''}`;
  tip.dataset.value = found ? found.value : '';
  const box = over.getBoundingClientRect();
  const x = event.clientX - box.left;
  tip.style.left = `${x}px`;
  tip.style.top = `${event.clientY - box.top - 30}px`;
  tip.style.transform = `translateX(${-100 * clamp(x / box.width, 0, 1)}%)`;
};

let pressed = null; // where the pointer went down, in seconds
const secondsAt = (event) => {
  const box = over.getBoundingClientRect();
  return state.from + clamp((event.clientX - box.left) / box.width, 0, 1) * (state.to - state.from);
};
over.addEventListener('pointerdown', (event) => {
  if (!state.sound || event.button !== 0) return;
  pressed = { at: secondsAt(event), x: event.clientX, dragged: false };
  over.setPointerCapture(event.pointerId);
});
over.addEventListener('pointermove', (event) => {
  if (!state.sound) return;
  hover(event);
  if (!pressed) return;
  if (Math.abs(event.clientX - pressed.x) > 4) pressed.dragged = true;
  if (!pressed.dragged) return;
  const now = secondsAt(event);
  state.chosen = [Math.min(pressed.at, now), Math.max(pressed.at, now)];
  drawRange();
});
over.addEventListener('pointerup', () => {
  if (!pressed) return;
  const { dragged, at: from } = pressed;
  const { chosen } = state;
  pressed = null;
  if (dragged && chosen && chosen[1] - chosen[0] > 0.01) { choose(...chosen); seek(chosen[0]); return; }
  if (chosen) choose(null, null);
  seek(from);
});
over.addEventListener('pointercancel', () => { pressed = null; });
over.addEventListener('pointerleave', () => { tip.hidden = true; });
over.addEventListener('wheel', (event) => {
  if (!state.sound) return;
  const shown = state.to - state.from;
  if (event.ctrlKey || event.metaKey) zoom(Math.exp(event.deltaY / 300), secondsAt(event));
  else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    view(state.from + ((event.deltaX || event.deltaY) / over.clientWidth) * shown, shown);
  } else return; // the page scrolls
  event.preventDefault();
}, { passive: false });
over.addEventListener('keydown', (event) => {
  if (!state.sound) return;
  const { position, chosen, sound } = state;
  const step = event.shiftKey ? 1 : 0.1;
  const moves = { ArrowLeft: position - step, ArrowRight: position + step, Home: 0, End: sound.seconds };
  const acts = {
    ' ': playOrPause,
    '+': () => zoom(0.5),
    '=': () => zoom(0.5),
    '-': () => zoom(2),
    0: () => view(0, sound.seconds),
    l: loopOrNot,
    '[': () => choose(position, chosen && chosen[1] > position ? chosen[1] : sound.seconds),
    ']': () => choose(chosen && chosen[0] < position ? chosen[0] : 0, position),
    Escape: () => chosen && choose(null, null),
  };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in moves) seek(moves[event.key]);
  else if (event.key in acts) acts[event.key]();
  else return;
  event.preventDefault();
});

find('.tl-ask').addEventListener('click', () => tell('listen', { start: state.chosen[0], stop: state.chosen[1] }));
find('.tl-let').addEventListener('click', () => choose(null, null));
find('.tl-flags').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button) tell('flag', { system: button.dataset.system });
});
const offerFlags = () => {
  find('.tl-flags').replaceChildren(...[...answers].map(([system, title], k) => {
    const button = make('button', 'tl-flag', `${k ? '' : 'Flag this part of '}${title}`);
    button.type = 'button';
    button.dataset.system = system;
    button.setAttribute('aria-label', `Flag this part of ${title}`);
    return button;
  }));
};

hear('fits', (fits) => { state.fits = state.sound ? fits.filter(({ windows }) => windows.length > 1) : []; show('fits'); });
hear('attended', (detail) => { state.attended = detail && detail.windows.length ? detail : null; show('attended'); });
hear('layers', (detail) => {
  state.deep = detail;
  if (detail) {
    const levels = levelsOf(detail.values);
    state.deep = { ...detail, grid: { ...levels, start: detail.start, seconds: levels.columns * detail.secondsPerColumn } };
  }
  show('layers');
});
hear('seek', (detail) => { if (state.sound) seek(detail.at); });
hear('answered', ({ system, title, observation }) => {
  if (observation) answers.set(system, title);
  else answers.delete(system);
  offerFlags();
});

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const load = () => {
  const value = props.value && props.value.seconds ? props.value : null;
  find('.tl-empty').hidden = value !== null;
  body.hidden = value === null;
  audio.pause();
  audio.removeAttribute('src');
  answers.clear();
  offerFlags();
  Object.assign(state, { sound: null, position: 0, chosen: null, fits: [], attended: null, deep: null });
  if (!value) return;
  const envelope = new Int16Array(bytes(value.envelope).buffer);
  const peak = envelope.reduce((most, one) => Math.max(most, Math.abs(one)), 0.05 * 32767);
  const grid = { levels: bytes(value.mel), rows: value.rows, columns: value.columns, start: 0, seconds: value.seconds };
  Object.assign(state, { sound: { ...value, envelope, peak, grid }, from: 0, to: value.seconds });
  find('.tl-bands').textContent = `log-mel, 0–${Math.round(value.topHertz / 1000)} kHz`;
  find('.tl-wave').setAttribute('aria-label', `Waveform of ${value.name}, ${value.seconds.toFixed(1)} seconds`);
  find('.tl-mel').setAttribute('aria-label', `Log-mel spectrogram of ${value.name}`);
  audio.src = value.audio;
  tellPosition();
  takeLanes();
  show('fits', 'attended', 'layers');
  trigger('loaded', {});
};
const takeLanes = () => {
  for (const name of ['words', 'captions', 'marks']) {
    state[name] = (state.sound && props[name]) || [];
    if (state.sound) tracks[name].show();
  }
  draw();
};

watch('value', load);
['words', 'captions', 'marks'].forEach((name) => watch(name, takeLanes));
redraws(body, draw);
load();
