/** Checks the build's bytes against the budgets; prints a table and fails on the first excess. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const KB = 1000;
const BUDGET = { first: 60 * KB, route: 110 * KB, css: 8 * KB, worker: 8 * KB };
const CLIENT = '.svelte-kit/output/client';
const manifest = JSON.parse(readFileSync(join(CLIENT, '.vite/manifest.json'), 'utf8'));

const gzBytes = (file) => readFileSync(join('build', `${file}.gz`)).length;

/** Every file that a set of entries needs before it runs (static imports, and their styles). */
function closure(keys, seen = new Set(), files = new Set()) {
  for (const key of keys) {
    const chunk = manifest[key];
    if (!chunk || seen.has(key)) continue;
    seen.add(key);
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    closure(chunk.imports ?? [], seen, files);
  }
  return files;
}

const sum = (files, ending) =>
  [...files]
    .filter((file) => file.endsWith(ending))
    .reduce((bytes, file) => bytes + gzBytes(file), 0);

/** Route id -> node numbers, read from the generated dictionary of the client application. */
function routes() {
  const app = readFileSync('.svelte-kit/generated/build/client-optimized/app.js', 'utf8');
  const dictionary = app.match(/dictionary = (\{[\s\S]*?\});/)?.[1];
  if (!dictionary) throw new Error('the route dictionary was not found: has SvelteKit changed?');
  const table = JSON.parse(
    dictionary.replace(/\/\*[\s\S]*?\*\//g, '').replace(/,(\s*[}\]])/g, '$1')
  );
  return Object.entries(table).map(([id, [leaf, layouts = []]]) => [id, [0, ...layouts, leaf]]);
}

const nodeKey = (number) => `.svelte-kit/generated/build/client-optimized/nodes/${number}.js`;
const shell = [...readFileSync('build/index.html', 'utf8').matchAll(/href="\/(_app[^"]+)"/g)].map(
  (m) => m[1]
);
const texts = Object.keys(manifest).filter((key) => key.endsWith('texts/zh-CN.json?part=first'));

const rows = [];
for (const [id, numbers] of routes()) {
  const files = new Set([...shell, ...closure([...texts, ...numbers.map(nodeKey)])]);
  const first = id === '/';
  rows.push([`${id} js`, sum(files, '.js'), first ? BUDGET.first : BUDGET.route]);
  if (first) {
    const all = new Set([...files, ...closure(['src/lib/now/Below.svelte'])]);
    rows.push([`${id} js and what follows`, sum(all, '.js'), BUDGET.route]);
  }
  rows.push([`${id} css`, sum(files, '.css'), BUDGET.css]);
}
if (existsSync('build/service-worker.js')) {
  rows.push(['service worker', gzBytes('service-worker.js'), BUDGET.worker]);
}

let failed = false;
for (const [what, bytes, budget] of rows) {
  const ok = bytes <= budget;
  failed ||= !ok;
  const figure = `${(bytes / KB).toFixed(1).padStart(7)} kB gz of ${(budget / KB).toFixed(0).padStart(4)}`;
  console.log(`${ok ? 'ok  ' : 'OVER'} ${what.padEnd(24)}${figure}`);
}
process.exit(failed ? 1 : 0);
