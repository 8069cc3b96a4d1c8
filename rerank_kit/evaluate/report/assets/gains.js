// What each query gains or loses, sorted: two paths, however many queries there are.
function gains(box, state, choose) {
  const label = () => {
    const known = state.sorted.filter((each) => state.gain[each] !== null);
    const count = (test) => known.filter((each) => test(state.gain[each])).length;
    return `Gains and losses of ${known.length} queries: ${count((each) => each > 0)} gain, ${count((each) => each < 0)} lose. The list below has each of them.`;
  };
  const again = figure(box, '', () => 130, (drawing, width, height) => {
    drawing.setAttribute('aria-label', label());
    const known = state.sorted.filter((each) => state.gain[each] !== null);
    if (!known.length) return;
    const [left, right, top, bottom] = [48, width - 8, 8, height - 8];
    const most = Math.max(0.05, ...known.map((each) => Math.abs(state.gain[each])));
    const low = known.some((each) => state.gain[each] < 0) ? -most : -most / 8;
    const high = known.some((each) => state.gain[each] > 0) ? most : most / 8;
    const y = between(low, high, bottom, top);
    const step = (right - left) / known.length;
    for (const each of [low, 0, high].filter((end) => !end || Math.abs(end) === most)) { // only where bars may go
      drawing.append(
        shape('line', { class: each ? 'grid' : 'zero', x1: left, x2: right, y1: y(each), y2: y(each) }),
        shape('text', { class: 'tick', x: left - 6, y: y(each) + 4, 'text-anchor': 'end' }, each ? signed(each, 2) : '0'),
      );
    }
    const bars = (test) => known.map((each, place) => (test(state.gain[each]) ? `M${(left + (place + 0.5) * step).toFixed(1)} ${y(0).toFixed(1)}V${y(state.gain[each]).toFixed(1)}` : '')).join('');
    const thick = Math.min(24, Math.max(0.6, step * 0.8));
    drawing.append(
      shape('path', { class: 'gain', 'stroke-width': thick, d: bars((each) => each > 0) }),
      shape('path', { class: 'loss', 'stroke-width': thick, d: bars((each) => each < 0) }),
    );
    const here = known.indexOf(state.query);
    if (here >= 0) {
      const x = left + (here + 0.5) * step;
      drawing.append(shape('path', { class: 'here', d: `M${x} ${top}V${bottom}` }));
    }
    drawing.addEventListener('click', (event) => {
      const place = Math.floor((event.clientX - drawing.getBoundingClientRect().left - left) / step);
      if (known[place] !== undefined) choose(known[place]);
    });
  });
  return again;
}
