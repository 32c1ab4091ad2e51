/** Who is signed in and which project is open. */
import {
  viewerQuery,
  signInMutation,
  signOutMutation,
  setLocaleMutation
} from '../graphql/session.ts';
import type { Project, Viewer } from '../graphql/session.ts';
import { asAppError } from '../net/errors.ts';
import { request } from '../net/request.ts';
import { readChoice, writeChoice } from '../store/choices.ts';
import { remember } from '../store/database.ts';
import { forget } from '../store/forget.ts';
import { loadSnapshot, saveSnapshot } from '../store/snapshot.ts';
import { language } from '../texts/language.svelte.ts';
import type { Locale } from '../texts/catalogue.ts';
import { clock } from './clock.svelte.ts';

type Status = 'starting' | 'out' | 'in' | 'unreachable';

class Session {
  status = $state<Status>('starting');
  viewer = $state.raw<Viewer | null>(null);
  #chosen = $state<string | null>(readChoice('project'));

  project: Project | null = $derived.by(() => {
    const projects = this.viewer?.projects ?? [];
    return projects.find((project) => project.id === this.#chosen) ?? projects[0] ?? null;
  });

  /**
   * Asks the server who it is and shows the last known person until it answers; one of whom the
   * chosen project is not known yet, only when it does not.
   */
  async start(): Promise<void> {
    const checked = this.check();
    const known = (await loadSnapshot<Viewer>('viewer'))?.data;
    const found = known?.projects.some((project) => project.id === this.#chosen);
    if (this.#chosen && !found) await checked;
    if (known && !this.viewer && this.status !== 'out') this.#enter(known);
    await checked;
  }

  async check(): Promise<void> {
    if (readChoice('left')) return this.leave();
    const sent = Date.now();
    try {
      const { viewer, now } = await request(viewerQuery, {});
      clock.note(now, sent, Date.now());
      if (viewer) this.#enter(viewer);
      else await this.leave();
    } catch (cause) {
      if (asAppError(cause).code === 'not_signed_in') await this.leave();
      else if (!this.viewer) this.status = 'unreachable';
    }
  }

  /** Null when the session began, else the second step that is due. */
  async signIn(login: string, password: string): Promise<string | null> {
    const { signIn } = await request(signInMutation, { login, password });
    if (signIn.viewer) this.began(signIn.viewer);
    return signIn.step;
  }

  /** A session began, whichever way. */
  began(viewer: Viewer): void {
    this.#enter(viewer);
    void this.setLocale(language.locale);
  }

  async signOut(): Promise<void> {
    await request(signOutMutation, {});
    await this.leave();
  }

  /** The session is over: nothing of this person stays on the device. */
  async leave(): Promise<void> {
    this.status = 'out';
    this.viewer = null;
    await forget().catch(() => undefined);
  }

  choose(project: string): void {
    this.#chosen = project;
    writeChoice('project', project);
  }

  /** So that pushes and mails come in the language of the app. */
  async setLocale(locale: Locale): Promise<void> {
    if (this.viewer?.person.locale === locale) return;
    await request(setLocaleMutation, { locale }).catch(() => undefined);
  }

  #enter(viewer: Viewer): void {
    this.viewer = viewer;
    this.status = 'in';
    void saveSnapshot('viewer', viewer, Date.now()).catch(() => undefined);
    if (this.project) void remember('project', this.project.id).catch(() => undefined);
  }
}

export const session = new Session();
