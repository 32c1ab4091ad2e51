/**
 * Writes the server's persisted.json: SHA-256 -> text of every document of the app, so that a server
 * can refuse all others. The text is exactly what the app sends.
 */
import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';

const FOLDER = new URL('../src/lib/graphql/', import.meta.url);
const skip = new Set(['document.ts', 'schema.d.ts', 'fragments.ts']);
const TARGET = new URL('../../backend/application/graphql/persisted.json', import.meta.url);
const names = new Set();
const operations = [];

for (const file of readdirSync(FOLDER)) {
  if (skip.has(file) || !file.endsWith('.ts')) continue;
  const module = await import(new URL(file, FOLDER).href);
  for (const text of Object.values(module)) {
    const name =
      typeof text === 'string' && text.match(/^(?:query|mutation|subscription) (\w+)/)?.[1];
    if (!name) continue;
    if (names.has(name)) throw new Error(`two operations are called ${name}`);
    names.add(name);
    operations.push([createHash('sha256').update(text).digest('hex'), text]);
  }
}

const byText = operations.sort(([, a], [, b]) => (a < b ? -1 : 1));
writeFileSync(TARGET, `${JSON.stringify(Object.fromEntries(byText), null, 2)}\n`);
console.log(`${byText.length} operations`);
