import type { ClientInit } from '@sveltejs/kit/hooks';
import { begin } from '#lib/state/start.svelte.ts';

/** Earlier than any screen's own code: it loads meanwhile. */
export const init: ClientInit = () => begin();
