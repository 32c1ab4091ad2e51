/** Notifications from the page's side: which step of the ladder this browser stands on. */
import { pushStateQuery, testPushMutation } from '../graphql/settings.ts';
import { unregisterPushMutation } from '../graphql/push.ts';
import { asAppError } from '../net/errors.ts';
import { request } from '../net/request.ts';
import { readChoice, writeChoice } from '../store/choices.ts';
import { register, serverKey, subscribe } from './register.ts';

/** Why notifications are off here, or that they are on. */
export type Step = 'insecure' | 'unsupported' | 'install_first' | 'denied' | 'ask' | 'off' | 'on';

const CHOICE = 'push';

function isApplePhone(): boolean {
  return /iPhone|iPad/.test(navigator.userAgent);
}

function isInstalled(): boolean {
  return matchMedia('(display-mode: standalone)').matches;
}

/** What the browser itself allows, before the server is asked. */
function allowed(): Step {
  if (!isSecureContext) return 'insecure';
  if (isApplePhone() && !isInstalled()) return 'install_first';
  if (!('serviceWorker' in navigator) || !('PushManager' in window)) return 'unsupported';
  if (Notification.permission === 'denied') return 'denied';
  return Notification.permission === 'default' ? 'ask' : 'off';
}

/** Whether the server knows this browser's subscription. */
async function registered(project: string): Promise<boolean> {
  const registration = await navigator.serviceWorker.getRegistration();
  const subscription = await registration?.pushManager.getSubscription();
  if (!subscription) return false;
  const { endpoint } = subscription;
  const { project: found } = await request(pushStateQuery, { project, endpoint });
  return found?.pushRegistered ?? false;
}

class PushState {
  step = $state<Step>('off');
  busy = $state(false);
  failure = $state<string | null>(null);
  /** Deliveries that the last test queued. */
  tested = $state<number | null>(null);

  /** Reads no state of its own: an effect that calls it must not depend on what it sets. */
  async look(project: string): Promise<void> {
    const step = allowed();
    this.step = step === 'off' && (await registered(project)) ? 'on' : step;
  }

  turnOn(project: string, locale: string): Promise<void> {
    return this.#during(async () => {
      if ((await Notification.requestPermission()) !== 'granted') {
        this.step = allowed();
        return;
      }
      const registration = await navigator.serviceWorker.ready;
      await register(await subscribe(registration, await serverKey(project)), project, locale);
      writeChoice(CHOICE, 'on');
      this.step = 'on';
    });
  }

  turnOff(project: string): Promise<void> {
    return this.#during(async () => {
      const registration = await navigator.serviceWorker.ready;
      const subscription = await registration.pushManager.getSubscription();
      writeChoice(CHOICE, null);
      if (subscription) {
        await request(unregisterPushMutation, { project, endpoint: subscription.endpoint });
        await subscription.unsubscribe();
      }
      this.step = 'off';
    });
  }

  test(project: string): Promise<void> {
    return this.#during(async () => {
      this.tested = (await request(testPushMutation, { project })).testPush;
    });
  }

  async #during(work: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.failure = null;
    try {
      await work();
    } catch (cause) {
      this.failure = cause instanceof DOMException ? 'push_service' : asAppError(cause).code;
    } finally {
      this.busy = false;
    }
  }
}

export const push = new PushState();

/** At every start: browsers and servers forget subscriptions; whoever said yes stays reached. */
export async function refreshRegistration(project: string, locale: string): Promise<void> {
  if (readChoice(CHOICE) !== 'on' || allowed() !== 'off') return;
  const registration = await navigator.serviceWorker.ready;
  await register(await subscribe(registration, await serverKey(project)), project, locale);
}
