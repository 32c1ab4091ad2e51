/** Typed GraphQL documents that are plain text at run time: no parser reaches the phone. */
import type { initGraphQLTada, ResultOf, TadaDocumentNode, VariablesOf } from 'gql.tada';
import type { introspection } from './schema.d.ts';

interface Setup {
  introspection: introspection;
  disableMasking: true;
  scalars: {
    Decimal: string;
    BigInt: string;
    DateTime: string;
    Date: string;
    Values: (number | null)[];
    Instants: string[];
    JSON: Record<string, unknown>;
  };
}

type Graphql = ReturnType<typeof initGraphQLTada<Setup>>;
export type Document<Result, Variables> = TadaDocumentNode<Result, Variables>;
export type { ResultOf, VariablesOf };

/** One line a definition, fragments after what uses them, each once. */
function compose(source: string, fragments: readonly string[] = []): string {
  const own = source.replace(/\s+/g, ' ').trim();
  const lines = fragments.flatMap((fragment) => fragment.split('\n'));
  return [own, ...new Set(lines)].join('\n');
}

/** The types come from gql.tada, the value is the document's text: see `compose`. */
export const graphql = compose as unknown as Graphql;

/** The text that travels, exactly as `operations.json` lists it. */
export function textOf(document: unknown): string {
  return document as string;
}
