/** One GraphQL operation over HTTP with the session cookie. */
import { textOf, type Document } from '../graphql/document.ts';
import { AppError, type Params } from './errors.ts';

const TIMEOUT_MS = 15_000;

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

/** What is over does not change: the browser may have the answer already, and it still hold. */
async function send(query: string, variables: unknown): Promise<Response> {
  const past = spanEnd(variables) <= Date.now() && (await import('./kept.ts'));
  const kept = past && (await past.askKept(query, variables, ask));
  return kept || post(JSON.stringify({ query, variables }));
}

/** The end of a question's span (`end`, or that of `input`); NaN for one without. */
export function spanEnd(variables: unknown): number {
  const given = (variables ?? {}) as { end?: string; input?: { end?: string } };
  return Date.parse(given.end ?? given.input?.end ?? '');
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
