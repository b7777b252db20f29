// The words of an answer, to be marked by click, drag, or keyboard. `props.value` is {observation, text, start, stop},
// characters (code points) into the text; marking changes start and stop and emits 'mark'. `props.parts` is
// {start, stop, parts: [[start, stop], …]}: the claims that the words marked so seem to join, a button for each.
const { tell, make } = window.earwitness;
const box = element.querySelector('.words-box');
let words = []; // {start, stop, tail}: characters of each word, and where its closing punctuation begins
let anchor = null; // the word that the marking began at
let cursor = 0; // the word that the keyboard is at
let dragging = false;
let opened = ''; // the observation that is shown

const OPENING = /^["'“‘«„([{]+/u;
const CLOSING = /["'”’».,;:!?…)\]}]+$/u;

const split = (text) => {
  words = [];
  let at = 0;
  for (const part of text.split(/(\s+)/u)) {
    const length = [...part].length;
    if (part.trim()) {
      const open = [...((part.match(OPENING) || [''])[0])].length;
      const close = [...((part.match(CLOSING) || [''])[0])].length;
      const bare = open + close >= length ? [0, 0] : [open, close];
      words.push({ start: at, stop: at + length, head: at + bare[0], tail: at + length - bare[1] });
    }
    at += length;
  }
};

// The parts are drawn for the marking that they were made for, and for no other.
const offer = () => {
  const shelf = element.querySelector('.parts');
  const { start, stop, parts } = props.parts || {};
  const value = props.value || {};
  shelf.hidden = !parts || start !== value.start || stop !== value.stop;
  if (shelf.hidden) { shelf.replaceChildren(); return; }
  const characters = [...(value.text || '')];
  const buttons = parts.map(([from, to]) => {
    const button = make('button', '', characters.slice(from, to).join(''));
    button.type = 'button';
    button.addEventListener('click', () => { show({ start: from, stop: to }); box.focus(); done(); });
    return button;
  });
  shelf.replaceChildren(make('span', '', `${parts.length} claims? Flag one at a time:`), ...buttons);
};

const isMarked = (word) => word.tail > props.value.start && word.head < props.value.stop;

const draw = () => {
  const characters = [...(props.value.text || '')];
  const pieces = [];
  let at = 0;
  words.forEach((word, k) => {
    const marked = isMarked(word);
    const joined = marked && k > 0 && isMarked(words[k - 1]);
    if (joined) pieces[pieces.length - 1].append(characters.slice(at, word.start).join(''));
    else pieces.push(characters.slice(at, word.start).join(''));
    const span = make('span', marked ? 'marked' : '', characters.slice(word.start, word.stop).join(''));
    if (marked && !joined) span.classList.add('first');
    if (marked && !(k + 1 < words.length && isMarked(words[k + 1]))) span.classList.add('last');
    if (k === cursor) span.classList.add('cursor');
    span.dataset.word = k;
    span.id = `word-${k}`;
    span.setAttribute('role', 'option');
    span.setAttribute('aria-selected', String(marked));
    pieces.push(span);
    at = word.stop;
  });
  pieces.push(characters.slice(at).join(''));
  box.replaceChildren(...pieces);
  box.setAttribute('aria-activedescendant', `word-${cursor}`);
};

const mark = (first, last) => {
  const [from, to] = first <= last ? [first, last] : [last, first];
  const span = first === null ? { start: 0, stop: 0 } : { start: words[from].head, stop: words[to].tail };
  if (span.start === props.value.start && span.stop === props.value.stop) return;
  show(span);
};
const show = (span) => {
  props.value = { ...props.value, ...span };
  draw();
  offer();
  tell('marked', { observation: props.value.observation, ...span });
};
const done = () => trigger('mark', {});

const wordAt = (event) => {
  const under = document.elementFromPoint(event.clientX, event.clientY);
  const span = under && under.closest('[data-word]');
  return span && box.contains(span) ? Number(span.dataset.word) : null;
};
box.addEventListener('pointerdown', (event) => {
  const word = wordAt(event);
  if (word === null || event.button !== 0) return;
  const only = props.value.start === words[word].head && props.value.stop === words[word].tail;
  box.focus();
  anchor = cursor = word;
  dragging = true;
  if (only) { mark(null); dragging = false; done(); return; } // a second click lets it go
  if (event.shiftKey && props.value.stop > props.value.start) {
    anchor = Math.max(0, words.findIndex(isMarked));
  }
  mark(anchor, word);
});
window.addEventListener('pointermove', (event) => {
  if (!dragging) return;
  const word = wordAt(event);
  if (word === null) return;
  cursor = word;
  mark(anchor, word);
});
window.addEventListener('pointerup', () => { if (dragging) { dragging = false; done(); } });

box.addEventListener('keydown', (event) => {
  if (!words.length || event.ctrlKey || event.metaKey) return;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 5, ArrowUp: -5, Home: -words.length, End: words.length };
  if (event.key in steps) {
    const next = Math.max(0, Math.min(words.length - 1, cursor + steps[event.key]));
    if (event.shiftKey) {
      if (props.value.stop <= props.value.start || anchor === null) { anchor = cursor; mark(anchor, anchor); } 
      else mark(anchor, next), cursor = next;
      done();
    } else {
      cursor = next;
      anchor = null;
    }
  } else if (event.key === ' ' || event.key === 'Enter') {
    anchor = cursor;
    mark(cursor, cursor);
    done();
  } else if (event.key === 'Escape') {
    mark(null);
    done();
  } else return;
  event.preventDefault();
  draw();
});

const load = () => {
  const value = props.value || {};
  split(value.text || '');
  const isNew = Boolean(value.observation) && value.observation !== opened;
  if (isNew) {
    const first = words.findIndex(isMarked);
    anchor = first < 0 ? null : first;
    cursor = Math.max(0, first);
  }
  opened = value.observation || '';
  draw();
  offer();
  tell('marked', opened ? { observation: opened, start: value.start, stop: value.stop } : null);
  if (isNew) {
    requestAnimationFrame(() => {
      element.closest('.flag-form')?.scrollIntoView({ behavior: 'smooth', block: 'nearest' });
      box.focus({ preventScroll: true });
    });
  }
};

// Ctrl or ⌘ with Enter saves while the form is open. The form is drawn anew whenever it opens.
const save = (event) => {
  if (!element.isConnected) { document.removeEventListener('keydown', save, true); return; }
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  const form = element.closest('.flag-form');
  const inForm = form?.contains(event.target) || event.target === document.body; // or nothing has the focus
  if (!inForm) return;
  event.preventDefault();
  event.stopPropagation();
  document.activeElement?.blur?.(); // so that a number that is being typed is taken
  setTimeout(() => form.querySelector('button.save-flag, .save-flag button')?.click(), 50);
};
document.addEventListener('keydown', save, true); // before a check box takes Enter for a click

watch('value', load);
watch('parts', offer);
load();
