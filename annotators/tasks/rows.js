// The list of rows. `props.value` is {rows, instances, following, number, pages, total, empty}; `props.sound` {row, address} is
// played, `props.download` {address, name, sentence} is fetched, `props.details` tells more of one row (see
// details_component.py). Emits 'play' {row}, 'turn' {number}, 'open' {row}, 'edit' {row, instruction, label, reason},
// 'out' {row, back}, 'withdraw' {row, everyone}, 'partners' {row}, 'sample' {row, clip}, 'confirm' {row, clip} and 'replay' {row}.
const { make, tell, hear } = window.earwitness;
const find = (selector) => element.querySelector(selector);
const audio = find('audio');
let playing = ''; // id of the row that is heard, or of a clip that is proposed as a partner
let open = ''; // id of the row whose details are shown
let waiting = ''; // what is being done for it, said until the server answers
let sure = ''; // what is to be withdrawn once it is confirmed
const ERASING = 'Erasing…';
let typed = null; // what stands in the editor of the open row

const markedAnswer = (row) => {
  const characters = [...row.answer];
  const room = 60; // characters of the answer shown around the marked words
  const from = Math.max(0, row.span[0] - room);
  const to = Math.min(characters.length, row.span[1] + room);
  const text = (start, stop) => characters.slice(start, stop).join('');
  return [
    (from > 0 ? '…' : '') + text(from, row.span[0]),
    make('span', 'mark', text(row.span[0], row.span[1])),
    text(row.span[1], to) + (to < characters.length ? '…' : ''),
  ];
};

const cell = (className, ...content) => {
  const made = make('div', className);
  made.setAttribute('role', 'cell');
  made.append(...content);
  return made;
};

const line = (row) => {
  const made = make('div', 'line');
  made.setAttribute('role', 'row');
  made.dataset.row = row.id;
  const play = make('button', row.id === playing ? 'play playing' : 'play', row.id === playing ? '❚❚' : '▶');
  play.type = 'button';
  play.setAttribute('aria-label', row.id === playing ? 'Stop' : `Play the sound of: ${row.instruction}`);
  made.append(
    cell('', play),
    cell('instruction', row.instruction, make('small', '', row.task)),
    cell('label', row.label, make('small', `state ${row.state.replaceAll(' ', '-')}`, row.state)),
    cell('said', ...markedAnswer(row), make('small', '', `${row.model} · ${row.kind}`)),
    cell('', `${row.start.toFixed(1)}–${row.stop.toFixed(1)} s`, make('small', '', `${row.licence} · ${row.made_at}`)),
    cell('', moreButton(row)),
  );
  return made;
};

const moreButton = (row) => {
  const more = make('button', 'small more', row.id === open ? 'Less' : row.edits ? `More · ${row.edits + 1} versions` : 'More');
  more.type = 'button';
  more.setAttribute('aria-expanded', String(row.id === open));
  more.setAttribute('aria-label', `${row.id === open ? 'Hide' : 'Show'} the details of: ${row.instruction}`);
  return more;
};

const act = (label, name, detail = {}, sentence = '') => {
  const made = make('button', `small act-${name}`, label);
  made.type = 'button';
  made.disabled = waiting !== '';
  made.addEventListener('click', () => {
    waiting = sentence || `${label}…`;
    trigger(name, { row: open, ...detail });
    draw();
  });
  return made;
};

const titled = (title, ...content) => {
  const made = make('section', 'part');
  made.append(make('h4', '', title), ...content);
  return made;
};

const facts = (details) => {
  const made = make('dl', 'facts');
  for (const [name, text] of details.facts) made.append(make('dt', '', name), make('dd', '', text));
  return titled('What the model was asked', made);
};

const versions = (details) => {
  const list = make('ol', 'versions');
  for (const one of details.versions) {
    const item = make('li', '', one.retired ? 'taken out' : `${one.instruction} → ${one.label}`);
    item.append(make('small', '', one.made_at));
    list.append(item);
  }
  return titled(details.versions.length > 1 ? 'Versions, the last one holds' : 'As it was made', list);
};

