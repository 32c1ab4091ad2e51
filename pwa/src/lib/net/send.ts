/** What goes over REST: files, and what is made of files. */
import { AppError, type Params } from './errors.ts';

const TIMEOUT_MS = 120_000;

interface Problem {
  code?: string;
  params?: Params;
}

/** Send a file, or nothing, to a path; the identity of what was made there. */
export async function send(path: string, body: Blob | null): Promise<string> {
  return (await ask<{ id?: string }>(path, { method: 'POST', body })).id ?? '';
}

/** What is told at a path. */
export function get<T extends object>(path: string): Promise<T> {
  return ask<T>(path, {});
}

async function ask<T extends object>(path: string, how: RequestInit): Promise<T> {
  let response: Response;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(path, { credentials: 'same-origin', signal, ...how });
  } catch {
    throw new AppError('offline');
  }
  const answer: T & Problem = await response.json().catch(() => ({}));
  if (!response.ok) throw new AppError(answer.code ?? 'unavailable', answer.params);
  return answer;
}
