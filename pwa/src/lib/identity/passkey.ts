/** What the browser and its device do for a passkey; options and answers are the server's JSON. */
import {
  addPasskeyMutation,
  beginPasskeyMutation,
  beginPasskeySignInMutation,
  proveByPasskeyMutation,
  signInByPasskeyMutation
} from '../graphql/identity.ts';
import type { Viewer } from '../graphql/session.ts';
import { AppError, present } from '../net/errors.ts';
import { request } from '../net/request.ts';

interface Offer {
  step: string;
  options: string;
}

/** Whether this browser can make and use passkeys, and writes them as JSON. */
export function passkeysKnown(): boolean {
  return (
    typeof PublicKeyCredential === 'function' &&
    'parseCreationOptionsFromJSON' in PublicKeyCredential
  );
}

/** The answer as JSON; `passkey_stopped` when the person or the device did not want to. */
async function answered(asked: Promise<Credential | null>): Promise<string> {
  const credential = await asked.catch(() => null);
  if (!(credential instanceof PublicKeyCredential)) throw new AppError('passkey_stopped');
  return JSON.stringify(credential.toJSON());
}

export async function addPasskey(name: string): Promise<void> {
  const { step, options } = (await request(beginPasskeyMutation, {})).beginPasskey;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options));
  const answer = await answered(navigator.credentials.create({ publicKey }));
  await request(addPasskeyMutation, { step, name, answer });
}

async function used(): Promise<{ step: string; answer: string }> {
  const offer: Offer = (await request(beginPasskeySignInMutation, {})).beginPasskeySignIn;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(offer.options));
  return { step: offer.step, answer: await answered(navigator.credentials.get({ publicKey })) };
}

/** Sign in with whichever passkey the person chooses. */
export async function signInByPasskey(): Promise<Viewer> {
  const { viewer } = (await request(signInByPasskeyMutation, await used())).signInByPasskey;
  return present(viewer);
}

export async function proveByPasskey(): Promise<void> {
  await request(proveByPasskeyMutation, await used());
}
