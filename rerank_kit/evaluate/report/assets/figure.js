// What all charts share: drawn again whenever their width changes, scales, axes.
function figure(box, label, heightOf, draw) {
  const inner = element('div', {});
  box.append(inner);
  let last = 0;
  const again = () => {
    const width = Math.floor(inner.clientWidth);
    if (width < 200) return; // not laid out yet
    last = width;
    const height = heightOf(width);
    const drawing = shape('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label });
    draw(drawing, width, height);
    inner.replaceChildren(drawing);
  };
  new ResizeObserver(() => { if (Math.floor(inner.clientWidth) !== last) again(); }).observe(inner);
  again();
  return again;
}

const between = (from, to, low, high) => (value) => low + ((value - from) / (to - from || 1)) * (high - low);

function ticks(from, to, most) {
  const raw = (to - from) / most || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw * 0.999);
  const found = [];
  for (let place = Math.ceil(from / step - 1e-9); place * step <= to + step * 1e-6; place += 1) found.push(place * step);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function powers(from, to) {
  const found = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power += 1) {
    for (const each of [1, 3]) if (each * 10 ** power >= from && each * 10 ** power <= to) found.push(each * 10 ** power);
  }
  return found.length > 6 ? found.filter((each) => Math.abs(Math.log10(each) % 1) < 1e-9) : found;
}

const around = (values, share = 0.12) => {
  const low = Math.min(...values), high = Math.max(...values);
  const pad = (high - low || 0.1) * share;
  return [low - pad, high + pad];
};

function leftAxis(drawing, scale, [from, to], left, right, title) {
  drawing.append(shape('text', { class: 'axis', x: 2, y: 11 }, title));
  const { found, digits } = ticks(from, to, 5);
  for (const each of found) {
    const y = scale(each);
    drawing.append(
      shape('line', { class: 'grid', x1: left, x2: right, y1: y, y2: y }),
      shape('text', { class: 'tick', x: left - 6, y: y + 4, 'text-anchor': 'end' }, plainly(each, Math.max(digits, 1))),
    );
  }
}

function bottomTick(drawing, x, y, text) {
  drawing.append(shape('text', { class: 'tick', x, y, 'text-anchor': 'middle' }, text));
}

// A label that would cover another one, or leave the drawing, is tried elsewhere, at last far away with a line to its point.
const NEAR = [['start', 11, 4], ['end', -11, 4], ['middle', 0, -13], ['middle', 0, 22], ['end', 10, -13], ['start', -10, 22]];
const FAR = [30, 46, 62, 80, 100, 125].flatMap((far) => [-far, far + 8]).flatMap((by) => [['middle', 0, by], ['end', 10, by], ['start', -10, by]]);

function labels(from, to, top, bottom) {
  const taken = [];
  return {
    block: (x, y, reach) => taken.push([x - reach, y - reach, x + reach, y + reach]),
    place(drawing, text, x, y, { name = 'label', far = false, first = [] } = {}) {
      const long = text.length * 7 + 4;
      for (const [anchor, right, down] of [...first, ...NEAR, ...(far ? FAR : [])]) {
        const [at, base] = [x + right, y + down];
        const left = at - { start: 0, middle: long / 2, end: long }[anchor];
        const room = [left, base - 11, left + long, base + 3];
        if (left < from + 2 || room[2] > to - 2 || room[1] < top || room[3] > bottom) continue;
        if (taken.some(([a, b, c, d]) => room[0] < c && room[2] > a && room[1] < d && room[3] > b)) continue;
        taken.push(room);
        if (Math.abs(down) > 22) drawing.append(shape('line', { class: 'leader', x1: x, y1: y, x2: x, y2: down < 0 ? base + 3 : base - 11 }));
        drawing.append(shape('text', { class: name, x: at, y: base, 'text-anchor': anchor }, text));
        return true;
      }
      return false;
    },
  };
}
