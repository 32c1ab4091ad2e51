/** One GraphQL operation over HTTP with the session cookie. */
import { textOf, type Document } from '../graphql/document.ts';
import { AppError, type Params } from './errors.ts';

const TIMEOUT_MS = 15_000;

interface Answer {
  data?: unknown;
  errors?: { message: string; extensions?: { code?: string; params?: Params } }[];
}

async function post(body: string): Promise<Response> {
  try {
    return await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      credentials: 'same-origin',
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS)
    });
  } catch {
    throw new AppError('offline');
  }
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
  const answer = await read(await post(JSON.stringify({ query, variables })));
  const error = answer.errors?.[0];
  if (error) throw new AppError(error.extensions?.code ?? 'error', error.extensions?.params);
  if (answer.data === undefined || answer.data === null) throw new AppError('error');
  return answer.data as Result;
}