const editor = (details) => {
  const field = (name, label, text) => {
    const box = make(name === 'instruction' ? 'textarea' : 'input', `edit-${name}`);
    box.value = text;
    box.addEventListener('input', () => { typed[name] = box.value; });
    const around = make('label', 'edited', label);
    around.append(box);
    return around;
  };
  typed = typed || { instruction: details.instruction, label: details.label, reason: '' };
  const save = make('button', 'small act-edit', 'Save as a new version');
  save.type = 'button';
  save.disabled = waiting !== '';
  save.addEventListener('click', () => {
    waiting = 'Saving…';
    trigger('edit', { row: open, ...typed });
    draw();
  });
  const out = details.taken_out
    ? act('Put it back', 'out', { back: true })
    : act('Take it out of the tasks', 'out', { back: false });
  const buttons = make('div', 'buttons');
  buttons.append(save, out);
  if (details.withdrawable) buttons.append(withdraw('Withdraw what I gave to this sound', false));
  if (details.withdrawable && details.is_theirs) buttons.append(withdraw('Withdraw the sound for everyone', true));
  return titled(
    'Say it otherwise',
    field('instruction', 'instruction', typed.instruction),
    field('label', 'label', typed.label),
    field('reason', 'reason, kept to this house', typed.reason),
    buttons,
  );
};

// Asks once more before anything is erased.
const withdraw = (label, everyone) => {
  const asked = sure === label;
  const made = make('button', `small danger act-withdraw${everyone ? '-all' : ''}`, asked ? 'Erase it for good?' : label);
  made.type = 'button';
  made.disabled = waiting !== '';
  made.addEventListener('click', () => {
    if (asked) {
      waiting = ERASING;
      trigger('withdraw', { row: open, everyone });
    }
    sure = asked ? '' : label;
    draw();
  });
  return made;
};

const partners = (details) => {
  if (!details.needs_partner) return '';
  if (!details.candidates) {
    const sentence = 'Looking for sounds in which the answer is another…';
    const look = act('Find a partner', 'partners', {}, sentence);
    return titled('Needs a partner', make('p', 'hint', 'The same question, asked of a sound where the answer is another.'), look);
  }
  const list = make('div', 'candidates');
  for (const one of details.candidates) {
    const item = make('div', 'candidate');
    const play = make('button', 'play', one.clip === playing ? '❚❚' : '▶');
    play.type = 'button';
    play.setAttribute('aria-label', one.clip === playing ? 'Stop' : `Play the proposed sound ${one.clip.slice(0, 8)}`);
    play.addEventListener('click', () => {
      if (one.clip === playing) { stop(); return; }
      playing = one.clip;
      draw();
      trigger('sample', { row: open, clip: one.clip });
    });
    item.append(play, make('span', '', `${one.seconds.toFixed(1)} s · ${one.why}`));
    item.append(act(`Here it is “${details.other}”`, 'confirm', { clip: one.clip }, 'Saving…'));
    list.append(item);
  }
  if (!details.candidates.length) list.append(make('p', 'hint', 'No other sound under this licence is kept yet.'));
  return titled(`Is it “${details.other}” in one of these? “${details.asked}”`, list);
};

const replayed = (details) => {
  const box = titled('Hear the model again', act('Ask it again', 'replay', {}, 'The model listens…'));
  if (!details.replay) return box;
  const { same, text, changes } = details.replay;
  box.append(make('p', same ? 'same' : 'differs', same ? 'It says the same words again.' : 'It says something else now:'));
  if (!same) box.append(make('blockquote', '', text || '(nothing)'));
  for (const sentence of changes) box.append(make('p', 'hint', sentence));
  return box;
};

const detailsOf = (row) => {
  const made = make('div', 'details');
  made.setAttribute('role', 'row');
  const inside = cell('inside');
  inside.setAttribute('aria-live', 'polite');
  made.append(inside);
  const details = props.details;
  if (!details || details.row !== row.id) {
    inside.append(make('p', 'hint', 'Reading…'));
    return made;
  }
  if (details.problem) {
    const problem = make('p', 'problem', details.problem);
    problem.setAttribute('role', 'alert');
    inside.append(problem);
  }
  if (waiting) inside.append(make('p', 'hint', waiting));
  inside.append(facts(details), partners(details), replayed(details), versions(details));
  if (details.editable) inside.append(editor(details));
  return made;
};

