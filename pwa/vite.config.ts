import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { partOf } from './src/lib/texts/part.ts';

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
const textParts: Plugin = {
  name: 'text-parts',
  load(id) {
    const part = id.match(/\.json\?part=(first|rest)$/)?.[1];
    if (!part) return undefined;
    const all: Record<string, string> = JSON.parse(readFileSync(id.split('?')[0] ?? id, 'utf8'));
    const texts = Object.fromEntries(Object.entries(all).filter(([key]) => partOf(key) === part));
    return {
      code: `export default JSON.parse(${JSON.stringify(JSON.stringify(texts))})`,
      moduleType: 'js'
    };
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

const FRAME =
  /src\/lib\/(alarm\/(order|text)|chart\/series|format|net\/(?!kept|send)|session\/Demo|state\/(?!again)|store|texts|ui\/(?!more|Answer|Language|Page|Password|QrCode|Segmented|Shell|Update|Validity))|node_modules\/(graphql-ws|idb)\//;
/** What most of the other screens share; one file, which the first screen does not need. */
const PAGE =
  /src\/lib\/(analyse\/Stepper|forms|gateways\/Connected|graphql\/(access|groups|identity|model|model-changes|operating|plant|posts|roles)\.ts|model\/(NameFields|Since)|people\/(ScannedOnce|Ticks)|plant\/(tree|points)|projects\/(brand|enter)|session\/may|ui\/(Answer|Language|Page|Password|QrCode|Segmented|Validity|more-icons)|state\/again)/;
const PAYLOAD = /@sveltejs\/kit\/src\/runtime\/client\/payload\.js/;
const KIT = /@sveltejs\/kit\/src\/(?!runtime\/client\/entry\.js)/;

export default defineConfig({
  plugins: [
    textParts,
    sveltekit({
      adapter: adapter({ fallback: 'index.html', precompress: false }),
      version: { name: buildName() },
      serviceWorker: { register: false },
      // The frame's few rules come with the page: no request stands before the first paint.
      inlineStyleThreshold: 16_384,
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
  build: {
    target: 'es2022',
    /** Which scripts each of the other screens needs is not for the first one to carry. */
    modulePreload: {
      polyfill: false,
      resolveDependencies: (_file, needed) => needed.filter((one) => one.endsWith('.css'))
    },
    rolldownOptions: {
      output: {
        /**
         * What every screen needs is one file, and SvelteKit another: small ones compress badly,
         * and each is a request. SvelteKit's modules must run after its `entry` has set `payload`,
         * so that stays alone, and the frame, which `entry` needs, imports nothing of SvelteKit.
         */
        codeSplitting: {
          groups: [
            { name: 'frame', priority: 3, test: FRAME },
            { name: 'payload', priority: 2, test: PAYLOAD },
            { name: 'kit', priority: 1, test: KIT },
            { name: 'page', priority: 1, test: PAGE }
          ]
        }
      }
    }
  },
  server: { fs: { allow: ['..'] } },
  test: { environment: 'node', include: ['tests/**/*.test.ts'] }
});
