// One system's answer. `props.value` says everything that is shown; texts of models and people are set as text, never
// as markup. Emits 'ask' (on Listen and, with `again`, on Re-run), 'follow' {observation, question}: a question that
// follows an answer, 'anew' where the conversation ends, 'cancel', 'flagged' {observation, start, stop}: the selected
// characters of the answer, or 0, 0; and 'look' {observation} when it is asked what a word of the answer rests on,
// which `props.grounds` then says.
const { make, tell, hear, selectionWithin, sharp, paintGrid, levelsOf, colour, redraws } = window.earwitness;
const find = (selector) => element.querySelector(selector);
let picked = [0]; // which of the labels are shown over time, the one chosen last behind the others
let part = {}; // {start, stop} of the sound that was asked about last; empty for all of it
let marked = null; // {observation, start, stop}: the words that the flag form has marked
let selected = [0, 0];
let talking = false; // a follow-up was asked: its answer is followed up next
let looked = null; // [start, stop]: the word of the answer whose grounds are shown

// An answer whose words can be looked into: each word by itself, in it the pieces of its tokens, shaded where the model
// gave them little.
const sayWords = (box, value) => {
  const characters = [...value.text]; // code points, as the server counts them
  const tokenOf = [];
  value.tokens.forEach(([text], k) => { for (let i = [...text].length; i > 0; i--) tokenOf.push(k); });
  const within = (start, stop, [from, to]) => start < to && stop > from;
  const mark = marked && marked.observation === value.observation ? [marked.start, marked.stop] : [0, 0];
  const pieces = [];
  let at = 0;
  while (at < characters.length) {
    let stop = at;
    const blank = !characters[at].trim();
    while (stop < characters.length && !characters[stop].trim() === blank) stop++;
    if (blank) {
      pieces.push(characters.slice(at, stop).join(''));
    } else {
      const word = make('span', 'word');
      word.dataset.start = at;
      word.dataset.stop = stop;
      const unheard = (value.unheard || []).find((one) => within(at, stop, one));
      if (unheard) word.classList.add('doubt');
      if (within(at, stop, mark)) word.classList.add('mark');
      if ((value.differs || []).some((one) => within(at, stop, one))) word.classList.add('differs');
      if (looked && looked[0] === at) word.classList.add('looked');
      for (let from = at; from < stop;) {
        let to = from;
        while (to < stop && tokenOf[to] === tokenOf[from]) to++;
        const piece = make('span', 'piece', characters.slice(from, to).join(''));
        const [, probability] = value.tokens[tokenOf[from]] || ['', null];
        piece.style.setProperty('--p', probability === null ? 1 : probability);
        const given = probability === null ? [] : [`The model gave this ${Math.round(100 * probability)} %.`];
        piece.title = [...given, ...(unheard ? [unheard[2]] : [])].join(' ');
        word.append(piece);
        from = to;
      }
      pieces.push(word);
    }
    at = stop;
  }
  box.replaceChildren(...pieces);
};

const say = (value) => {
  const box = find('.say');
  box.hidden = !value.text;
  box.classList.toggle('writing', value.state === 'running');
  box.classList.toggle('line', Boolean(value.line));
  const words = value.state === 'done' && value.tokens;
  box.tabIndex = words && value.look ? 0 : -1;
  box.classList.toggle('looks', Boolean(words && value.look));
  if (words && value.look) box.setAttribute('aria-label', `${value.text}. Arrow keys choose a word; the timeline shows when it was heard.`);
  else box.removeAttribute('aria-label');
  if (words) { sayWords(box, value); return; }
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

// What the shades are, and what a word is good for, where there are any.
const explain = (value) => {
  const shaded = value.state === 'done' && Boolean(value.text) && Boolean(value.tokens);
  find('.legend').hidden = !shaded;
  find('.legend').textContent = value.look
    ? 'Darker: less probable. Choose a word to see when it was heard.' : 'Darker: less probable.';
};

// Whether there is something to flag, and who may be flagged from the timeline.
const flaggable = (value) => Boolean(value.observation) && value.flaggable !== false;

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
    button.setAttribute('aria-pressed', String(picked.includes(k)));
    const bar = make('span', 'bar');
    const fill = make('i');
    fill.style.width = `${100 * Math.max(0, Math.min(1, score.cosine))}%`;
    bar.append(fill);
    button.append(make('span', 'name', score.text), bar, make('em', '', score.cosine.toFixed(2)));
    row.append(button);
    return row;
  }));
};

const MOST_CURVES = 4;
const showFits = () => {
  const scores = props.value.scores || [];
  if (!scores.length) return;
  tell('fits', picked.filter((k) => scores[k]).map((k) => ({ label: scores[k].text, windows: scores[k].windows })));
};

const groundsOf = (value) => {
  const found = props.grounds;
  return found && value.observation && found.observation === value.observation ? found : null;
};

