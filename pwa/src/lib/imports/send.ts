/** Files go over REST: the body is the file itself. */
import { AppError, type Params } from '../net/errors.ts';
import type { FileKind } from '../graphql/imports.ts';

const TIMEOUT_MS = 120_000;

interface Problem {
  code?: string;
  params?: Params;
}

async function send(path: string, body: Blob | null): Promise<string> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: 'POST',
      credentials: 'same-origin',
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS)
    });
  } catch {
    throw new AppError('offline');
  }
  const answer: Problem & { id?: string } = await response.json().catch(() => ({}));
  if (!response.ok) throw new AppError(answer.code ?? 'unavailable', answer.params);
  return answer.id ?? '';
}

/** Have a file looked at; the identity of what was found. */
export function checkFile(project: string, kind: FileKind, file: File): Promise<string> {
  const about = new URLSearchParams({ project, kind, name: file.name.slice(0, 200) });
  return send(`/api/v1/imports?${about}`, file);
}

/** Apply a file that was looked at: `all` or nothing, or the `good` rows. */
export function applyFile(project: string, id: string, mode: 'all' | 'good'): Promise<string> {
  return send(`/api/v1/imports/${id}/apply?${new URLSearchParams({ project, mode })}`, null);
}
