// Sounds of the library, by their likeness to the sound that is heard or to words. `props.heard` is the observation
// that CLAP made last of the present sound, '' while there is none; `props.value` {of, sentence, wrong, found} is what
// was found, `of` being 'sound' or 'text'; `props.sound` {id, address} is played. Emits 'near', 'find' {text}, 'hold'
// {id} and 'open' {id}: the sound becomes the one that is heard.
const { make } = window.earwitness;
const find = (selector) => element.querySelector(selector);
const [text, head, list, back, audio] = ['.text', '.head', '.found', '.back', 'audio'].map(find);
let playing = ''; // id of the sound that is heard, or waited for

const say = (sentence, wrong = false) => {
  head.textContent = sentence;
  head.classList.toggle('wrong', wrong);
};

const draw = () => {
  const { found = [], sentence = '', wrong = false, of = '' } = props.value || {};
  say(sentence, wrong);
  list.hidden = found.length === 0;
  list.replaceChildren(...found.map((one) => {
    const line = make('li');
    line.title = one.about;
    const isPlaying = one.id === playing;
    const play = make('button', 'play', isPlaying ? '❚❚' : '▶');
    play.setAttribute('aria-label', `${isPlaying ? 'Stop' : 'Play'} ${one.title}`);
    const name = make('span');
    name.append(make('b', '', one.title), make('small', '', one.about));
    const open = make('button', 'small open', 'Open');
    open.setAttribute('aria-label', `Open ${one.title} as the sound`);
    for (const button of [play, open]) { button.type = 'button'; button.dataset.sound = one.id; }
    line.append(play, name, make('em', '', one.cosine.toFixed(2)), open);
    return line;
  }));
  back.hidden = of !== 'text' || !props.heard;
};

const stop = () => { playing = ''; audio.pause(); };

find('.ask').addEventListener('submit', (event) => {
  event.preventDefault();
  stop();
  props.value = { of: 'text', sentence: 'Searching …', found: [] };
  draw();
  trigger('find', { text: text.value });
});
back.addEventListener('click', () => { text.value = ''; trigger('near', {}); });
list.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const { sound } = button.dataset;
  const opens = button.classList.contains('open');
  const was = playing;
  stop();
  if (opens) trigger('open', { id: sound });
  else if (was !== sound) { playing = sound; trigger('hold', { id: sound }); }
  draw();
  list.querySelector(`button[data-sound="${CSS.escape(sound)}"]${opens ? '.open' : ''}`)?.focus();
});
audio.addEventListener('ended', () => { stop(); draw(); });
watch('sound', () => {
  if (!props.sound.address || props.sound.id !== playing) return;
  audio.src = props.sound.address;
  audio.play().catch(() => { stop(); draw(); });
});
// Another sound comes: what was near the one before says nothing of it.
watch('heard', () => {
  if ((props.value || {}).of === 'text') { draw(); return; }
  if (props.heard) trigger('near', {});
  else { stop(); props.value = {}; draw(); }
});
watch('value', () => {
  if (!(props.value.found || []).some((one) => one.id === playing)) stop();
  draw();
});
draw();
