/** What is over does not change: it may be asked for by GET and kept. */

/** Whether a query's span (`end`, or that of `input`) was over at an instant. */
export function isPast(query: string, variables: unknown, nowMs: number): boolean {
  const given = (variables ?? {}) as { end?: string; input?: { end?: string } };
  const end = given.end ?? given.input?.end;
  return query.startsWith('query ') && end !== undefined && Date.parse(end) <= nowMs;
}
