// For each first stage: what a perfect reranker would reach, and what rerankers reach now.
function ceilings(box, data) {
  if (!data.ceilings.length) box.append(element('p', { class: 'note' }, 'No first stage was measured.'));
  for (const each of data.ceilings) {
    const inner = element('div', {});
    const now = each.now.map(([depth, value, name]) => element('li', {}, element('bdi', {}, name), `: ${plainly(value, 2)} with ${depth}`));
    box.append(element('h3', {}, element('bdi', {}, each.first)), inner, element('ul', { class: 'now-list' }, ...now));
    const pairs = (points) => points.map(([depth, value, name]) => `${name ? `${name}: ` : ''}${plainly(value)} at ${depth}`).join(', ');
    const label = `Ceiling of ${each.first}: ${pairs(each.depths)}. Reached now: ${pairs(each.now) || 'nothing'}.`;
    figure(inner, label, () => 250, (drawing, width, height) => ceiling(drawing, width, height, each, data.measure));
  }
}

function ceiling(drawing, width, height, each, measure) {
  const [left, right, top, bottom] = [48, width - 24, 28, height - 44];
  const all = [...each.depths, ...each.now];
  const reach = all.map(([depth]) => Math.log2(Math.max(1, depth)));
  const along = between(Math.min(...reach), Math.max(...reach), left + 34, right);
  const x = (depth) => along(Math.log2(Math.max(1, depth)));
  const range = around(all.map(([, value]) => value), 0.15);
  const y = between(range[0], range[1], bottom, top);
  leftAxis(drawing, y, range, left, right, measure);
  const shown = [];
  for (const depth of [Math.max(...all.map(([known]) => known)), ...all.map(([known]) => known)]) { // the last one always
    if (shown.some((other) => Math.abs(x(depth) - x(other)) <= 26)) continue;
    shown.push(depth);
    bottomTick(drawing, x(depth), bottom + 16, String(depth));
  }
  drawing.append(shape('text', { class: 'axis', x: (left + right) / 2, y: height - 6, 'text-anchor': 'middle' }, 'candidates'));
  const words = labels(left, width, 0, bottom);
  const enough = each.depths.some(([depth]) => depth > each.enough) ? each.enough : null; // all there are is no news
  if (enough !== null) drawing.append(shape('line', { class: 'enough', x1: x(enough), x2: x(enough), y1: top, y2: bottom }));
  drawing.append(shape('path', { class: 'ceiling', d: each.depths.map(([depth, value], place) => `${place ? 'L' : 'M'}${x(depth)} ${y(value)}`).join('') }));
  for (const [depth, value] of each.depths) {
    drawing.append(shape('circle', { class: 'ceiling-point', cx: x(depth), cy: y(value), r: 4 }, shape('title', {}, `ceiling at ${depth}: ${plainly(value)}`)));
    words.block(x(depth), y(value), 5);
  }
  for (const [depth, value, name] of each.now) {
    const d = `M${x(depth)} ${y(value) - 7}l7 7l-7 7l-7-7z`;
    drawing.append(shape('path', { class: 'now', d }, shape('title', {}, `now ${name}: ${plainly(value)}`)));
    words.block(x(depth), y(value), 7);
  }
  each.depths.forEach(([depth, value]) => words.place(drawing, plainly(value, 2), x(depth), y(value), { first: [['end', 2, -9]] })); // a line that only rises is not there
  each.depths.slice(1).forEach(([depth, value], place) => { // no label across the line
    const [from, to] = [each.depths[place], [depth, value]].map(([along, up]) => [x(along), y(up)]);
    for (let part = 0; part <= 1; part += 1 / 16) words.block(from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1]), 2);
  });
  each.now.forEach(([depth, value]) => words.place(drawing, plainly(value, 2), x(depth), y(value), { far: true, name: 'label now-label' }));
  if (enough !== null) words.place(drawing, `95 % of the best from ${enough} on`, x(enough), bottom - 12, { name: 'label faint' });
}
