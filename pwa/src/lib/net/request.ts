/** One GraphQL operation over HTTP with the session cookie. */
import { textOf, type Document } from '../graphql/document.ts';
import { AppError, type Params } from './errors.ts';
import { isPast } from './past.ts';

const TIMEOUT_MS = 15_000;
/** The status for an operation that the server does not keep: it is of another release. */
const NOT_KEPT = 422;

interface Answer {
  data?: unknown;
  errors?: { message: string; extensions?: { code?: string; params?: Params } }[];
}

async function ask(path: string, sent: RequestInit): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return await fetch(path, { credentials: 'same-origin', signal, ...sent });
  } catch {
    throw new AppError('offline');
  }
}

function post(body: string): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return ask('/graphql', { method: 'POST', headers, body });
}

/** A question about a span that is over goes by GET: what the browser has of it still holds, or not. */
async function send(query: string, variables: unknown): Promise<Response> {
  if (isPast(query, variables, Date.now()) && globalThis.crypto?.subtle) {
    const { keptPath } = await import('./kept.ts');
    const answer = await ask(await keptPath(query, variables), { cache: 'no-cache' });
    if (answer.status !== NOT_KEPT) return answer;
  }
  return post(JSON.stringify({ query, variables }));
}

async function read(response: Response): Promise<Answer> {
  try {
    return await response.json();
  } catch {
    throw new AppError(response.status >= 500 ? 'unavailable' : 'error');
  }
}

/** The data, or an AppError: `offline` when the server was not reached, else the server's code. */
export async function request<Result, Variables>(
  document: Document<Result, Variables>,
  variables: Variables
): Promise<Result> {
  const query = textOf(document);
  const answer = await read(await send(query, variables));
  const error = answer.errors?.[0];
  if (error) throw new AppError(error.extensions?.code ?? 'error', error.extensions?.params);
  if (answer.data === undefined || answer.data === null) throw new AppError('error');
  return answer.data as Result;
}
