// The list of rows. `props.value` is {rows, instances, number, pages, total, empty}; `props.sound` {row, address} is
// played, `props.download` {address, name, sentence} is fetched. Emits 'play' {row} and 'turn' {number}.
const { make } = window.earwitness;
const find = (selector) => element.querySelector(selector);
const audio = find('audio');
let playing = ''; // id of the row that is heard

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
    cell('label', row.label),
    cell('said', ...markedAnswer(row), make('small', '', `${row.model} · ${row.kind}`)),
    cell('', `${row.start.toFixed(1)}–${row.stop.toFixed(1)} s`, make('small', '', `${row.licence} · ${row.made_at}`)),
  );
  return made;
};

const heading = () => {
  const made = make('div', 'line');
  made.setAttribute('role', 'row');
  for (const name of ['', 'instruction', 'label', 'what the model said', 'sound']) {
    const one = make('div', '', name);
    one.setAttribute('role', 'columnheader');
    made.append(one);
  }
  return made;
};

const instance = (one) => {
  const made = make('section', 'instance');
  made.append(make('span', 'licence', one.licence), make('h3', '', one.task), make('p', 'about', one.about));
  for (const gate of one.gates) {
    const row = make('div', gate.met ? 'gate met' : 'gate');
    const bar = make('i');
    const fill = make('b');
    fill.style.width = `${100 * Math.min(1, gate.share)}%`;
    bar.append(fill);
    row.append(make('span', '', (gate.met ? '✓ ' : '') + gate.words), bar);
    made.append(row);
  }
  return made;
};

const draw = () => {
  const value = props.value || {};
  const rows = value.rows || [];
  find('.summary').textContent = rows.length ? `${value.total} ${value.total === 1 ? 'row' : 'rows'}` : '';
  find('.instances').replaceChildren(...(value.instances || []).map(instance));
  find('.nothing').hidden = rows.length > 0;
  find('.nothing').textContent = value.empty || '';
  find('.list').hidden = rows.length === 0;
  find('.list').replaceChildren(heading(), ...rows.map(line));
  find('.pages').hidden = !(value.pages > 1);
  find('.page').textContent = `page ${value.number} of ${value.pages}`;
  find('.before').disabled = value.number <= 1;
  find('.after').disabled = value.number >= value.pages;
};

const stop = () => { audio.pause(); playing = ''; draw(); };
find('.list').addEventListener('click', (event) => {
  if (!event.target.closest('.play')) return;
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
