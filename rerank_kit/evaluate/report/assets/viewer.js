// The queries: which are listed, in which order, and the one that is shown.
const HARM = 0.2;
const TIE = 1e-9;
const FILTERS = {
  all: ['all', () => true],
  gains: ['gains', (gain) => gain !== null && gain > TIE],
  losses: ['losses', (gain) => gain !== null && gain < -TIE],
  harmed: [`harmed: loses ${HARM} or more`, (gain) => gain !== null && gain <= -HARM + TIE],
  ties: ['neither', (gain) => gain !== null && Math.abs(gain) <= TIE],
};

function viewer(data, charts) {
  const names = charts.systems.map((each) => each.name);
  const state = { before: 0, after: 0, query: -1, gain: [], sorted: [], only: null };
  const select = find('filter');
  const options = (box, rows) => box.replaceChildren(...rows.map(([value, text]) => element('option', { value }, text)));
  const systems = names.map((name, place) => [String(place), name]);
  const found = data.found.map((each, place) => [`finding-${place}`, `${each.kind} (${each.queries.length})`, each.queries.length]);
  options(find('before'), systems);
  options(find('after'), systems);
  options(select, [...Object.entries(FILTERS).map(([value, [text]]) => [value, text]), ['failed', 'failed'], ...found.filter((each) => each[2])]);
  options(find('order'), [['losses', 'largest loss'], ['gains', 'largest gain'], ['dataset', 'the dataset']]);

  const list = longList(find('list'), (query) => {
    const gain = state.gain[query];
    const name = gain === null ? 'tie' : gain > TIE ? 'gain' : gain < -TIE ? 'loss' : 'tie';
    return [
      element('span', { class: `change ${name}` }, gain === null ? '?' : `${{ gain: '▲', loss: '▼', tie: '=' }[name]} ${signed(gain)}`),
      element('span', { class: 'asked', dir: 'auto' }, data.queries[query][1] || '(no text)'),
    ];
  }, (query) => choose(query));

  const choose = (query) => {
    state.query = query;
    list.mark(query);
    drawGains();
    if (query >= 0) moves(find('detail'), data, names, query, state.before, state.after, charts.systems[state.after].first);
    else find('detail').replaceChildren(element('p', { class: 'note' }, 'No query is like that.'));
  };
  const drawGains = gains(find('gains'), state, (query) => { choose(query); find('list').focus({ preventScroll: true }); });

  const listed = () => {
    const filter = select.value;
    const word = find('search').value.trim().toLowerCase();
    const finding = filter.startsWith('finding-') ? new Set(data.found[Number(filter.slice(8))].queries) : null;
    const test = (query) => {
      if (finding) return finding.has(query);
      if (filter === 'failed') return [state.before, state.after].some((system) => data.failed[system][query] !== undefined);
      return FILTERS[filter][1](state.gain[query]);
    };
    const shown = state.sorted.filter((query) => test(query) && (!word || data.queries[query].slice(0, 2).some((text) => text.toLowerCase().includes(word))));
    const order = find('order').value;
    if (order === 'gains') shown.reverse();
    if (order === 'dataset') shown.sort((one, other) => one - other);
    const current = shown.includes(state.query) ? state.query : shown[0] ?? -1;
    list.show(shown, current);
    find('count').textContent = `${shown.length.toLocaleString('en')} of ${data.queries.length.toLocaleString('en')} queries. Arrow keys go from one to the next.`;
    choose(current);
  };
  const compared = () => {
    state.before = Number(find('before').value);
    state.after = Number(find('after').value);
    const [one, other] = [data.values[state.before], data.values[state.after]];
    state.gain = one.map((value, query) => (value === null || other[query] === null ? null : other[query] - value));
    state.sorted = state.gain.map((_, query) => query).sort((a, b) => (state.gain[a] ?? Infinity) - (state.gain[b] ?? Infinity) || a - b);
    listed();
  };
  const pick = (after, before) => {
    find('after').value = String(after);
    find('before').value = String(before ?? charts.systems[after].first ?? after);
  };
  find('after').addEventListener('change', () => { pick(Number(find('after').value)); compared(); });
  find('before').addEventListener('change', compared);
  for (const id of ['filter', 'order']) find(id).addEventListener('change', listed);
  find('search').addEventListener('input', listed);
  for (const button of document.querySelectorAll('[data-finding]')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      const place = Number(button.dataset.finding);
      const { system, against } = data.found[place];
      if (system !== null) pick(system, against);
      select.value = `finding-${place}`;
      find('search').value = '';
      compared();
      find('queries').scrollIntoView();
      find('list').focus({ preventScroll: true });
    });
  }
  const reranked = charts.systems.map((each, place) => [each.value ?? -1, place]).filter(([, place]) => charts.systems[place].first !== null);
  pick(reranked.length ? reranked.reduce((best, each) => (each[0] > best[0] ? each : best))[1] : 0);
  compared();
  if (!state.gain.some((gain) => gain !== null && gain < -TIE)) { // nothing loses: the gains come first
    find('order').value = 'gains';
    state.query = -1;
    listed();
  }
}
