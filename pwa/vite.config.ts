import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const CATALOGUES = '../backend/core/texts';
const LANGUAGES = ['en', 'zh-CN'];

/** The texts the service worker needs by itself, so that it stays small and works offline. */
function workerTexts(): Record<string, Record<string, string>> {
  const pick = (language: string) => {
    const all: Record<string, string> = JSON.parse(
      readFileSync(`${CATALOGUES}/${language}.json`, 'utf8')
    );
    return Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith('worker.')));
  };
  return Object.fromEntries(LANGUAGES.map((language) => [language, pick(language)]));
}

/**
 * `en.json?part=first` holds what every screen and the first one need, `?part=rest` the other
 * screens' texts: nobody waits for words that are not on the screen.
 */
const FIRST = /^(nav|state|demo|now|figure|alarms|alarm|errors)\./;
const REST = /^(signin|role|analyse|plant|more|measure|band|kind|point|setting)\./;
const textParts: Plugin = {
  name: 'text-parts',
  load(id) {
    const part = id.match(/\.json\?part=(first|rest)$/)?.[1];
    if (!part) return undefined;
    const all: Record<string, string> = JSON.parse(readFileSync(id.split('?')[0] ?? id, 'utf8'));
    const wanted = part === 'first' ? FIRST : REST;
    const texts = Object.fromEntries(Object.entries(all).filter(([key]) => wanted.test(key)));
    return {
      code: `export default JSON.parse(${JSON.stringify(JSON.stringify(texts))})`,
      moduleType: 'js'
    };
  }
};

/**
 * SvelteKit's client brings devalue to read data of server `load` functions and forms. This app
 * has no server of SvelteKit's, so the phone is spared 4 kB; were it called, it would say so.
 */
const withoutDevalue: Plugin = {
  name: 'without-devalue',
  enforce: 'pre',
  resolveId(id) {
    return id === 'devalue' && this.environment.name === 'client' ? '\0no-devalue' : undefined;
  },
  load(id) {
    if (id !== '\0no-devalue') return undefined;
    const names = ['parse', 'stringify', 'stringifyAsync', 'unflatten', 'uneval', 'DevalueError'];
    const refuse = `() => { throw new Error('this app has no server data') }`;
    return names.map((name) => `export const ${name} = ${refuse};`).join('\n');
  }
};

/** Same sources, same name: a rebuild without a change does not make phones load everything again. */
function buildName(): string {
  const hash = createHash('sha256');
  for (const folder of ['src', 'static', CATALOGUES]) {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) hash.update(file).update(readFileSync(file));
  }
  hash.update(readFileSync('package-lock.json'));
  const release = JSON.parse(readFileSync('package.json', 'utf8')).version;
  return `${release}+${hash.digest('hex').slice(0, 8)}`;
}

export default defineConfig({
  plugins: [
    textParts,
    withoutDevalue,
    sveltekit({
      adapter: adapter({ fallback: 'index.html', precompress: false }),
      version: { name: buildName() },
      serviceWorker: { register: false },
      csp: {
        mode: 'hash',
        directives: {
          'default-src': ['self'],
          'script-src': ['self'],
          'style-src': ['self', 'unsafe-inline'],
          'img-src': ['self', 'data:', 'blob:'],
          'connect-src': ['self', 'ws:', 'wss:'],
          'object-src': ['none'],
          'base-uri': ['none'],
          'form-action': ['self']
        }
      }
    })
  ],
  define: { __WORKER_TEXTS__: JSON.stringify(workerTexts()) },
  build: { target: 'es2022' },
  server: { fs: { allow: ['..'] } },
  test: { environment: 'node', include: ['tests/**/*.test.ts'] }
});
