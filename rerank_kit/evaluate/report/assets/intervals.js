// Differences with their intervals; the verdict is told by shape and word, and then by colour.
const rowOf = (width) => (width < 520 ? 62 : 46); // names in two lines, or in one
const MARKS = {
  better: (x, y) => `M${x} ${y - 7}l7 13h-14z`,
  worse: (x, y) => `M${x} ${y + 7}l7-13h-14z`,
  equal: (x, y) => `M${x - 6} ${y - 6}h12v12h-12z`,
  inconclusive: (x, y) => `M${x - 6} ${y}a6 6 0 1 0 12 0a6 6 0 1 0-12 0z`,
};

function intervals(box, data) {
  const rows = data.comparisons.filter((each) => each.low !== null && each.high !== null && each.difference !== null);
  if (!rows.length) {
    box.append(element('p', { class: 'note' }, 'Nothing was compared.'));
    return;
  }
  const label = `Differences of ${data.measure}: ` + rows.map((each) => each.text).join('. ');
  figure(box, label, (width) => rows.length * rowOf(width) + 50, (drawing, width, height) => {
    const [left, right, bottom] = [12, width - 12, height - 40];
    const margin = Math.max(0, ...rows.map((each) => each.margin ?? 0));
    const range = around([-margin, margin, 0, ...rows.flatMap((each) => [each.low, each.high])], 0.06);
    const x = between(range[0], range[1], left, right);
    drawing.append(shape('rect', { class: 'margin', x: x(-margin), width: x(margin) - x(-margin), y: 0, height: bottom }));
    const { found, digits } = ticks(range[0], range[1], width < 420 ? 4 : 7);
    for (const each of found) {
      drawing.append(shape('line', { class: Math.abs(each) < 1e-9 ? 'zero' : 'grid', x1: x(each), x2: x(each), y1: 0, y2: bottom }));
      bottomTick(drawing, x(each), bottom + 16, Math.abs(each) < 1e-9 ? '0' : signed(each, digits));
    }
    drawing.append(shape('text', { class: 'axis', x: width / 2, y: height - 4, 'text-anchor': 'middle' }, `difference of ${data.measure}`));
    rows.forEach((each, place) => drawing.append(interval(each, place * rowOf(width), data, x, width)));
  });
}

function interval(each, top, data, x, width) {
  const narrow = width < 520;
  const y = top + (narrow ? 47 : 31);
  const verdict = MARKS[each.verdict] ? each.verdict : 'inconclusive';
  const word = `${SYMBOLS[verdict]} ${verdict}`;
  const room = Math.floor((width - word.length * 7.6 - 44) / 7.2);
  const names = [each.system, each.against].map((place) => data.systems[place].name);
  const long = names.join('').length + 4 > room || narrow;
  const [one, other] = long ? names.map((name) => shortened(name, narrow ? room : Math.max(8, Math.floor(room / 2) - 2))) : names;
  return shape('g', { class: verdict },
    shape('title', {}, each.text),
    shape('text', { class: 'label', x: 12, y: top + 15 }, narrow ? one : `${one} vs ${other}`),
    narrow ? shape('text', { class: 'faint', x: 12, y: top + 31 }, `vs ${other}`) : null,
    shape('text', { class: 'word', x: width - 12, y: top + 15, 'text-anchor': 'end' }, word),
    shape('line', { class: 'interval', x1: x(each.low), x2: x(each.high), y1: y, y2: y }),
    shape('path', { class: 'interval', d: `M${x(each.low)} ${y - 5}v10M${x(each.high)} ${y - 5}v10` }),
    shape('path', { class: 'mark', d: MARKS[verdict](x(each.difference), y) }),
  );
}
