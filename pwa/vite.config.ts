import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
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