// Tokens of the grounds that have a character of a word.
const tokensWithin = (found, [start, stop]) => {
  const inside = [];
  let at = 0;
  found.tokens.forEach((text, k) => {
    const end = at + [...text].length;
    if (at < stop && end > start) inside.push(k);
    at = end;
  });
  return inside;
};

const shareOf = (probability) => (probability < 0.005 ? probability.toExponential(0) : probability.toFixed(2));

const showGrounds = () => {
  const value = props.value || {};
  const found = value.state === 'done' ? groundsOf(value) : null;
  const box = find('.grounds');
  box.hidden = !looked || value.state !== 'done';
  if (box.hidden) return;
  const over = find('.over');
  find('.rests').hidden = !found || Boolean(found.problem);
  if (!found) { over.textContent = 'Looking …'; return; }
  if (found.problem) { over.textContent = found.problem; return; }
  const word = [...value.text].slice(...looked).join('');
  const inside = tokensWithin(found, looked);
  const product = (values) => inside.reduce((all, k) => all * values[k], 1);
  over.replaceChildren(
    make('b', '', `“${word}”`),
    ` has probability ${shareOf(product(found.probabilities))}; over silence ${shareOf(product(found.overSilence))}.`,
  );
  const weights = found.windows.map(([start, stop], w) => [
    start, stop, inside.reduce((all, k) => all + found.attention[k][w], 0) / inside.length,
  ]);
  tell('attended', { label: word, windows: weights });
  drawRests(found, inside);
};

const drawRests = (found, inside) => {
  const heat = levelsOf(found.mass);
  const mass = find('.mass');
  paintGrid(mass, heat.levels, heat.rows, heat.columns);
  mass.setAttribute('aria-label', `Attention to the sound, ${heat.rows} layers by ${heat.columns} tokens`);
  const changes = found.probabilities.map((p, k) => Math.log(p / found.overSilence[k]));
  const most = Math.max(0.1, ...changes.map(Math.abs));
  const canvas = find('.change');
  canvas.setAttribute('aria-label', 'Change of each token’s log-probability by the sound, against silence');
  const [pen, width, height] = sharp(canvas);
  const wide = width / changes.length;
  changes.forEach((change, k) => {
    pen.fillStyle = colour(change < 0 ? 'red' : 'accent');
    pen.globalAlpha = inside.includes(k) ? 1 : 0.45;
    const tall = Math.max(1, (Math.abs(change) / most) * (height / 2 - 1));
    pen.fillRect(k * wide + 0.5, change < 0 ? height / 2 : height / 2 - tall, Math.max(1, wide - 1), tall);
  });
  find('.rests figcaption').textContent =
    'Above: attention of each token (across) in each layer (up) to the sound. Below: what the sound adds to its '
    + 'log-probability.';
};

const look = (start, stop) => {
  const value = props.value || {};
  if (value.state !== 'done' || !value.look) return;
  looked = [start, stop];
  say(value);
  showGrounds();
  if (!groundsOf(value)) trigger('look', { observation: value.observation });
};

const tipOf = (canvas, rows) => (event) => {
  const found = groundsOf(props.value || {});
  if (!found || found.problem) return;
  const box = canvas.getBoundingClientRect();
  const token = Math.max(0, Math.min(found.tokens.length - 1, Math.floor(((event.clientX - box.left) / box.width) * found.tokens.length)));
  const caption = find('.rests figcaption');
  if (rows) {
    const layer = Math.max(0, Math.min(found.mass.length - 1, Math.floor((1 - (event.clientY - box.top) / box.height) * found.mass.length)));
    caption.dataset.value = found.mass[layer][token];
    caption.textContent = `“${found.tokens[token].trim()}”, layer ${layer + 1}: ${found.mass[layer][token]} of its attention is on the sound.`;
  } else {
    const [p, silent] = [found.probabilities[token], found.overSilence[token]];
    caption.dataset.value = p;
    caption.textContent = `“${found.tokens[token].trim()}”: ${p} with the sound, ${silent} over silence.`;
  }
};

// What was asked and answered before, and the question that the answer below is to.
const converse = (value) => {
  const turns = value.turns || [];
  const thread = find('.thread');
  thread.hidden = !turns.length && !value.asked;
  thread.replaceChildren(
    ...turns.flatMap(([question, answer]) => [make('dt', '', question), make('dd', '', answer || '(nothing)')]),
    ...(value.asked ? [make('dt', '', value.asked)] : []),
  );
  thread.scrollTop = thread.scrollHeight;
  find('.follow').hidden = value.state !== 'done' || !value.follows;
  find('.anew').hidden = value.state === 'running' || !turns.length || !props.listens;
};

