/**
 * What stands in place of the app while nobody is signed in, or who is belongs to no project; each
 * part loads when it is needed.
 */
import { session } from '../state/session.svelte.ts';
import { readChoice } from '../store/choices.ts';
import { language } from '../texts/language.svelte.ts';

export async function outside() {
  return (await Promise.all([part(), language.needAll()]))[0].default;
}

function part() {
  if (session.status === 'in') return import('../projects/NoProject.svelte');
  if (location.pathname === '/join') return import('../access/Join.svelte');
  const post = readChoice('post') ?? location.pathname === '/post';
  return post ? import('../posts/Take.svelte') : import('./SignIn.svelte');
}
