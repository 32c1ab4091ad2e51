/** A list of nodes as a tree, in the order the server gives. */
interface Item {
  id: string;
  parentId: string | null;
}

export interface Placed<T> {
  item: T;
  depth: number;
}

/** Parents before children; nodes whose parent is not in the list are roots. */
export function depths<T extends Item>(items: T[]): Placed<T>[] {
  const ids = new Set(items.map((item) => item.id));
  const below = (parent: string | null, depth: number): Placed<T>[] =>
    items
      .filter((item) => (ids.has(item.parentId ?? '') ? item.parentId : null) === parent)
      .flatMap((item) => [{ item, depth }, ...below(item.id, depth + 1)]);
  return below(null, 0);
}
