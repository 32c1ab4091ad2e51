/** Texts by key in one language, with parameters and plurals; a missing key is a type error. */
import type en from '../../../../backend/core/texts/en.json';

export type Key = keyof typeof en;
export type PluralKey = Key extends infer K
  ? K extends `${infer Base}.other`
    ? Base
    : never
  : never;
export type Locale = 'en' | 'zh-CN';
export type Params = Record<string, string | number>;
export type Table = Record<string, string>;

export const LOCALES: readonly Locale[] = ['en', 'zh-CN'];

const PARTS = {
  en: {
    first: () => import('../../../../backend/core/texts/en.json?part=first'),
    rest: () => import('../../../../backend/core/texts/en.json?part=rest')
  },
  'zh-CN': {
    first: () => import('../../../../backend/core/texts/zh-CN.json?part=first'),
    rest: () => import('../../../../backend/core/texts/zh-CN.json?part=rest')
  }
};

/** The texts of the first screen and the frame, or those of all other screens. */
export async function loadTable(locale: Locale, part: 'first' | 'rest'): Promise<Table> {
  return (await PARTS[locale][part]()).default;
}

/** The language asked for: what was chosen, else the browser's, else English. */
export function chooseLocale(chosen: string | null, offered: readonly string[]): Locale {
  if (chosen === 'en' || chosen === 'zh-CN') return chosen;
  return offered[0]?.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

export function fill(text: string, params: Params): string {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
}

/** `key.one` / `key.other` by the language's rule; `{n}` is the formatted count. */
export function plural(table: Table, locale: Locale, key: string, count: number): string {
  const rule = new Intl.PluralRules(locale).select(count);
  const text = table[`${key}.${rule}`] ?? table[`${key}.other`] ?? key;
  return fill(text, { n: new Intl.NumberFormat(locale).format(count) });
}