const heading = () => {
  const made = make('div', 'line');
  made.setAttribute('role', 'row');
  for (const name of ['', 'instruction', 'label', 'what the model said', 'sound', '']) {
    const one = make('div', '', name);
    one.setAttribute('role', 'columnheader');
    made.append(one);
  }
  return made;
};

const instance = (one) => {
  const made = make('section', 'instance');
  made.append(make('span', 'licence', one.licence), make('h3', '', one.task));
  made.append(make('p', 'about', one.about), make('code', 'name', one.name));
  if (one.ready) made.append(make('p', 'ready', '✓ ready to be released'));
  for (const gate of one.rules) made.append(gateLine(gate));
  if (one.habits.length) made.append(make('p', 'habit', 'not a rule, but usual'), ...one.habits.map(gateLine));
  return made;
};

const follows = (one) => {
  const answers = `${one.answers} flagged ${one.answers === 1 ? 'answer' : 'answers'}`;
  const made = make('span', '', `${one.model} followed its instruction in ${one.answers - one.missed} of ${answers} `);
  made.append(make('b', '', `${Math.round(100 * one.rate)} %`));
  return made;
};

const gateLine = (gate) => {
  const row = make('div', gate.met ? 'gate met' : 'gate');
  const bar = make('i');
  const fill = make('b');
  fill.style.width = `${100 * Math.min(1, gate.share)}%`;
  bar.append(fill);
  row.append(make('span', '', (gate.met ? '✓ ' : '') + gate.words), bar);
  return row;
};

const draw = () => {
  const value = props.value || {};
  const rows = value.rows || [];
  find('.summary').textContent = rows.length ? `${value.total} ${value.total === 1 ? 'row' : 'rows'}` : '';
  find('.instances').replaceChildren(...(value.instances || []).map(instance));
  find('.following').replaceChildren(...(value.following || []).map(follows));
  find('.nothing').hidden = rows.length > 0;
  find('.nothing').textContent = value.empty || '';
  find('.list').hidden = rows.length === 0;
  const kept = document.activeElement;
  const focus = kept && element.contains(kept) && kept.className;
  find('.list').replaceChildren(
    heading(),
    ...rows.flatMap((row) => (row.id === open ? [line(row), detailsOf(row)] : [line(row)])),
  );
  const again = focus && [...find('.list').getElementsByClassName(focus)][0];
  if (again && !element.contains(kept)) again.focus({ preventScroll: true });
  find('.pages').hidden = !(value.pages > 1);
  find('.page').textContent = `page ${value.number} of ${value.pages}`;
  find('.before').disabled = value.number <= 1;
  find('.after').disabled = value.number >= value.pages;
};

const stop = () => { audio.pause(); playing = ''; draw(); };
find('.list').addEventListener('click', (event) => {
  if (event.target.closest('.more')) {
    const { row } = event.target.closest('.line').dataset;
    open = row === open ? '' : row;
    [waiting, sure, typed] = ['', '', null];
    draw();
    if (open) trigger('open', { row });
    return;
  }
  if (!event.target.closest('.line .play')) return;
  const row = event.target.closest('.line').dataset.row;
  if (row === playing) { stop(); return; }
  playing = row;
  draw();
  trigger('play', { row });
});
audio.addEventListener('ended', stop);
find('.before').addEventListener('click', () => trigger('turn', { number: props.value.number - 1 }));
find('.after').addEventListener('click', () => trigger('turn', { number: props.value.number + 1 }));

watch('value', draw);
hear('erased', ({ by }) => { if (by !== 'rows') trigger('turn', { number: (props.value || {}).number || 1 }); });
watch('details', () => {
  if (!props.details || props.details.row !== open) return;
  if (waiting === ERASING && !props.details.problem) tell('erased', { by: 'rows' });
  waiting = '';
  if (!props.details.problem) typed = null;
  draw();
});
watch('sound', () => {
  if (!props.sound || props.sound.row !== playing) return;
  audio.src = props.sound.address;
  audio.play().catch(stop);
});
watch('download', () => {
  if (!props.download || !props.download.address) return;
  const link = make('a', '', 'download it again');
  link.href = props.download.address;
  link.download = props.download.name;
  find('.summary').replaceChildren(`${props.download.sentence} · `, link);
  link.click();
});
draw();
