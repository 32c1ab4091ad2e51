/** Sentences about a gateway's versions. */
import { DASH, dec } from '../format/shown.ts';
import type { Gateway, GatewayConfig } from '../graphql/gateways.ts';
import { t, tNamed } from '../texts/language.svelte.ts';

type Health = NonNullable<Gateway['health']>;

export function versionText({ software, wire }: Health): string {
  if (!wire) return t('gateways.third_party');
  return t('gateways.versions', { software: software ?? '?', wire });
}

/** Bytes of the running month as MB, with what the link may carry where that is limited. */
export function dataText({ dataBytes, dataForecast, dataBudget }: Health): string {
  const megabytes = (bytes: string | null) => dec(bytes, 1, -6);
  const limit = dataBudget && dataBudget !== '0' ? ` / ${megabytes(dataBudget)}` : '';
  const soon = t('gateways.data_forecast', { mb: megabytes(dataForecast) });
  return dataBytes === null ? DASH : `${megabytes(dataBytes)}${limit} MB (${soon})`;
}

/** What is in force, and what is wanted when that is another. */
export function configText(health: Health): string {
  const inForce = health.configVersion
    ? t('gateways.config', { version: health.configVersion })
    : t('gateways.config_own');
  if (health.configInForce !== false) return inForce;
  const state = health.configState ? stateText(health.configState) : '';
  return `${inForce}, ${t('gateways.config_wanted', { version: health.configWanted ?? '?', state })}`;
}

export function stateText(state: GatewayConfig['state']): string {
  return tNamed(`configs.state.${state.toLowerCase()}`, {}, state);
}
