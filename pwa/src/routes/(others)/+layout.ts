import { language } from '#lib/texts/language.svelte.ts';

/** The language is chosen above; its remaining texts come before the screen. */
export async function load({ parent }: { parent: () => Promise<unknown> }): Promise<void> {
  await parent();
  await language.needAll();
}
