/** Queries by GET: the server keeps the app's operations by the SHA-256 of their text. */

/** Where the answer to a query is asked for. */
export async function keptPath(query: string, variables: unknown): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(query));
  const id = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'));
  return `/graphql?${new URLSearchParams({ id: id.join(''), variables: JSON.stringify(variables) })}`;
}
