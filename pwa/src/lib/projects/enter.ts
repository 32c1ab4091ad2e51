/** Into a project that was made: the session knows it before it is shown. */
import { session } from '../state/session.svelte.ts';

export async function enterProject(id: string): Promise<void> {
  await session.check();
  session.choose(id);
  location.assign('/');
}
