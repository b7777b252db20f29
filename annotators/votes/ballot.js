// Two answers beside each other. `props.value` is {state, sentence, left, about, sides, outcome, note, ask, close}: each side
// is {name, text, differs, setting, took, chosen}, and what would tell which is which is not in it before the vote.
// Emits 'ask', 'cancel' and 'close'.
const { make } = window.earwitness;
const find = (selector) => element.querySelector(selector);
let shown = ''; // the state that was drawn last

const answer = (side) => {
  const characters = [...(side.text || '(nothing)')]; // code points, as the server counts them
  const box = make('blockquote');
  let at = 0;
  for (const [start, stop] of side.differs || []) {
    box.append(characters.slice(at, start).join(''), make('span', 'differs', characters.slice(start, stop).join('')));
    at = stop;
  }
  box.append(characters.slice(at).join(''));
  return box;
};

const sideOf = (side) => {
  const made = make('section', side.chosen ? 'side chosen' : 'side');
  made.setAttribute('aria-label', side.name);
  made.append(make('h4', '', side.chosen ? `${side.name} ✓` : side.name), answer(side));
  if (side.setting) {
    const setting = make('p', 'setting', side.setting);
    setting.append(make('small', '', side.took));
    made.append(setting);
  }
  return made;
};

const line = (selector, text) => {
  find(selector).hidden = !text;
  find(selector).textContent = text || '';
};

const draw = () => {
  const value = props.value || {};
  const asking = value.state === 'asking';
  line('.about', value.about);
  line('.outcome', value.outcome);
  line('.note', value.note);
  find('.state').hidden = !value.sentence;
  find('.state').classList.toggle('wrong', value.state === 'error');
  find('.spin').hidden = !asking;
  if (find('.stage').textContent !== (value.sentence || '')) find('.stage').textContent = value.sentence || ''; // or it is read out anew
  find('.left').textContent = asking && value.left ? `, ${value.left}` : '';
  const sides = value.sides || [];
  find('.sides').hidden = sides.length === 0;
  find('.sides').replaceChildren(...sides.map(sideOf));
  find('.ask').hidden = asking || !value.ask;
  find('.ask').textContent = value.ask || '';
  find('.cancel').hidden = !asking;
  find('.close').hidden = asking || !value.close;
  find('.foot').hidden = !asking && !value.ask && !value.close;
  // The button that was pressed goes, in this component or below it: the reader goes on where the answer is.
  const form = element.closest('.vote-form') || element;
  const lost = document.activeElement === document.body || form.contains(document.activeElement);
  if (value.state !== shown && lost && shown !== '') {
    if (value.state === 'open') find('.sides').focus({ preventScroll: true });
    if (value.state === 'voted') find('.outcome').focus({ preventScroll: true });
  }
  shown = value.state || '';
};

let asks = 0; // as in the panels: one that still waits can be cancelled
find('.ask').addEventListener('click', () => {
  asks += 1;
  props.value = { ...props.value, state: 'asking', sentence: 'Both are asked …', sides: [], outcome: '', note: '', ask: '' };
  draw();
  trigger('ask', { ask: asks });
});
find('.cancel').addEventListener('click', () => { find('.stage').textContent = 'Stopping …'; find('.left').textContent = ''; trigger('cancel', { ask: asks }); });
find('.close').addEventListener('click', () => trigger('close', {}));
watch('value', draw);
draw();
