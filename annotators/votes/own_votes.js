// The visitor's own votes. `props.value` is {votes, problem}; each vote is {id, question, choice, sides, given}. Emits
// 'withdraw' {vote}, and 'read' when something was erased elsewhere on the page; tells the page what it erased itself.
const { make, tell, hear } = window.earwitness;
const find = (selector) => element.querySelector(selector);
let sure = ''; // id of the vote that is withdrawn once it is confirmed
let erasing = false;

const withdraw = (vote) => {
  const asked = sure === vote.id;
  const made = make('button', 'small', asked ? 'Erase it for good?' : 'Withdraw what I gave to this sound');
  made.type = 'button';
  made.dataset.vote = vote.id;
  made.disabled = erasing;
  made.addEventListener('click', () => {
    if (asked) {
      erasing = true;
      props.value = { ...props.value, problem: '', erasing }; // so that what the server says is news, even said twice
      trigger('withdraw', { vote: vote.id });
    }
    sure = asked ? '' : vote.id;
    find('.outcome').textContent = asked ? 'Erasing …' : '';
    draw();
    const again = [...element.querySelectorAll('button')].find((one) => one.dataset.vote === vote.id);
    if (again) again.focus({ preventScroll: true });
  });
  return made;
};

const line = (vote) => {
  const made = make('li');
  const said = make('div', '', `${vote.choice}: ${vote.question}`);
  said.append(make('small', '', vote.sides), make('small', '', vote.given));
  made.append(said, withdraw(vote));
  return made;
};

const draw = () => {
  const { votes = [], problem = '' } = props.value || {};
  find('ul').replaceChildren(...votes.map(line));
  find('.hint').hidden = votes.length === 0;
  find('.problem').hidden = !problem;
  find('.problem').textContent = problem;
  find('section').hidden = votes.length === 0 && !problem && !find('.outcome').textContent;
};

watch('value', () => {
  if (props.value && props.value.erasing) return;
  const erased = erasing && !(props.value || {}).problem;
  [sure, erasing] = ['', false];
  find('.outcome').textContent = erased ? 'What you gave to that sound is erased.' : '';
  draw();
  if (!erased) return;
  find('.outcome').focus({ preventScroll: true }); // the button that was pressed is gone
  tell('erased', { by: 'votes' });
});
hear('erased', ({ by }) => { if (by !== 'votes') trigger('read', {}); });
draw();
