// Quality against what it takes, with the systems that no other beats in both.
const time = (value) => (value === 0 ? '0' : value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`);
const money = (value) => (value === 0 ? '$0' : `$${Number(value.toPrecision(2))}`);

function front(points) {
  let best = -Infinity;
  const sorted = [...points].sort((one, other) => one.x - other.x || other.y - one.y);
  return sorted.filter((each) => each.y > best && ((best = each.y), true));
}

function scatter(box, data, key, told, axis) {
  const known = data.systems.filter((each) => each[key] !== null && each.value !== null);
  const unknown = data.systems.filter((each) => !known.includes(each));
  const say = (text) => box.after(element('p', { class: 'note' }, text));
  if (unknown.length) say(`Not known, and so not shown: ${unknown.map((each) => each.name).join(', ')}.`);
  if (!known.length) return;
  if (key === 'cost' && known.every((each) => each.cost === 0)) {
    box.classList.add('empty');
    box.append(element('p', {}, 'None of the systems whose cost is known asks anybody for money: all run on a machine of one’s own.'));
    return;
  }
  const points = known.map((each) => ({ name: each.name, x: each[key], y: each.value, first: each.first === null }));
  const best = front(points);
  const label = `${data.measure} against ${axis}. ` + points.map((each) => `${each.name}: ${plainly(each.y)} at ${told(each.x)}`).join('; ');
  figure(box, label, () => 300, (drawing, width, height) => {
    const [left, right, top, bottom] = [48, width - 14, 26, height - 44];
    const xs = points.map((each) => each.x);
    const logarithmic = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) > 15;
    const [from, to] = around(logarithmic ? xs.map(Math.log10) : xs);
    const start = logarithmic ? from : Math.max(from, Math.min(...xs) === 0 ? from : 0);
    const along = between(start, to, left, right);
    const x = (value) => along(logarithmic ? Math.log10(value) : value);
    const range = around(points.map((each) => each.y), 0.25);
    const y = between(range[0], range[1], bottom, top);
    leftAxis(drawing, y, range, left, right, data.measure);
    const marks = logarithmic ? powers(10 ** start, 10 ** to) : ticks(Math.max(0, start), to, 5).found;
    marks.forEach((each) => bottomTick(drawing, x(each), bottom + 16, told(each)));
    drawing.append(
      shape('text', { class: 'axis', x: (left + right) / 2, y: height - 6, 'text-anchor': 'middle' }, axis),
      shape('path', { class: 'front', d: best.map((each, place) => (place ? `H${x(each.x)}V${y(each.y)}` : `M${x(each.x)} ${y(each.y)}`)).join('') }),
    );
    const words = labels(left - 30, width, 16, bottom);
    points.forEach((each) => words.block(x(each.x), y(each.y), 7));
    for (const each of [...points].sort((one, other) => best.includes(other) - best.includes(one))) {
      words.place(drawing, shortened(each.name, width < 420 ? 24 : 36), x(each.x), y(each.y), { far: true });
    }
    for (const each of points) {
      const name = `point ${each.first ? 'first' : 'reranked'} ${best.includes(each) ? 'best' : ''}`;
      const at = { cx: x(each.x), cy: y(each.y), r: 6 };
      const square = { x: at.cx - 5.5, y: at.cy - 5.5, width: 11, height: 11 };
      const mark = each.first ? shape('rect', { class: name, ...square }) : shape('circle', { class: name, ...at });
      mark.append(shape('title', {}, `${each.name}: ${plainly(each.y)} at ${told(each.x)}`));
      drawing.append(mark);
    }
  });
}
