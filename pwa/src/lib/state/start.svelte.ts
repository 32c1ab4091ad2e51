/** What runs while the app is open, and what runs for the open project. */
import { goto } from '$app/navigation';
import { untrack } from 'svelte';
import { language } from '../texts/language.svelte.ts';
import { alarms } from './alarms.svelte.ts';
import { clock } from './clock.svelte.ts';
import { connection } from './connection.svelte.ts';
import { outbox } from './outbox.svelte.ts';
import { session } from './session.svelte.ts';
import { summary } from './summary.svelte.ts';
import { theme } from './theme.svelte.ts';
import { worker, type WorkerMessage } from './worker.svelte.ts';

function heard(message: WorkerMessage): void {
  if (message.type === 'flushed') {
    outbox.note(message.flushed);
    void outbox.refresh();
  }
  if (message.type === 'pushed') {
    void alarms.reload();
    void flushSafely();
  }
  if (message.type === 'open') void goto(message.path);
}

async function flushSafely(): Promise<void> {
  await outbox.flush().catch(() => undefined);
}

/** Not part of the first load: nothing on the screen waits for it. */
async function keepReached(project: string): Promise<void> {
  const { refreshRegistration } = await import('../push/page.svelte.ts');
  await refreshRegistration(project, language.locale).catch(() => undefined);
}

export function startApp(): () => void {
  theme.start();
  const stops = [
    clock.start(),
    connection.start(),
    worker.start(heard),
    connection.onBack(() => void flushSafely())
  ];
  void session.start();
  return () => stops.forEach((stop) => stop());
}

/** Called again for another project; what it returns ends what it began. */
export function startProject(project: string): () => void {
  return untrack(() => {
    const stops = [summary.start(project), alarms.start(project)];
    void flushSafely();
    void keepReached(project);
    return () => stops.forEach((stop) => stop());
  });
}
