/**
 * What stands in place of the app while nobody is signed in, or who is belongs to no project; each
 * part loads when it is needed.
 */
import { readChoice } from '../store/choices.ts';
import { language } from '../texts/language.svelte.ts';

/** `status` is the session's. */
export async function outside(status: string) {
  return (await Promise.all([part(status), language.needAll()]))[0].default;
}

function part(status: string) {
  if (status === 'in') return import('../projects/NoProject.svelte');
  if (location.pathname === '/signup') return import('../access/SignUp.svelte');
  if (location.pathname === '/join') return import('../access/Join.svelte');
  const post = readChoice('post') ?? location.pathname === '/post';
  return post ? import('../posts/Take.svelte') : import('./SignIn.svelte');
}
