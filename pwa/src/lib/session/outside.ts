/** What stands in place of the app while nobody is signed in; each part loads when it is needed. */
import { readChoice } from '../store/choices.ts';
import { language } from '../texts/language.svelte.ts';

export const outside = () => spoken(part());

/** Whoever belongs to no project has nothing else to look at. */
export const noProject = () => spoken(import('../projects/NoProject.svelte'));

async function spoken<T>(part: Promise<{ default: T }>): Promise<T> {
  return (await Promise.all([part, language.needAll()]))[0].default;
}

function part() {
  if (location.pathname === '/join') return import('../access/Join.svelte');
  const post = readChoice('post') ?? location.pathname === '/post';
  return post ? import('../posts/Take.svelte') : import('./SignIn.svelte');
}
