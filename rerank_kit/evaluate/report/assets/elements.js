// Elements, made with text nodes alone: what comes from data is never parsed as markup.
const find = (id) => document.getElementById(id);
const read = (id) => JSON.parse(find(id).textContent);

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((each) => each !== null));
  return node;
}
const element = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
const shape = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

const SYMBOLS = { better: '▲', worse: '▼', equal: '=', inconclusive: '~' };
const MINUS = '−';
const signed = (value, digits = 3) =>
  value === null ? '?' : (value > 0 ? '+' : value < 0 ? MINUS : '') + Math.abs(value).toFixed(digits);
const plainly = (value, digits = 3) => (value === null ? '?' : value.toFixed(digits));
const score = (value) => {
  if (value === null) return '?';
  const small = value !== 0 && Math.abs(value) < 0.001; // 2.6e-5 beside 0.5392
  return (small ? value.toExponential(1) : String(Number(value.toPrecision(4)))).replaceAll('-', MINUS);
};
const shortened = (text, most) => {
  if (text.length <= most) return text;
  const half = Math.max(1, Math.floor((most - 1) / 2));
  return text.slice(0, half) + '…' + text.slice(-half);
};
