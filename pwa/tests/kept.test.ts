import { expect, test, vi } from 'vitest';
import { seriesQuery } from '../src/lib/graphql/analyse.ts';
import { textOf } from '../src/lib/graphql/document.ts';
import { askKept, keptPath } from '../src/lib/net/kept.ts';
import { request, spanEnd } from '../src/lib/net/request.ts';
import kept from '../../backend/application/graphql/persisted.json' with { type: 'json' };

test('a span ends where its question or its input says', () => {
  const over = { end: '2026-03-14T16:00:00Z' };
  expect(spanEnd(over)).toBe(Date.parse(over.end));
  expect(spanEnd({ input: over })).toBe(Date.parse(over.end));
  expect(spanEnd({ project: 'acme' })).toBeNaN();
  expect(spanEnd(undefined)).toBeNaN();
});

test('a change is never asked for by GET', async () => {
  const never = () => Promise.reject(new Error('asked'));
  expect(await askKept('mutation A', { end: '2026-03-14T16:00:00Z' }, never)).toBeNull();
});

test('the path names the operation as the server keeps it', async () => {
  const path = new URL(await keptPath(textOf(seriesQuery), { end: 'x&y' }), 'http://localhost');
  const id = path.searchParams.get('id') ?? '';
  expect((kept as Record<string, string>)[id]).toBe(textOf(seriesQuery));
  expect(path.searchParams.get('variables')).toBe('{"end":"x&y"}');
});

test('what the server does not keep is posted', async () => {
  const calls: [string, string][] = [];
  vi.stubGlobal('fetch', async (path: string, sent: RequestInit) => {
    calls.push([path.split('?')[0] ?? '', sent.method ?? 'GET']);
    const known = sent.method === 'POST';
    return Response.json({ data: { project: null } }, { status: known ? 200 : 422 });
  });
  const variables = { end: '2026-03-14T16:00:00Z' } as never;
  expect(await request(seriesQuery, variables)).toEqual({ project: null });
  expect(calls).toEqual([
    ['/graphql', 'GET'],
    ['/graphql', 'POST']
  ]);
  vi.unstubAllGlobals();
});
