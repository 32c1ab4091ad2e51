/** Files of rows: looked at first, then applied. */
import { send } from '../net/send.ts';
import type { FileKind } from '../graphql/imports.ts';

/** Have a file looked at; the identity of what was found. */
export function checkFile(project: string, kind: FileKind, file: File): Promise<string> {
  const about = new URLSearchParams({ project, kind, name: file.name.slice(0, 200) });
  return send(`/api/v1/imports?${about}`, file);
}

/** Apply a file that was looked at: `all` or nothing, or the `good` rows. */
export function applyFile(project: string, id: string, mode: 'all' | 'good'): Promise<string> {
  return send(`/api/v1/imports/${id}/apply?${new URLSearchParams({ project, mode })}`, null);
}
