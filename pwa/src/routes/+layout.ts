import { language } from '#lib/texts/language.svelte.ts';

export const ssr = false;

/** No screen is drawn before its texts are there. */
export async function load(): Promise<void> {
  await language.started;
}
