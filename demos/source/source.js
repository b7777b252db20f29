// The bar above the timeline. Emits 'sound' {file} once a recording or file lies on the server, 'example' {id} when
// a chip is chosen. Listen is told to the panels of the page, each of which asks its own system. What is shown (`line`, `notices`, `chosen`, `ready`) is the server's to say.
const { make, tell } = window.earwitness;
const find = (selector) => element.querySelector(selector);
const picker = find('input[type=file]');
const recordButton = find('.record');
let taking = null; // the running recording: {stop()}

const notice = (sentences, wrong = false) => {
  find('.notices').replaceChildren(...sentences.map((sentence) => make('p', wrong ? 'wrong' : '', sentence)));
};

const showLine = () => {
  const [name, ...rest] = (props.line || '').split('\n');
  find('.heard').replaceChildren(make('b', '', name), make('span', '', rest.join(' ')));
};

// The examples stand in one line; where there are more on a side, that side fades out.
const showMore = () => {
  const line = find('.examples');
  line.classList.toggle('more-before', line.scrollLeft > 2);
  line.classList.toggle('more-behind', line.scrollLeft + line.clientWidth < line.scrollWidth - 2);
};

const show = () => {
  const chips = props.examples.map((example) => {
    const chip = make('button', 'chip', example.title);
    chip.type = 'button';
    chip.dataset.example = example.id;
    chip.title = example.says || '';
    chip.setAttribute('aria-pressed', String(props.chosen === example.id));
    return chip;
  });
  const { scrollLeft } = find('.examples');
  const focused = document.activeElement && document.activeElement.dataset.example;
  find('.examples').replaceChildren(...chips);
  find('.examples').scrollLeft = scrollLeft;
  const again = focused && chips.find((chip) => chip.dataset.example === focused);
  if (again) again.focus();
  showMore();
  showLine();
  find('.listen').disabled = !props.ready;
  notice(props.wrong ? [props.wrong] : props.notices || [], Boolean(props.wrong));
};

const send = async (file) => {
  const megabytes = file.size / 1e6;
  if (file.size > props.most_bytes) {
    notice([`${file.name} has ${megabytes.toFixed(0)} MB; at most ${props.most_bytes / 1e6} MB can be heard. Cut a shorter part.`], true);
    return;
  }
  if (file.size === 0) { notice([`${file.name} is empty. Choose a file with sound in it.`], true); return; }
  find('.heard').textContent = `Uploading ${file.name} …`;
  try {
    const { path } = await upload(file);
    trigger('sound', { path, name: file.name });
  } catch (problem) {
    showLine();
    notice([`${file.name} could not be uploaded. Check the connection and try again.`], true);
  }
};

// PCM as the microphone gives it, without the browser's clean-up, as a 16-bit WAV of one channel.
const wavOf = (blocks, rate) => {
  const frames = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * frames));
  const text = (at, letters) => [...letters].forEach((letter, k) => view.setUint8(at + k, letter.charCodeAt(0)));
  text(0, 'RIFF'); view.setUint32(4, 36 + 2 * frames, true); text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true);
  view.setUint16(34, 16, true); text(36, 'data'); view.setUint32(40, 2 * frames, true);
  let at = 44;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(at, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true);
      at += 2;
    }
  }
  return new Blob([view], { type: 'audio/wav' });
};

const TAP = `registerProcessor('tap', class extends AudioWorkletProcessor {
  process(inputs) { if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice()); return true; }
});`;

const record = async () => {
  notice([]);
  if (!navigator.mediaDevices || !window.AudioWorkletNode) {
    notice(['This browser gives no microphone to this page. Open it by https or on localhost, or upload a file.'], true);
    return;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (refused) {
    notice(['The microphone could not be opened. Allow it in the browser, or upload a file.'], true);
    return;
  }
  const context = new AudioContext();
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([TAP], { type: 'text/javascript' })));
  const blocks = [];
  const tap = new AudioWorkletNode(context, 'tap');
  tap.port.onmessage = (event) => blocks.push(event.data);
  context.createMediaStreamSource(stream).connect(tap);
  const began = Date.now();
  const timer = setInterval(() => {
    const seconds = (Date.now() - began) / 1000;
    recordButton.querySelector('span').textContent = `Stop ${window.earwitness.clock(seconds)}`;
    if (seconds >= props.most_seconds) taking.stop();
  }, 100);
  recordButton.classList.add('recording');
  taking = {
    stop: () => {
      taking = null;
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      const rate = context.sampleRate;
      context.close();
      recordButton.classList.remove('recording');
      recordButton.querySelector('span').textContent = 'Record';
      send(new File([wavOf(blocks, rate)], 'recording.wav', { type: 'audio/wav' }));
    },
  };
};

recordButton.addEventListener('click', () => (taking ? taking.stop() : record()));
find('.upload').addEventListener('click', () => picker.click());
picker.addEventListener('change', () => { if (picker.files.length) send(picker.files[0]); picker.value = ''; });
find('.examples').addEventListener('click', (event) => {
  const chip = event.target.closest('.chip');
  if (chip) trigger('example', { id: chip.dataset.example });
});
find('.examples').addEventListener('keydown', (event) => {
  const chips = [...find('.examples').children];
  const now = chips.indexOf(document.activeElement);
  const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: chips.length - 1 }[event.key];
  if (now < 0 || next === undefined || !chips[next]) return;
  event.preventDefault();
  chips[next].focus();
});
find('.examples').addEventListener('wheel', (event) => {
  const line = find('.examples');
  if (event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY) || line.scrollWidth <= line.clientWidth) return;
  const before = line.scrollLeft;
  line.scrollLeft += event.deltaY;
  if (line.scrollLeft !== before) event.preventDefault(); // at its end the page scrolls
}, { passive: false });
find('.examples').addEventListener('scroll', showMore);
new ResizeObserver(showMore).observe(find('.examples'));
find('.listen').addEventListener('click', () => tell('listen', {}));

// A file dropped anywhere on the page is heard.
window.addEventListener('dragover', (event) => event.preventDefault());
window.addEventListener('drop', (event) => {
  if (!event.dataTransfer.files.length || element.offsetParent === null) return;
  event.preventDefault();
  send(event.dataTransfer.files[0]);
});

watch(['examples', 'chosen', 'line', 'notices', 'wrong', 'ready'], show);
show();
