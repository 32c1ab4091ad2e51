import { afterEach, expect, test, vi } from 'vitest';
import { takeAway } from '../src/lib/analyse/taken.ts';

const ABOUT = {
  screen: 'ANALYSE' as const,
  scope: 'node_1',
  energy: 'electricity',
  start: '2026-03-14T16:00:00Z',
  end: '2026-03-15T16:00:00Z'
};
const SHEET = { name: 'a.csv', header: ['Start'], rows: [['2026-03-14T16:00:00Z', 1, null]] };

/** A page whose links are seen when they are clicked, and a server that answers so. */
function page(fetched: () => Promise<Response>) {
  const link = { href: '', download: '', click: vi.fn() };
  vi.stubGlobal('document', { createElement: () => link });
  vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:x');
  const asked = vi.fn<(path: string, sent: RequestInit) => Promise<Response>>(fetched);
  vi.stubGlobal('fetch', asked);
  return { link, asked };
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('a file is noted by a POST with what it holds, and written then', async () => {
  const { link, asked } = page(() =>
    Promise.resolve(Response.json({ data: { noteExported: true } }))
  );
  await takeAway('mill', ABOUT, SHEET);
  expect(link.click).toHaveBeenCalledOnce();
  expect(link.download).toBe('a.csv');
  expect(asked).toHaveBeenCalledOnce();
  const [path, sent] = asked.mock.calls[0]!;
  expect([path, sent.method]).toEqual(['/graphql', 'POST']);
  const { variables } = JSON.parse(String(sent.body)) as { variables: unknown };
  expect(variables).toEqual({ project: 'mill', exported: { ...ABOUT, rows: 1 } });
});

test('without a network nothing is written, and why is said', async () => {
  const { link } = page(() => Promise.reject(new TypeError('away')));
  await expect(takeAway('mill', ABOUT, SHEET)).rejects.toMatchObject({ code: 'export_offline' });
  expect(link.click).not.toHaveBeenCalled();
});

test('what the server refuses is not written', async () => {
  const refused = { errors: [{ message: 'x', extensions: { code: 'not_found' } }] };
  const { link } = page(() => Promise.resolve(Response.json(refused)));
  await expect(takeAway('mill', ABOUT, SHEET)).rejects.toMatchObject({ code: 'not_found' });
  expect(link.click).not.toHaveBeenCalled();
});
