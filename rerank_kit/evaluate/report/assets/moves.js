// One query: candidates before and after, side by side, with lines between the same documents.
const LINE = 38;

function moves(box, data, names, query, before, after, first) {
  const documents = data.documents;
  const grades = new Map(data.queries[query][2]);
  const sides = [before, after].map((system) => ranked(data.results[system][query]));
  const [was, is] = sides.map((rows) => new Map(rows.map((each, place) => [each.document, place]).reverse()));
  const most = Math.min(20, data.hits);
  // What is not shown before: where its own first stage had it; else at least that it was not among the first.
  const earlier = (each) => (first === before ? each.rank - 1 : sides[0].length < most ? undefined : Infinity);
  const panel = element('div', { class: 'document', role: 'region', 'aria-live': 'polite', 'aria-label': 'Document' });
  let pressed = null;
  const open = (button, document) => {
    if (pressed) pressed.setAttribute('aria-pressed', 'false');
    pressed = button;
    button.setAttribute('aria-pressed', 'true');
    panel.hidden = false;
    panel.replaceChildren(...opened(data, names, document, grades, [[before, sides[0], was], [after, sides[1], is]]));
  };
  const close = () => {
    if (pressed) pressed.setAttribute('aria-pressed', 'false');
    pressed = null;
    panel.hidden = true;
  };
  const column = (rows, moved, title) => element('div', { class: 'column' },
    element('h4', {}, element('bdi', {}, title)),
    element('ol', {}, ...rows.map((each, place) => element('li', {}, row(each, place, moved)))));
  const row = (each, place, moved) => {
    const [id, text] = documents[each.document];
    const grade = graded(grades, each.document);
    const move = moved ? moveOf(was.get(each.document) ?? earlier(each), place, most) : null;
    const said = `${place + 1}, ${grade.said}${move ? `, ${move.said}` : ''}, score ${score(each.score)}: ${(text ?? id).slice(0, 120)}`;
    return element('button', { type: 'button', class: `row ${grade.name}`, 'aria-pressed': 'false', 'aria-label': said, click: (event) => open(event.currentTarget, each.document) },
      element('span', { class: 'rank' }, String(place + 1)),
      element('span', { class: 'grade' }, grade.mark),
      element('span', { class: 'start', dir: 'auto' }, (text || id).slice(0, 160)),
      move ? element('span', { class: `move ${move.name}` }, move.mark) : null,
      element('span', { class: 'score' }, score(each.score)));
  };
  const lines = shape('svg', { class: 'lines', 'aria-hidden': 'true' });
  const pair = element('div', { class: 'pair' }, column(sides[0], false, names[before]), lines, column(sides[1], true, names[after]));
  pair.addEventListener('keydown', (event) => (event.key === 'Escape' ? close() : stepped(event, pair)));
  const missing = [...grades].filter(([document, grade]) => grade > 0 && !was.has(document) && !is.has(document));
  box.replaceChildren(
    element('h3', { class: 'asked', dir: 'auto' }, data.queries[query][1] || '(no text)'),
    element('p', { class: 'note' }, ...values(data, names, query, before, after)),
    ...failures(data, names, query, before, after),
    pair,
    element('p', { class: 'note' }, '★ relevant, with its grade · – judged as not relevant · ? never judged. ',
      `At most ${most} results of each are shown. Choose a document to read it; Escape closes it again. `,
      missing.length ? `Relevant, and not shown on either side: ${missing.slice(0, 20).map(([document]) => documents[document][0]).join(', ')}${missing.length > 20 ? ` and ${missing.length - 20} more` : ''}.` : ''),
    panel,
  );
  close();
  joined(lines, sides, was, is, grades);
}

const ranked = ([documents, scores, ranks, reasons]) =>
  documents.map((document, place) => ({ document, score: scores[place], rank: ranks[place], why: reasons ? reasons[place] : null }));

function graded(grades, document) {
  const grade = grades.get(document);
  if (grade === undefined) return { name: 'unjudged', mark: '?', said: 'never judged' };
  if (grade <= 0) return { name: 'irrelevant', mark: '–', said: 'judged as not relevant' };
  return { name: 'relevant', mark: grade === 1 ? '★' : `★${grade}`, said: `relevant, grade ${grade}` };
}

