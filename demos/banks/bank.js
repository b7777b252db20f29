// Which labels CLAP ranks: one of `props.banks`, labels that are pasted, or a bank that was saved before. Saved banks
// are the visitor's: they lie in the browser's own storage, and the server sees one only when CLAP is asked with it.
// `props.value` {bank, labels} is what CLAP is asked next; 'input' is emitted when another bank is chosen.
const { make } = window.earwitness;
const find = (selector) => element.querySelector(selector);
const [choice, typed, nameField, saveButton, renameButton, deleteButton] =
  ['select', 'textarea', '.name', '.save', '.rename', '.delete'].map(find);
const PLACE = 'earwitness:banks';
const OWN = 'own';
const SAVED = 'saved:';
const drafts = new Map(); // what stands in the box of each bank that is not shipped, by its id
let chosen = props.value.bank;
let sure = ''; // what is done when it is asked for once more: 'save' or 'delete'

// Saved banks by name. A storage that is switched off, or holds something else, has none.
const saved = () => {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) || '{}');
    const named = Object.entries(found && typeof found === 'object' ? found : {});
    return new Map(named.filter(([, labels]) => Array.isArray(labels)).map(([name, labels]) => [name, labels.map(String)]));
  } catch (problem) {
    return new Map();
  }
};
const keep = (banks) => {
  try {
    localStorage.setItem(PLACE, JSON.stringify(Object.fromEntries(banks)));
    return true;
  } catch (problem) {
    say('This browser does not let the page save anything, or its storage is full. The labels stay as they are.', true);
    return false;
  }
};

const say = (sentence, wrong = false) => {
  find('.said').textContent = sentence;
  find('.said').classList.toggle('wrong', wrong);
};
const labelsOf = (text) => [...new Set(text.split('\n').map((line) => line.trim()).filter(Boolean))];
const nameOf = (id) => (id.startsWith(SAVED) ? id.slice(SAVED.length) : '');
const shipped = (id) => props.banks.find((bank) => bank.id === id);
const isOwn = () => !shipped(chosen);

// What is wrong with labels, in a sentence, or nothing.
const wrongWith = (labels) => {
  if (labels.length > props.most_labels) return `There are ${labels.length} labels; CLAP ranks at most ${props.most_labels} at a time. Take some out.`;
  const long = labels.find((label) => [...label].length > props.longest_label);
  if (long) return `A label has more than ${props.longest_label} characters: “${[...long].slice(0, 40).join('')}…”. Make it shorter.`;
  return '';
};

const offer = () => {
  const groups = new Map();
  const put = (group, id, title) => {
    if (!groups.has(group)) groups.set(group, make('optgroup'));
    groups.get(group).label = group;
    const option = make('option', '', title);
    option.value = id;
    groups.get(group).append(option);
  };
  props.banks.forEach((bank) => put(bank.group, bank.id, `${bank.title} (${bank.size})`));
  put('Your own', OWN, 'Paste labels …');
  [...saved()].forEach(([name, labels]) => put('Your own', SAVED + name, `${name} (${labels.length})`));
  choice.replaceChildren(...groups.values());
  choice.value = chosen;
};

const unsure = () => {
  sure = '';
  saveButton.textContent = 'Save';
  deleteButton.textContent = 'Delete';
  for (const button of [saveButton, deleteButton]) button.classList.remove('sure');
};
const askAgain = (what, button, label, sentence) => {
  unsure();
  sure = what;
  button.textContent = label;
  button.classList.add('sure');
  say(sentence);
};

const take = () => { props.value = { bank: chosen, labels: isOwn() ? typed.value : '' }; };

const count = () => {
  if (!isOwn()) { find('.hint').textContent = shipped(chosen).hint; return; }
  const labels = labelsOf(typed.value);
  const wrong = wrongWith(labels);
  const kept = saved().get(nameOf(chosen));
  const changed = kept && kept.join('\n') !== labels.join('\n') ? ' Changed, and not saved yet.' : '';
  if (wrong) say(wrong, true);
  else if (find('.said').classList.contains('wrong')) say('');
  find('.hint').textContent = labels.length
    ? `${labels.length} label${labels.length === 1 ? '' : 's'}, one on each line.${changed}`
    : 'One label on each line. While there is none, the captions of the suite are ranked.';
};

