// One system's answer. `props.value` says everything that is shown; texts of models and people are set as text, never
// as markup. Emits 'ask' (on Listen and Re-run), 'cancel', and 'flagged' {observation, start, stop}: the selected
// characters of the answer, or 0, 0.
const { make, tell, hear, selectionWithin } = window.earwitness;
const find = (selector) => element.querySelector(selector);
let picked = 0; // which of the labels is chosen
let marked = null; // {observation, start, stop}: the words that the flag form has marked
let selected = [0, 0];

const say = (value) => {
  const box = find('.say');
  box.hidden = !value.text;
  box.classList.toggle('writing', value.state === 'running');
  box.classList.toggle('line', Boolean(value.line));
  const marks = (value.doubts || []).map(([start, stop, probability]) => ({ start, stop, kind: 'doubt', probability }));
  if (marked && marked.observation === value.observation && marked.stop > marked.start) {
    const { start, stop } = marked;
    const outside = marks.filter((one) => one.stop <= start || one.start >= stop);
    marks.splice(0, marks.length, ...outside, { start, stop, kind: 'mark' });
  }
  marks.sort((a, b) => a.start - b.start);
  const characters = [...(value.text || '')]; // code points, as the server counts them
  const pieces = [];
  let at = 0;
  for (const one of marks) {
    if (one.start > at) pieces.push(characters.slice(at, one.start).join(''));
    const span = make('span', one.kind, characters.slice(one.start, one.stop).join(''));
    if (one.kind === 'doubt') span.title = `The model gave this ${Math.round(100 * one.probability)} %.`;
    pieces.push(span);
    at = one.stop;
  }
  pieces.push(characters.slice(at).join(''));
  box.replaceChildren(...pieces);
};

const rank = (value) => {
  const scores = value.scores || [];
  const list = find('.hits');
  list.hidden = scores.length === 0;
  list.replaceChildren(...scores.map((score, k) => {
    const row = make('li');
    const button = make('button');
    button.type = 'button';
    button.dataset.rank = k;
    button.title = `${score.text}: cosine ${score.cosine}. Shows when it fits.`;
    button.setAttribute('aria-pressed', String(k === picked));
    const bar = make('span', 'bar');
    const fill = make('i');
    fill.style.width = `${100 * Math.max(0, Math.min(1, score.cosine))}%`;
    bar.append(fill);
    button.append(make('span', 'name', score.text), bar, make('em', '', score.cosine.toFixed(2)));
    row.append(button);
    return row;
  }));
};

const showFit = () => {
  const score = (props.value.scores || [])[picked];
  if (score) tell('fit', { label: score.text, windows: score.windows });
};

const draw = () => {
  const value = props.value || {};
  const running = value.state === 'running';
  const sentence = value.sentence || (running ? value.stage : '');
  const state = find('.state');
  state.hidden = !sentence;
  state.classList.toggle('wrong', value.state === 'error');
  find('.spin').hidden = !running;
  find('.stage').textContent = sentence;
  say(value);
  rank(value);
  const notes = value.notes || [];
  find('.notes').hidden = notes.length === 0;
  find('.notes').replaceChildren(...notes.map((note) => make('p', '', note)));
  find('.took').textContent = value.took || '';
  find('.rerun').hidden = running || !value.again;
  find('.cancel').hidden = !running;
  find('.flag').hidden = !value.observation || running;
  find('.flag').classList.toggle('open', Boolean(marked && marked.observation === value.observation));
  find('.flag').textContent = find('.flag').classList.contains('open') ? '⚑ Flagging…' : '⚑ Flag';
};

find('.hits').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  picked = Number(button.dataset.rank);
  rank(props.value);
  find('.hits').querySelectorAll('button')[picked].focus();
  showFit();
});
// A click on the button clears the selection in some browsers, so it is read when the button is pressed.
find('.flag').addEventListener('pointerdown', () => { selected = selectionWithin(find('.say')); });
find('.flag').addEventListener('click', () => {
  const [start, stop] = selected[1] > selected[0] ? selected : selectionWithin(find('.say'));
  selected = [0, 0];
  trigger('flagged', { observation: props.value.observation, start, stop });
});
// Gradio runs the listeners of one event one after the other, so that each panel has an event of its own.
const ask = () => {
  props.value = { state: 'running', stage: 'Waiting for its turn …' };
  draw();
  trigger('ask', {});
};
hear('listen', ask);
find('.rerun').addEventListener('click', ask);
find('.cancel').addEventListener('click', () => { find('.stage').textContent = 'Stopping …'; trigger('cancel', {}); });

hear('marked', (detail) => { marked = detail; draw(); });
watch('value', () => {
  if (props.value.state === 'running') picked = 0;
  draw();
  if (props.value.state === 'done') showFit();
});
draw();
