const dark = () => (document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
const theme = find('theme');
const named = () => { theme.textContent = dark() ? 'Light colours' : 'Dark colours'; };
theme.hidden = false;
theme.addEventListener('click', () => { document.documentElement.dataset.theme = dark() ? 'light' : 'dark'; named(); });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', named);
named();

const charts = read('figures');
scatter(find('time'), charts, 'seconds', time, 'median time of a query');
scatter(find('money'), charts, 'cost', money, '$ per 1,000 queries');
ceilings(find('ceilings'), charts);
intervals(find('differences'), charts);
setTimeout(() => { // what comes first is seen before the rest is read
  const data = read('rankings');
  data.measure = charts.measure;
  if (data.queries.length && charts.systems.length) viewer(data, charts);
  document.documentElement.dataset.ready = 'yes';
});
