// The published models by slot. `props.value` {slots, may, problem, watch} is the list as the server knows it; `watch`
// says that something is on its way, and the list is asked for again. Emits 'look', 'bring' {id}, 'cancel' {id}, 'use'
// {id, slot}.
const { make } = window.earwitness;
const [problem, told, slots] = ['.problem', '.told', '.slots'].map((one) => element.querySelector(one));
const SAID = {
  waiting: 'waiting for another one', downloading: 'downloading', checking: 'checking', loading: 'loading into memory',
  here: 'on this machine', loaded: 'loaded', elsewhere: 'not here',
};
let timer = 0;
let before = {}; // id → state, to say aloud what changed

const button = (name, title, does) => {
  const made = make('button', 'small', name);
  made.type = 'button';
  made.setAttribute('aria-label', `${name.replace(' …', '')} ${title}`);
  made.dataset.does = `${does}`;
  return made;
};

const actionsOf = (model) => {
  if (model.state === 'loading') return [];
  if (model.moving) return [button('Cancel', model.title, 'cancel')];
  if (model.state === 'loaded') return [button('Use', model.title, 'use')];
  const load = button('Load …', model.title, 'bring');
  load.disabled = !props.value.may;
  return model.state === 'here' ? [load, button('Use', model.title, 'use')] : [load];
};

const stateOf = (model) => {
  const cell = make('td', `state ${model.state}`);
  cell.append(make('span', '', SAID[model.state]));
  if (model.moving) {
    const bar = make('progress');
    bar.setAttribute('aria-label', `${model.title}: ${SAID[model.state]}`);
    if (model.total && model.state !== 'loading') { bar.max = model.total; bar.value = Math.min(model.done, model.total); }
    cell.append(bar);
    if (model.progress) cell.append(make('small', '', model.progress));
  }
  if (model.problem) cell.append(make('small', 'wrong', model.problem));
  return cell;
};

const row = (model, slot) => {
  const line = make('tr');
  line.dataset.model = model.id;
  line.dataset.slot = slot;
  const name = make('th');
  name.scope = 'row';
  name.append(make('b', '', model.title), make('small', '', `from ${model.from}`), make('small', '', `trained on: ${model.trained}`));
  for (const sentence of model.hand) name.append(make('small', 'hand', `by hand: ${sentence}`));
  const licence = make('td', 'licence', model.licence);
  if (model.terms) licence.append(make('small', '', model.terms));
  const does = make('td', 'does');
  does.append(...actionsOf(model));
  const sizes = [['download', model.download], ['memory', model.memory]].map(([head, said]) => {
    const cell = make('td', '', said);
    cell.dataset.head = head; // said before it where the table has no heads
    return cell;
  });
  line.append(name, ...sizes, licence, stateOf(model), does);
  return line;
};

const table = (slot) => {
  const section = make('section');
  const wide = make('div', 'wide');
  const made = make('table');
  const head = make('tr');
  for (const title of ['model', 'download', 'memory', 'licence of the weights', 'where it stands', '']) {
    const cell = make('th', '', title);
    cell.scope = 'col';
    head.append(cell);
  }
  const [top, body] = [make('thead'), make('tbody')];
  top.append(head);
  body.append(...slot.models.map((model) => row(model, slot.id)));
  made.append(top, body);
  wide.append(made);
  section.append(make('h3', '', slot.name), wide);
  return section;
};

const draw = () => {
  const value = props.value || { slots: [] };
  const at = document.activeElement;
  const focused = element.contains(at) && at.dataset.does ? at.closest('tr').dataset.model : '';
  problem.hidden = !value.problem;
  problem.textContent = value.problem || '';
  slots.replaceChildren(...value.slots.map(table));
  if (focused) slots.querySelector(`tr[data-model="${CSS.escape(focused)}"] button`)?.focus();
  const states = {};
  const changed = [];
  for (const model of value.slots.flatMap((slot) => slot.models)) {
    states[model.id] = model.state;
    if (before[model.id] && before[model.id] !== model.state) changed.push(`${model.title}: ${SAID[model.state]}`);
  }
  if (changed.length) told.textContent = changed.join('. ');
  before = states;
  clearTimeout(timer);
  if (value.watch) timer = setTimeout(() => { if (element.isConnected) trigger('look', {}); }, 1000);
};

slots.addEventListener('click', (event) => {
  const pressed = event.target.closest('button');
  if (!pressed || pressed.disabled) return;
  const line = pressed.closest('tr');
  trigger(pressed.dataset.does, { id: line.dataset.model, slot: line.dataset.slot });
});
watch('value', draw);
draw();
