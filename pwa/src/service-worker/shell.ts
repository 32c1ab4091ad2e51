/** The app's own files in a cache that is named by their content. */
import { assets, immutable } from '$app/manifest';
import { self } from '$app/service-worker';

const PREFIX = 'kilowise-shell-';
const INDEX = '/';
const files = [...immutable, ...assets].map(
  ({ path }) => new URL(path, self.location.origin).pathname
);
const known = new Set(files);
const SHELL = PREFIX + fingerprint(files.join());

/** FNV-1a: the file names carry the hashes of their content. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const character of text)
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16);
}

export async function storeShell(): Promise<void> {
  const cache = await caches.open(SHELL);
  await cache.addAll([INDEX, ...files].map((path) => new Request(path, { cache: 'no-cache' })));
}

export async function dropOldShells(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== SHELL);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** Pages and files of this version from the cache; everything else goes to the network. */
export function answerFromShell(request: Request): Promise<Response> | undefined {
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return undefined;
  if (request.mode === 'navigate' && !belongsToServer(url.pathname))
    return fromShell(request, INDEX);
  return known.has(url.pathname) ? fromShell(request, url.pathname) : undefined;
}

function belongsToServer(path: string): boolean {
  return /^\/(api|graphql|explorer|setup|healthz|readyz|metrics)\b/.test(path);
}

async function fromShell(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(SHELL);
  return (await cache.match(path)) ?? fetch(request);
}
