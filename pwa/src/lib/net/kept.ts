/** Queries by GET: the server keeps the app's operations by the SHA-256 of their text. */

/** Whether a query's span (`end`, or that of `input`) was over at an instant. */
export function isPast(query: string, variables: unknown, nowMs: number): boolean {
  const given = (variables ?? {}) as { end?: string; input?: { end?: string } };
  const end = given.end ?? given.input?.end;
  return query.startsWith('query ') && end !== undefined && Date.parse(end) <= nowMs;
}

export async function keptPath(query: string, variables: unknown): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(query));
  const id = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'));
  return `/graphql?${new URLSearchParams({ id: id.join(''), variables: JSON.stringify(variables) })}`;
}
