/** What permissions, modules and roles are called. */
import type { Permission } from '../session/may.ts';
import type { Role } from '../graphql/people.ts';
import { nameOf, tNamed } from '../texts/language.svelte.ts';
import type { Module } from './grant.ts';

export const moduleText = (one: Module): string => tNamed(`module.${one}`, {}, one);
export const permissionText = (one: Permission): string => tNamed(`permission.${one}`, {}, one);

export function roleText(roles: Role[], slug: string): string {
  return nameOf(roles.find((role) => role.slug === slug)?.name) || slug;
}
