/** Which gateways use a profile: those that read a device with it. */
import type { ProfilesPage } from '../graphql/profiles.ts';

export interface User {
  gateway: ProfilesPage['gateways'][number];
  devices: number;
}

export function usersOf(page: ProfilesPage, profile: string): User[] {
  return page.gateways
    .map((gateway) => ({
      gateway,
      devices: page.devices.filter(
        (device) => device.profile === profile && device.gatewayId === gateway.id
      ).length
    }))
    .filter((user) => user.devices > 0);
}

const MAKER = /^maker:\s*["']?([\w .-]+?)["']?\s*$/m;
const TYPE = /^type:\s*["']?([\w .-]+?)["']?\s*$/m;

/** `maker/type` as the text says it, in the form of a profile's name; empty when it does not. */
export function nameIn(text: string): string {
  const [maker, type] = [MAKER.exec(text)?.[1], TYPE.exec(text)?.[1]];
  if (!maker || !type) return '';
  return `${maker}/${type}`.toLowerCase().replace(/\s+/g, '-');
}
