/** What runs while the app is open, and what runs for the open project. */
import { warmNumbers } from '../format/numbers.ts';
import { warmTimes } from '../format/times.ts';
import { language } from '../texts/language.svelte.ts';
import { alarms } from './alarms.svelte.ts';
import { clock } from './clock.svelte.ts';
import { connection } from './connection.svelte.ts';
import { outbox } from './outbox.svelte.ts';
import { session } from './session.svelte.ts';
import { summary } from './summary.svelte.ts';
import { theme } from './theme.svelte.ts';
import { idle, inTurn } from './turns.ts';
import { worker, type WorkerMessage } from './worker.svelte.ts';

const PATIENCE_MS = 3_000;

function heard(message: WorkerMessage, open: (path: string) => void): void {
  if (message.type === 'flushed') {
    outbox.note(message.flushed);
    void outbox.refresh();
  }
  if (message.type === 'pushed') {
    void alarms.reload();
    void flushSafely();
  }
  if (message.type === 'open') open(message.path);
}

async function flushSafely(): Promise<void> {
  await outbox.flush().catch(() => undefined);
}

/** When the first screen is drawn or waits in vain: for what nothing on it waits for. */
async function afterwards(): Promise<void> {
  await Promise.race([summary.come, new Promise((done) => setTimeout(done, PATIENCE_MS))]);
  await idle();
}

/** The service worker's files do not compete with the first screen's. */
async function keepOffline(): Promise<void> {
  await afterwards();
  await worker.register();
}

async function keepReached(project: string): Promise<void> {
  await afterwards();
  const { refreshRegistration } = await import('../push/page.svelte.ts');
  await refreshRegistration(project, language.locale).catch(() => undefined);
}

/**
 * Before anything is drawn: asks for what the first screen waits for, then uses the wait to let the
 * browser load its numbers and dates of the reader's language, which blocks for a moment.
 */
export function begin(): void {
  void session.start();
  if (location.pathname === '/') summary.ask();
  language.start();
  const locale = language.preferred();
  setTimeout(() => warmNumbers(locale));
  setTimeout(() => warmTimes(locale));
}

/** `open` goes to a path of the app. */
export function startApp(open: (path: string) => void): () => void {
  theme.start();
  const stops = [
    clock.start(),
    connection.start(),
    worker.start((message) => heard(message, open)),
    connection.onBack(() => void flushSafely())
  ];
  void keepOffline();
  return () => stops.forEach((stop) => stop());
}

/** Called again for another project; what it returns ends what it began. */
export function startProject(project: string): () => void {
  void keepReached(project);
  return inTurn(
    () => summary.start(project),
    () => alarms.start(project)
  );
}
