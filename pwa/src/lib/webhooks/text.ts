/** Texts of webhooks. */
import type { Webhook, WebhookKind } from '../graphql/webhooks.ts';
import { t, tCount, tNamed } from '../texts/language.svelte.ts';

export const KINDS: readonly WebhookKind[] = [
  'ALARM',
  'COMMAND',
  'GATEWAY',
  'IMPORT',
  'MODEL',
  'RESTATEMENT'
];

export const kindText = (kind: WebhookKind): string => tNamed(`webhook.kind.${kind}`, {}, kind);

/** How it stands: in order, or how many deliveries wait and were given up. */
export function standing({ pending, dead, error }: Webhook): string {
  const said = [
    ...(pending > 0 ? [tCount('webhook.pending', pending)] : []),
    ...(dead > 0 ? [tCount('webhook.dead', dead)] : [])
  ];
  return said.join(' · ') || (error ? '' : t('webhook.fine'));
}

/** The host that it goes to, to name it by. */
export function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url;
}