const show = (id) => {
  chosen = id;
  unsure();
  say('');
  const name = nameOf(id);
  find('.own').hidden = !isOwn();
  if (isOwn()) {
    typed.value = drafts.get(id) ?? (saved().get(name) || []).join('\n');
    nameField.value = name;
    renameButton.hidden = !name;
    deleteButton.hidden = !name;
  }
  choice.value = id;
  take();
  count();
};

const save = () => {
  const name = nameField.value.trim();
  const labels = labelsOf(typed.value);
  const banks = saved();
  if (!labels.length) { say('There are no labels to save. Write one on each line.', true); typed.focus(); return; }
  if (wrongWith(labels)) { say(wrongWith(labels), true); return; }
  if (!name) { say('Give the bank a name, then press Save.', true); nameField.focus(); return; }
  const before = banks.get(name);
  if (before && before.join('\n') === labels.join('\n')) {
    if (nameOf(chosen) !== name) { offer(); show(SAVED + name); }
    say(`“${name}” is saved.`);
    return;
  }
  if (before && sure !== 'save') {
    askAgain('save', saveButton, 'Replace', `There is a bank “${name}” with ${before.length} label${before.length === 1 ? '' : 's'}. Press Replace to put these in their place, or choose another name.`);
    return;
  }
  banks.set(name, labels);
  if (!keep(banks)) return;
  drafts.delete(chosen);
  drafts.delete(SAVED + name);
  chosen = SAVED + name;
  offer();
  show(chosen);
  say(`“${name}” is saved in this browser, for you alone.`);
};

const rename = () => {
  const [from, to] = [nameOf(chosen), nameField.value.trim()];
  const banks = saved();
  if (!to) { say('Give the bank a name, then press Rename.', true); nameField.focus(); return; }
  if (to === from) { say('Write another name, then press Rename.', true); nameField.focus(); return; }
  if (banks.has(to)) { say(`There is a bank “${to}” already. Choose another name.`, true); nameField.focus(); return; }
  const renamed = new Map([...banks].map(([name, labels]) => [name === from ? to : name, labels]));
  if (!banks.has(from)) { offer(); show(OWN); say(`“${from}” is not saved any more.`, true); return; }
  if (!keep(renamed)) return;
  if (drafts.has(chosen)) drafts.set(SAVED + to, drafts.get(chosen));
  drafts.delete(chosen);
  chosen = SAVED + to;
  offer();
  show(chosen);
  say(`“${from}” is now “${to}”.`);
};

const remove = () => {
  const name = nameOf(chosen);
  if (sure !== 'delete') {
    askAgain('delete', deleteButton, 'Delete for good', `“${name}” is deleted from this browser when you press again. Its labels then stand under “Paste labels …” until you leave.`);
    return;
  }
  const banks = saved();
  banks.delete(name);
  if (!keep(banks)) return;
  drafts.set(OWN, typed.value);
  drafts.delete(chosen);
  chosen = OWN;
  offer();
  show(OWN);
  say(`“${name}” is deleted.`);
  choice.focus();
};

choice.addEventListener('change', () => {
  show(choice.value);
  if (!isOwn() || labelsOf(typed.value).length) trigger('input');
});
typed.addEventListener('input', () => { drafts.set(chosen, typed.value); unsure(); take(); count(); });
nameField.addEventListener('input', () => { unsure(); say(''); });
nameField.addEventListener('keydown', (event) => { if (event.key === 'Enter') { event.preventDefault(); save(); } });
saveButton.addEventListener('click', save);
renameButton.addEventListener('click', rename);
deleteButton.addEventListener('click', remove);
// Another page of the same visitor saved, renamed or deleted.
window.addEventListener('storage', (event) => {
  if (event.key !== PLACE || !element.isConnected) return;
  const text = typed.value;
  if (nameOf(chosen) && !saved().has(nameOf(chosen))) { drafts.set(OWN, text); chosen = OWN; }
  offer();
  show(chosen);
});

typed.placeholder = [...props.such_as, 'one label on each line'].join('\n');
nameField.maxLength = props.longest_name;
offer();
show(chosen);
