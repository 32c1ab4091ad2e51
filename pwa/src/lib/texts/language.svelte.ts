/** The language of the app and its texts; components that read a text follow a change. */
import { chooseLocale, fill, loadTable, plural } from './catalogue.ts';
import type { Key, Locale, Params, PluralKey, Table } from './catalogue.ts';
import { readChoice, writeChoice } from '../store/choices.ts';
import { remember } from '../store/database.ts';

class Language {
  locale = $state<Locale>('en');
  table = $state.raw<Table>({});
  /** Resolves when there are texts to draw with. */
  started: Promise<void> = Promise.resolve();
  #complete: Locale | null = null;

  /** What this device asks for. */
  preferred(): Locale {
    return chooseLocale(readChoice('locale'), navigator.languages);
  }

  start(): void {
    this.started = this.use(this.preferred());
  }

  async use(locale: Locale): Promise<void> {
    const complete = this.#complete === this.locale;
    this.table = await loadTable(locale, 'first');
    this.locale = locale;
    if (complete) await this.needAll();
    document.documentElement.lang = locale;
    void remember('locale', locale).catch(() => undefined);
  }

  /** Screens other than the first wait for this before they are drawn. */
  async needAll(): Promise<void> {
    const locale = this.locale;
    if (this.#complete === locale) return;
    const rest = await loadTable(locale, 'rest');
    if (locale !== this.locale) return;
    this.table = { ...this.table, ...rest };
    this.#complete = locale;
  }

  async choose(locale: Locale): Promise<void> {
    writeChoice('locale', locale);
    await this.use(locale);
  }
}

export const language = new Language();

export function t(key: Key, params: Params = {}): string {
  return fill(language.table[key] ?? key, params);
}

/** A text that the server names; `fallback` when the catalogue does not have it. */
export function tNamed(key: string, params: Params, fallback: string): string {
  const text = language.table[key];
  return text === undefined ? fallback : fill(text, params);
}

export function tCount(key: PluralKey, count: number): string {
  return plural(language.table, language.locale, key, count);
}

/** A name in the reader's language. */
export function nameOf(name: { en: string; zh: string } | null | undefined): string {
  if (!name) return '';
  const [first, second] = language.locale === 'zh-CN' ? [name.zh, name.en] : [name.en, name.zh];
  return first || second;
}
