// A list of any length, of which only the rows in sight exist.
const TALL = 52;

function longList(box, row, choose) {
  let items = [], chosen = -1;
  const inner = element('div', { class: 'rows', role: 'presentation' });
  box.append(inner);
  const draw = () => {
    const from = Math.max(0, Math.floor(box.scrollTop / TALL) - 5);
    const to = Math.min(items.length, Math.ceil((box.scrollTop + box.clientHeight) / TALL) + 5);
    const rows = [];
    for (let place = from; place < to; place += 1) rows.push(option(place));
    if (chosen >= 0 && (chosen < from || chosen >= to)) rows.push(option(chosen)); // what is active has to exist
    inner.replaceChildren(...rows);
  };
  const option = (place) => {
    const node = element('div', {
      id: `option-${place}`, class: 'option', role: 'option', 'aria-selected': String(place === chosen),
      'aria-setsize': items.length, 'aria-posinset': place + 1, click: () => choose(items[place]),
    }, ...row(items[place]));
    node.style.top = `${place * TALL}px`;
    return node;
  };
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity };
  box.addEventListener('keydown', (event) => {
    if (!(event.key in steps) || !items.length || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(items[Math.min(items.length - 1, Math.max(0, chosen + steps[event.key]))]);
  });
  box.addEventListener('scroll', () => requestAnimationFrame(draw), { passive: true });
  new ResizeObserver(draw).observe(box);
  return {
    show(all, current) {
      items = all;
      inner.style.height = `${items.length * TALL}px`;
      this.mark(current);
    },
    mark(current) {
      chosen = items.indexOf(current);
      if (chosen >= 0) {
        box.setAttribute('aria-activedescendant', `option-${chosen}`);
        const top = chosen * TALL;
        if (top < box.scrollTop) box.scrollTop = top;
        else if (top + TALL > box.scrollTop + box.clientHeight) box.scrollTop = top + TALL - box.clientHeight;
      } else box.removeAttribute('aria-activedescendant');
      draw();
    },
  };
}
