/** Where a dataset comes from and what is made of it, as a small tree to read from the top to the bottom. */

export interface Branch {
  name: string;
  depth: number;
  side: "from" | "self" | "into";
  /** Already shown above: its own branches are not repeated. */
  again: boolean;
}

type Edges = Readonly<Record<string, readonly string[]>>;

/** Lines of the tree: the farthest ancestors first, then the dataset, then what is made of it; loops end at a repeat. */
export function lineage(name: string, parents: Edges, children: Edges, deepest = 4): Branch[] {
  const walk = (at: string, edges: Edges, side: "from" | "into"): Branch[] => {
    const seen = new Set([name]);
    const found: Branch[] = [];
    const step = (each: string, depth: number): void => {
      const again = seen.has(each);
      found.push({ name: each, depth, side, again });
      if (again || depth >= deepest) return;
      seen.add(each);
      for (const next of edges[each] ?? []) step(next, depth + 1);
    };
    for (const first of edges[at] ?? []) step(first, 1);
    return found;
  };
  const from = walk(name, parents, "from");
  const into = walk(name, children, "into");
  return [...from, { name, depth: 0, side: "self", again: false }, ...into];
}
