/** Queries by GET: the server keeps the app's operations by the SHA-256 of their text. */

/** The status for an operation that the server does not keep: it is of another release. */
const NOT_KEPT = 422;

type Ask = (path: string, sent: RequestInit) => Promise<Response>;

/** Ask a query about a span that is over; null for what cannot be asked so. */
export async function askKept(
  query: string,
  variables: unknown,
  ask: Ask
): Promise<Response | null> {
  if (!query.startsWith('query ') || !globalThis.crypto?.subtle) return null;
  const answer = await ask(await keptPath(query, variables), { cache: 'no-cache' });
  return answer.status === NOT_KEPT ? null : answer;
}

export async function keptPath(query: string, variables: unknown): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(query));
  const id = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'));
  return `/graphql?${new URLSearchParams({ id: id.join(''), variables: JSON.stringify(variables) })}`;
}
