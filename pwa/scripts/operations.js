/**
 * Writes operations.json: every document of the app by name with its text and SHA-256, so that a
 * server can refuse all others. The text is exactly what the app sends.
 */
import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';

const FOLDER = new URL('../src/lib/graphql/', import.meta.url);
const skip = new Set(['document.ts', 'schema.d.ts', 'fragments.ts']);
const operations = {};

for (const file of readdirSync(FOLDER)) {
  if (skip.has(file) || !file.endsWith('.ts')) continue;
  const module = await import(new URL(file, FOLDER).href);
  for (const text of Object.values(module)) {
    const name =
      typeof text === 'string' && text.match(/^(?:query|mutation|subscription) (\w+)/)?.[1];
    if (!name) continue;
    if (operations[name]) throw new Error(`two operations are called ${name}`);
    operations[name] = { sha256: createHash('sha256').update(text).digest('hex'), text };
  }
}

const sorted = Object.fromEntries(Object.entries(operations).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(
  new URL('../operations.json', import.meta.url),
  `${JSON.stringify(sorted, null, 2)}\n`
);
console.log(`${Object.keys(sorted).length} operations`);