const draw = () => {
  const value = props.value || {};
  const running = value.state === 'running';
  const sentence = value.sentence || (running ? value.stage : '');
  const state = find('.state');
  state.hidden = !sentence;
  state.classList.toggle('wrong', value.state === 'error');
  find('.spin').hidden = !running;
  if (find('.stage').textContent !== sentence) find('.stage').textContent = sentence; // what is said anew is read out anew
  find('.left').textContent = running && value.left ? `, ${value.left}` : '';
  converse(value);
  say(value);
  explain(value);
  rank(value);
  const notes = value.notes || [];
  find('.notes').hidden = notes.length === 0;
  find('.notes').replaceChildren(...notes.map((note) => make('p', '', note)));
  find('.took').textContent = value.took || '';
  find('.rerun').hidden = running || !value.again;
  find('.rerun').textContent = props.listens ? '↻' : 'Compare';
  find('.cancel').hidden = !running;
  find('.flag').hidden = !flaggable(value) || running;
  find('.flag').classList.toggle('open', Boolean(marked && marked.observation === value.observation));
  find('.flag').textContent = find('.flag').classList.contains('open') ? '⚑ Flagging…' : '⚑ Flag';
  showGrounds();
};

find('.hits').addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const chosen = Number(button.dataset.rank);
  picked = picked.includes(chosen) ? picked.filter((k) => k !== chosen) : [...picked, chosen].slice(-MOST_CURVES);
  rank(props.value);
  find('.hits').querySelectorAll('button')[chosen].focus();
  showFits();
});
find('.say').addEventListener('click', (event) => {
  const word = event.target.closest('.word');
  if (word && document.getSelection().isCollapsed) look(Number(word.dataset.start), Number(word.dataset.stop));
});
find('.say').addEventListener('keydown', (event) => {
  const words = [...find('.say').querySelectorAll('.word')];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !words.length || !props.value.look) return;
  event.preventDefault();
  const now = words.findIndex((word) => looked && Number(word.dataset.start) === looked[0]);
  const next = words[now < 0 ? (step > 0 ? 0 : words.length - 1) : (now + step + words.length) % words.length];
  look(Number(next.dataset.start), Number(next.dataset.stop));
});
for (const [selector, rows] of [['.mass', true], ['.change', false]]) {
  find(selector).addEventListener('pointermove', tipOf(find(selector), rows));
}
// A click on the button clears the selection in some browsers, so it is read when the button is pressed.
find('.flag').addEventListener('pointerdown', () => { selected = selectionWithin(find('.say')); });
find('.flag').addEventListener('click', () => {
  const [start, stop] = selected[1] > selected[0] ? selected : selectionWithin(find('.say'));
  selected = [0, 0];
  trigger('flagged', { observation: props.value.observation, start, stop });
});
// Gradio runs the listeners of one event one after the other, so that each panel has an event of its own.
let asks = 0; // each question has a number, so that one that still waits can be cancelled
const wait = (shown = {}) => {
  asks += 1;
  props.value = { state: 'running', stage: 'Waiting for its turn …', ...shown, unheard: asks };
  draw();
  const asked = asks;
  setTimeout(() => nudge(asked), 2000);
};
// Gradio closes the stream of answers when all it knows of were given. A question that is on its way in that moment is
// answered, but nobody listens: any other question opens the stream, and what waits comes with it.
const nudge = (asked) => {
  if (!element.isConnected || (props.value || {}).unheard !== asked) return;
  trigger('nudge', {});
  setTimeout(() => nudge(asked), 4000);
};
hear('listen', (asked) => {
  part = asked || {};
  if (!props.listens) return;
  wait();
  trigger('ask', { ...part, ask: asks });
});
find('.rerun').addEventListener('click', () => {
  const { turns, asked } = props.value;
  wait({ turns, asked });
  trigger('ask', { ...part, again: true, ask: asks });
});
const following = find('.follow input');
following.setAttribute('aria-label', `Ask ${props.title} a follow-up`);
following.maxLength = props.longest;
find('.follow').addEventListener('submit', (event) => {
  event.preventDefault();
  const question = following.value.trim();
  if (!question) return;
  const { observation, turns, asked, text, first } = props.value;
  following.value = '';
  talking = true;
  wait({ turns: [...(turns || []), [asked || first, text]], asked: question });
  trigger('follow', { ...part, observation, question, ask: asks });
});
find('.anew').addEventListener('click', () => { talking = false; trigger('anew', {}); });
hear('flag', ({ system }) => {
  if (props.listens && system === props.system && flaggable(props.value)) trigger('flagged', { observation: props.value.observation, start: 0, stop: 0 });
});
find('.cancel').addEventListener('click', () => { find('.stage').textContent = 'Stopping …'; find('.left').textContent = ''; trigger('cancel', { ask: asks }); });

hear('marked', (detail) => { marked = detail; draw(); });
watch('grounds', showGrounds);
watch('value', () => {
  if (props.value.state === 'running') picked = [0];
  if (props.value.state === 'empty') part = {};
  if (props.listens) tell('answered', { system: props.system, title: props.title, observation: props.value.observation || '' });
  if (looked && props.value.state !== 'done') { looked = null; tell('attended', null); }
  draw();
  if (props.value.state === 'done') showFits();
  if (talking && props.value.state === 'done') { talking = false; following.focus({ preventScroll: true }); }
});
draw();
redraws(find('.rests'), showGrounds);
