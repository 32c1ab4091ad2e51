/** A shared device's post, taking and leaving it; `left` is set until the server has heard of leaving. */
import { signOutMutation } from '../graphql/session.ts';
import { request } from '../net/request.ts';
import { session } from '../state/session.svelte.ts';
import { readChoice, writeChoice } from '../store/choices.ts';
import { remember } from '../store/database.ts';
import { unshare } from '../store/forget.ts';

export interface Standing {
  name: string;
  /** Seconds without a touch after which it is free again. */
  idleS: number;
}

/** The post of this device, as it was last told: known without a network too. */
export function standing(): Standing {
  const known: Partial<Standing> = JSON.parse(readChoice('post') ?? '{}');
  return { name: known.name ?? '', idleS: known.idleS ?? 60 };
}

/** Keeps what the server says of this device's post; null when it has none any more. */
export async function keepStanding(post: Standing | null): Promise<void> {
  writeChoice('post', post && JSON.stringify({ name: post.name, idleS: post.idleS }));
  if (!post) await unshare();
}

/** Whoever held it leaves it at once. */
export async function leavePost(): Promise<void> {
  writeChoice('left', 'yes');
  await session.leave();
}

/** Tells the server that the device was left, if it has not heard of it; rejects without a network. */
export async function tellLeft(): Promise<void> {
  if (!readChoice('left')) return;
  await request(signOutMutation, {});
  writeChoice('left', null);
}

/** Somebody takes it; `tap` proves afterwards what they tap. */
export async function takePost(tap: string): Promise<void> {
  writeChoice('left', null);
  await remember('tap', tap);
  await session.check();
}
