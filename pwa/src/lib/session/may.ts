/** What the reader may do in the open project; the server asks again whatever the screen shows. */
import type { Project } from '../graphql/session.ts';
import { session } from '../state/session.svelte.ts';

export type Permission = Project['permissions'][number];

/** A snapshot of an older version knows no permissions: nothing is offered until the server spoke. */
export function may(permission: Permission): boolean {
  return session.project?.permissions?.includes(permission) ?? false;
}