function moveOf(was, is, most) {
  if (was === undefined) return { name: 'new', mark: 'new', said: 'not there before' };
  if (was === Infinity) return { name: 'up', mark: `▲ >${most}`, said: `not among the first ${most} before` };
  if (was === is) return { name: 'same', mark: '=', said: 'as before' };
  const by = Math.abs(was - is);
  return was > is ? { name: 'up', mark: `▲${by}`, said: `up ${by}` } : { name: 'down', mark: `▼${by}`, said: `down ${by}` };
}

function values(data, names, query, before, after) {
  const [one, other] = [before, after].map((system) => data.values[system][query]);
  const change = one === null || other === null ? null : other - one;
  return [`Query ${data.queries[query][0]}: ${data.measure} ${plainly(one)} → ${plainly(other)} (${signed(change)})`];
}

function failures(data, names, query, before, after) {
  return [...new Set([before, after])].filter((system) => data.failed[system][query] !== undefined)
    .map((system) => element('p', { class: 'failed' }, '⚠ ', names[system], ': ', data.failed[system][query]));
}

// Lines between the columns: of relevant documents in colour, of the others thin; of those on one side only, a stub.
function joined(lines, sides, was, is, grades) {
  const high = Math.max(1, sides[0].length, sides[1].length) * LINE;
  lines.setAttribute('viewBox', `0 0 100 ${high}`);
  lines.setAttribute('preserveAspectRatio', 'none');
  lines.setAttribute('height', high);
  const y = (place) => place * LINE + LINE / 2;
  const drawn = [];
  for (const [document, from] of was) {
    const to = is.get(document);
    const relevant = grades.get(document) > 0;
    const kind = to === undefined ? 'gone' : to < from ? 'up' : to > from ? 'down' : 'same';
    const d = to === undefined ? `M0 ${y(from)}H18` : `M0 ${y(from)}C50 ${y(from)} 50 ${y(to)} 100 ${y(to)}`;
    drawn.push([relevant, shape('path', { class: `move-line ${kind} ${relevant ? 'relevant' : ''}`, d })]);
  }
  for (const [document, to] of is) {
    if (was.has(document)) continue;
    const relevant = grades.get(document) > 0;
    drawn.push([relevant, shape('path', { class: `move-line new ${relevant ? 'relevant' : ''}`, d: `M82 ${y(to)}H100` })]);
  }
  drawn.sort((one, other) => one[0] - other[0]).forEach(([, path]) => lines.append(path));
}

// The document that was chosen: where it stands, with what score and reason, and its text.
function opened(data, names, document, grades, sides) {
  const [id, text, whole] = data.documents[document];
  const stands = sides.map(([system, rows, places]) => {
    const place = places.get(document);
    if (place === undefined) return element('li', {}, names[system], ': not among those that are shown');
    const { score: value, why } = rows[place];
    return element('li', {}, `${names[system]}: place ${place + 1}, score ${score(value)}`, why ? element('bdi', {}, ` – ${why}`) : null);
  });
  const cut = whole === undefined ? null : element('p', { class: 'note' }, `The first ${data.cut.toLocaleString('en')} of ${whole.toLocaleString('en')} characters.`);
  return [
    element('h4', {}, element('bdi', {}, id), ` – ${graded(grades, document).said}`),
    element('ul', {}, ...stands),
    text === null ? element('p', { class: 'note' }, 'Its text is not known: no system shows it.') : element('div', { class: 'text', dir: 'auto', tabindex: '0' }, text || '(empty)'),
    cut,
  ].filter((each) => each !== null);
}

function stepped(event, pair) {
  const row = event.target.closest('.row');
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const columns = [...pair.querySelectorAll('ol')].map((each) => [...each.querySelectorAll('.row')]);
  const side = columns.findIndex((rows) => rows.includes(row));
  const place = columns[side].indexOf(row);
  const targets = {
    ArrowDown: columns[side][place + 1], ArrowUp: columns[side][place - 1],
    ArrowRight: (columns[side + 1] ?? [])[Math.min(place, (columns[side + 1] ?? []).length - 1)],
    ArrowLeft: (columns[side - 1] ?? [])[Math.min(place, (columns[side - 1] ?? []).length - 1)],
  };
  if (!(event.key in targets)) return;
  event.preventDefault();
  targets[event.key]?.focus();
}
