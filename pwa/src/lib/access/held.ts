/** Something by which somebody gets in, as a list shows it. */
export interface Held {
  id: string;
  title: string;
  lines: string[];
  /** What is wrong with it. */
  warning?: string | null;
}
