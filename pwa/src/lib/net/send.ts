/** Files go over REST: the body is the file itself. */
import { AppError, type Params } from './errors.ts';

const TIMEOUT_MS = 120_000;

interface Problem {
  code?: string;
  params?: Params;
}

/** Send a file, or nothing, to a path; the identity of what was made there. */
export async function send(path: string, body: Blob | null): Promise<string> {
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
